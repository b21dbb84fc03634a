"""What choosing a server costs, without sockets: `python -m bench.picks`.

Every algorithm of the registry is built from a configuration and timed in a process of its own: nanoseconds of a request (the
pick, and what a balancer that goes by load is told), of a change of state and of weight, and the memory that the backend takes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from balancers.registry import balancer, names
from balancers.testing import time_changes, time_requests
from haproxy_py import features
from haproxy_py.config.reader import load
from haproxy_py.process.instance import Instance
from haproxy_py.rules.testing import Trial

SIZES = (10, 100, 1000, 4000)
WEIGHTS: dict[str, Callable[[int], int]] = {
    "equal": lambda i: 1,
    "uneven": lambda i: 1 + i % 7,
    "wide": lambda i: 1 + i * 37 % 256,
}
# Algorithms of which the bare name says too little: the words behind `balance`.
WORDS = {"url_param": "url_param id", "hdr": "hdr(x-key)", "hash": "hash path", "rdp-cookie": "rdp-cookie(mstshash)"}
KEYED = ("hash", "hdr", "rdp-cookie", "source", "uri", "url_param")
KEYS = 512


class Bench:
    """python.bench: what asking Python costs at least."""

    def pick(self, servers: list[object], request: object) -> object:
        """The first one offered."""
        return servers[0]


@dataclass(frozen=True)
class Cost:
    """Nanoseconds, and KiB of resident memory that building the backend and using it once added."""

    request: float
    state: float
    weight: float
    memory: float


def kinds() -> Iterator[tuple[str, str]]:
    """(title, lines of the backend) of everything to be measured."""
    for name in names():
        line = f"balance {WORDS.get(name, name)}"
        if name not in KEYED:
            yield name, line
            continue
        for method in ("map-based", "consistent"):
            yield f"{name}, {method}", f"{line}\n hash-type {method} sdbm avalanche"


def configuration(lines: str, size: int, weight: Callable[[int], int]) -> str:
    """One backend."""
    servers = "".join(f" server s{i} 127.0.0.1:1 weight {weight(i)}\n" for i in range(size))
    tcp = "tcp" if "rdp-cookie" in lines else "http"
    return f"defaults\n mode {tcp}\n timeout connect 1s\n timeout server 1s\nbackend b\n {lines}\n{servers}"


def requests() -> list[Trial]:
    """Requests that differ in everything that is hashed."""
    return [
        Trial(b"GET /p%d/x?id=%d HTTP/1.1\r\nhost: h\r\nx-key: k%d\r\n\r\n" % (i, i, i), src=(f"192.0.2.{i % 250}", 1 + i))
        for i in range(KEYS)
    ]


def resident_kib() -> float:
    """Memory of this process that is not shared with its parent."""
    rows = Path("/proc/self/smaps_rollup").read_text().split("\n")
    return float(sum(int(row.split()[1]) for row in rows if row.startswith(("Private_", "Shared_Dirty"))))


def measure(lines: str, size: int, weight: Callable[[int], int], n: int) -> Cost:
    """Build one backend and time it. Raises: RuntimeError with what the configuration lacks."""
    config, faults = load([], texts=[("bench", configuration(lines, size, weight).encode())])
    if faults.fatal:
        raise RuntimeError("\n".join(str(fault) for fault in faults.found))
    before = resident_kib()
    made = Instance.build(config).backends["b"].balancer
    trials = requests()
    txns = [trial.txn for trial in trials]
    time_requests(made, txns, KEYS)
    memory = resident_kib() - before
    changes = max(4, min(200, n // 1000)) // 2 * 2
    return Cost(
        request=time_requests(made, txns, n),
        state=time_changes(made, changes, weights=False),
        weight=time_changes(made, changes, weights=True),
        memory=memory,
    )


def apart(lines: str, size: int, weight: Callable[[int], int], n: int) -> Cost:
    """measure() in a forked process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writer, json.dumps(vars(measure(lines, size, weight, n))).encode())
            code = 0
        except Exception as wrong:
            print(f"{lines}: {wrong}", file=sys.stderr)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"{lines} with {size} servers could not be measured")
    return Cost(**json.loads(found))


def row(title: str, costs: Sequence[Cost]) -> str:
    """One line of the table: requests by size, then the changes and the memory of the largest."""
    last = costs[-1]
    cells = [f"{cost.request:,.0f}" for cost in costs]
    return f"| {title} | {' | '.join(cells)} | {last.state / 1000:,.1f} | {last.weight / 1000:,.1f} | {last.memory / 1024:,.1f} |"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    args = parser().parse_args(argv)
    features.load()
    balancer("bench")(Bench)
    sizes = [int(size) for size in args.sizes.split(",")]
    chosen = [(title, lines) for title, lines in kinds() if not args.only or args.only in title]
    most = sizes[-1]
    print(f"| balance | {' | '.join(f'ns, {n:,}' for n in sizes)} | state, us | weight, us | MiB, {most:,} |")
    print("|" + "---|" * (len(sizes) + 4))
    for title, lines in chosen:
        print(row(title, [apart(lines, size, WEIGHTS[args.weights], args.n) for size in sizes]), flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m bench.picks", description=__doc__)
    made.add_argument("-n", type=int, default=200_000, help="requests of each measurement")
    made.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of servers, ascending")
    made.add_argument("--weights", choices=WEIGHTS, default="uneven")
    made.add_argument("--only", default="", help="only algorithms with this in their title")
    return made


if __name__ == "__main__":
    main()
