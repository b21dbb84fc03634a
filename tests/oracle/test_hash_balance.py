"""The hashing algorithms beside the real haproxy: every request goes to the same server.

All backends stand in one configuration, run once by each product; a request names its backend.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from tests.harness.products import haproxy26, lacking_oracle, pyhaproxy
from tests.oracle.hash_farm import Farm, Servers, farm

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

SERVERS = [
    Servers("equal", ("{at}",) * 5),
    Servers("uneven", ("{at} weight 1", "{at} weight 20", "{at} weight 7", "{at} weight 256")),
    Servers("common", ("{at} weight 10", "{at} weight 30", "{at} weight 20")),
    Servers("zero", ("{at} weight 0", "{at} weight 3", "{at} weight 2", "{at} weight 0")),
    Servers("down", ("{at}", "{at} weight 3 disabled", "{at} weight 2", "{at}")),
    Servers("ids", ("{at} id 70", "{at} id 3", "{at} id 1000000", "{at} weight 2")),
    Servers("one", ("{at} disabled", "{at} weight 5")),
    Servers("none", ("{at} disabled", "{at} weight 0")),
    Servers("backup", ("{at} disabled", "{at} weight 4 backup", "{at} weight 5 backup")),
    Servers("backups", ("{at} disabled", "{at} weight 4 backup", "{at} weight 5 backup"), "option allbackups"),
    Servers("spare", ("{at}", "{at} backup", "{at} weight 3", "{at} weight 5 backup"), "option allbackups"),
]
TYPES = [
    f"hash-type {method}{function}{modifier}"
    for method in ("map-based", "consistent")
    for function in ("", " sdbm", " djb2", " wt6", " crc32")
    for modifier in ("", " avalanche")
    if function or not modifier
]
KEYS = [
    "balance uri", "balance uri whole", "balance uri len 6", "balance uri depth 2", "balance uri depth 1 len 9 whole",
    "balance uri path-only", "balance uri whole path-only depth 3", "balance url_param id", "balance url_param a check_post",
    "balance hdr(x-k)", "balance hdr(X-K) use_domain_only", "balance hdr(host) use_domain_only", "balance hash path",
    "balance hash url_param(id)", "balance hash req.hdr(x-k),lower", "balance hash int(77)", "balance hash url,length",
    "balance hash method", "balance hash src", "balance hash cookie(c)", "balance hash req.hdr_ip(x-k)",
    "balance hash req.hdr(x-k),bool", "balance hash req.body", "balance hash str()", "balance hash path,sha1",
    "balance hash path,sdbm(1)", "balance hash path,crc32c(1)", "balance rdp-cookie",
]  # fmt: skip
MATRIX = list(itertools.product(TYPES, SERVERS))


def words(dice: random.Random) -> str:
    return "".join(dice.choice("abcXYZ012-._~%41") for _ in range(dice.randint(0, 12)))


def target(dice: random.Random) -> str:
    path = "/" + "/".join(words(dice) for _ in range(dice.randint(0, 4)))
    query = "&".join(f"{dice.choice(['id', 'a', 'xid', 'i'])}{dice.choice(['=', '=', ''])}{words(dice)}" for _ in range(dice.randint(0, 3)))
    form = dice.choice(["", "", "", "http://www.example.org"])
    return form + path + dice.choice(["", "?", "?" + query, "?" + query])


def value(dice: random.Random) -> str:
    return dice.choice(
        ["", "a,b", ",b", " a , b", '"q,r" s,t', "www.example.org", "example.org", "org", "www.sub.example.org:80", ".x.", "..",
         "10.1.2.3", "1", words(dice), words(dice) + "." + words(dice), "\xe9\xff"]
    )  # fmt: skip


def request(dice: random.Random, backend: str) -> bytes:
    """Any request that a hash may look at."""
    url = target(dice)
    body = dice.choice(["", f"a={words(dice)}", f"id={words(dice)}&a={words(dice)}", f"a={words(dice)} x", "xa=1&a", "a=1&\x01a=2"])
    method = dice.choice(["GET", "GET", "POST"])
    fields = [f"host: {dice.choice(['h', 'www.example.org', 'example.org:8080', '127.0.0.1'])}", f"x-b: {backend}"]
    if url.startswith("http"):
        fields[0] = "host: www.example.org"
    for name, odds in (("x-k", 0.7), ("x-k", 0.2), ("cookie", 0.3)):
        if dice.random() < odds:
            fields.append(f"{name}: {value(dice) if name == 'x-k' else 'c=' + words(dice)}")
    if method == "POST":
        fields.append(f"content-length: {len(body)}")
    return (f"{method} {url} HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n" + (body if method == "POST" else "")).encode("latin-1")


def all_backends() -> Iterator[tuple[str, list[str], Servers]]:
    for i, (kind, servers) in enumerate(MATRIX):
        yield f"m{i}", ["balance uri whole", kind], servers
    for i, (key, kind) in enumerate(itertools.product(KEYS, ("hash-type map-based", "hash-type consistent"))):
        yield f"k{i}", [key, kind], SERVERS[1 + i % 2]
    for i, (kind, servers) in enumerate(MATRIX):
        yield f"s{i}", ["balance source", kind], servers


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Farm, Farm]]:
    folder = str(tmp_path_factory.mktemp("h"))
    with farm(haproxy26(), list(all_backends()), folder) as real, farm(pyhaproxy(), list(all_backends()), folder) as ours:
        yield real, ours


def compare(both: tuple[Farm, Farm], requests: list[bytes], told: list[str]) -> None:
    real, ours = both[0].picks(requests), both[1].picks(requests)
    wrong = [(told[i], requests[i], real[i], ours[i]) for i in range(len(requests)) if real[i] != ours[i]]
    assert not wrong, f"{len(wrong)} of {len(requests)} differ: {wrong[:2]}"


def test_every_function_type_and_set_of_servers(both: tuple[Farm, Farm]) -> None:
    dice = random.Random(1)
    numbers = [i for i in range(len(MATRIX)) for _ in range(24)]
    compare(both, [request(dice, f"m{i}") for i in numbers], [str(MATRIX[i]) for i in numbers])


@pytest.mark.parametrize("number", range(len(KEYS)), ids=KEYS)
def test_every_key(both: tuple[Farm, Farm], number: int) -> None:
    """Requests without the key take turns in between, so their order is compared too."""
    dice = random.Random(number)
    for i in (2 * number, 2 * number + 1):
        requests = [request(dice, f"k{i}") for _ in range(100)]
        compare(both, requests, [KEYS[number]] * len(requests))


def test_source(both: tuple[Farm, Farm]) -> None:
    dice = random.Random(3)
    addresses = [".".join(str(dice.randrange(1, 255)) for _ in range(4)) for _ in range(3)]
    addresses.append(":".join(f"{dice.randrange(1, 65536):x}" for _ in range(8)))
    for i, about in enumerate(MATRIX):
        for address in addresses:
            asked = f"GET / HTTP/1.1\r\nhost: x\r\nx-b: s{i}\r\n\r\n".encode()
            assert both[1].pick_from(address, asked) == both[0].pick_from(address, asked), (about, address)


def test_redispatch(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two servers refuse connections: a map names the same one again, a ring the next one on the way."""
    dead = "127.0.0.1:1"
    servers = Servers("", ("{at}", dead, "{at} weight 3", dead, "{at}"), "option redispatch 1")
    kinds = [(key, kind) for key in ("balance uri whole", "balance url_param id") for kind in ("map-based", "consistent")]
    backends = [(f"r{i}", ["retries 3", key, f"hash-type {kind}"], servers) for i, (key, kind) in enumerate(kinds)]
    asked = [
        f"GET /x{n}?{'id' if n % 2 else 'u'}={n} HTTP/1.1\r\nhost: h\r\nx-b: r{i}\r\n\r\n".encode()
        for i in range(len(backends))
        for n in range(10)
    ]
    folder, found = str(tmp_path_factory.mktemp("r")), []
    for product in (haproxy26(), pyhaproxy()):
        with farm(product, backends, folder) as running:
            found.append([running.picks([each])[0] for each in asked])
    assert found[0] == found[1]
