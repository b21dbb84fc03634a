"""Hashing while weights and states change at run time: the real haproxy by its runtime socket, ours by a pool of servers."""

from __future__ import annotations

import random

import pytest

from balancers.hashed import Hashed
from balancers.hashing import digest
from balancers.testing import Pool
from tests.harness.products import haproxy26, lacking_oracle
from tests.oracle.hash_farm import Farm, Servers, farm

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())


def made(method: str, **more: int) -> Hashed:
    found = Hashed()
    found.hash_type(method, "sdbm", "avalanche", **more)  # type: ignore[arg-type]
    return found


def ask(key: str) -> bytes:
    field = f"x-k: {key}\r\n" if key else ""
    return f"GET / HTTP/1.1\r\nhost: x\r\nx-b: b\r\n{field}\r\n".encode()


def pick(pool: Pool, key: str) -> str:
    """As the farm names it."""
    assert isinstance(pool.balancer, Hashed)
    slot = pool.balancer.server_of(digest("sdbm", key.encode(), "avalanche")) if key else pool.balancer.next_server()
    return "503" if slot is None else f"s{slot.place + 1}"


def change(dice: random.Random, pool: Pool, real: Farm, method: str, weights: list[int], down: set[int]) -> str:
    """Something happens to a server, on both sides. Returns: what."""
    i = dice.randrange(len(weights))
    if dice.random() < 0.5:
        weight = dice.choice([0, 1, dice.randint(1, 256)]) if method == "consistent" else dice.choice([0, weights[i]])
        told = f"s{i + 1} weight {weight}"
        real.command(f"set server b/s{i + 1} weight {weight if method == 'consistent' else '100%' if weight else '0%'}")
        pool.weight(i, weight)
        return told
    real.command(f"{'enable' if i in down else 'disable'} server b/s{i + 1}")
    pool.up(i, i in down)
    down ^= {i}
    return f"s{i + 1} {'down' if i in down else 'up'}"


@pytest.mark.parametrize("options", ["", "option allbackups"])
@pytest.mark.parametrize("method", ["map-based", "consistent"])
@pytest.mark.parametrize("seed", range(4))
def test_changes(tmp_path_factory: pytest.TempPathFactory, method: str, options: str, seed: int) -> None:
    dice = random.Random(seed)
    weights = [dice.choice([1, dice.randint(1, 9), dice.randint(1, 256)]) for _ in range(5)]
    lines = tuple(f"{{at}} weight {w}{' backup' if i > 2 else ''}" for i, w in enumerate(weights))
    words = ["balance hdr(x-k)", f"hash-type {method} sdbm avalanche"]
    pool = Pool(lambda: made(method), weights, backups=(3, 4), allbackups=bool(options))
    history, down = [], set[int]()
    folder = str(tmp_path_factory.mktemp("c"))
    with farm(haproxy26(), [("b", words, Servers("", lines, options))], folder) as real:
        for _ in range(25):
            keys = [dice.choice(["", f"k{dice.random()}"]) for _ in range(20)]
            ours, theirs = [pick(pool, key) for key in keys], real.picks([ask(key) for key in keys])
            told = list(zip(("key" if key else "" for key in keys), ours, theirs, strict=True))
            assert ours == theirs, (weights, history, told)
            history.append(change(dice, pool, real, method, weights, down))
