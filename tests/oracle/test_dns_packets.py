"""Answers of a lying or broken nameserver, byte for byte, beside the real haproxy: what each server takes of them, and what is counted.

Every case is a server, a backend and a resolvers section of its own, asked for once; one run of each product has them all.
"""

from __future__ import annotations

import re
import struct
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dns.message
import pytest

from tests.harness.nameserver import Nameserver
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")

TEN_S = 10.0
IP, IP6 = b"\x7f\0\0\2", b"\xfd" + bytes(14) + b"\1"
BACK = b"\xc0\x0c"  # the name that was asked for
A, CNAME, TXT, OPT, AAAA, SRV = 1, 5, 16, 41, 28, 33


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(each)]) + each for each in labels) + b"\0"


def record(owner: bytes, kind: int, data: bytes, *, group: int = 1, size: int | None = None) -> bytes:
    return owner + struct.pack(">HHIH", kind, group, 5, len(data) if size is None else size) + data


def service(target: bytes, weight: int = 2560, port: int = 8080) -> bytes:
    return struct.pack(">HHH", 1, weight, port) + target


class Told:
    """A message. counts: of questions, answers, authorities, additional records; asked: (name, type, class), else as they came."""

    def __init__(self, *rows: bytes, flags: int = 0x8180, counts: tuple[int, ...] = (), asked: bytes | None = None) -> None:
        self.rows, self.flags, self.asked = rows, flags, asked
        self.counts = counts or (1, len(rows), 0, 0)

    def wire(self, number: int, question: bytes) -> bytes:
        """Its bytes."""
        head = struct.pack(">HHHHHH", number, self.flags, *self.counts)
        return head + (question if self.asked is None else self.asked) + b"".join(self.rows)


GOOD = record(BACK, A, IP)
X, Y, H = name(b"x"), name(b"y"), name(b"h", b"test")
LONG = name(b"a" * 63, b"a" * 63, b"a" * 63, b"b" * 61)
HEAD = 12
BEHIND = HEAD + len(name(b"c000", b"test")) + 4  # where the first record begins


def chain(jumps: int) -> Told:
    """A record whose name takes so many jumps."""
    first = BEHIND + 12
    pointers = [0x0C, *(first + 2 * i for i in range(jumps))]
    inside = b"".join(struct.pack(">H", 0xC000 | at) for at in pointers[:jumps])
    return Told(record(BACK, TXT, inside), record(struct.pack(">H", 0xC000 | pointers[jumps]), A, IP))


ADDRESSES: dict[str, Told] = {
    "good": Told(GOOD), "several": Told(GOOD, record(BACK, AAAA, IP6)), "other family": Told(record(BACK, AAAA, IP6)),
    "other name": Told(record(name(b"evil", b"test"), A, IP)), "root": Told(record(b"\0", A, IP)),
    "other question": Told(GOOD, asked=name(b"evil", b"test") + b"\0\1\0\1"), "root question": Told(GOOD, asked=b"\0\0\1\0\1"),
    "question loops": Told(GOOD, asked=BACK + b"\0\1\0\1"), "other class": Told(record(BACK, A, IP, group=3)),
    "upper case": Told(record(b"\4C000\xc0" + bytes([HEAD + 5]), A, IP)),
    "loop": Told(record(b"\xc0" + bytes([BEHIND]), A, IP)), "forward": Told(record(b"\xc0" + bytes([BEHIND + 16]), A, IP), LONG),
    "label of 64": Told(record(b"\x40" + b"a" * 64 + b"\0", A, IP)), "label of 128": Told(record(b"\x80" + b"a" * 128 + b"\0", A, IP)),
    **{f"chain {n}": chain(n) for n in (1, 20, 100, 101)},
    **{f"size {n}": Told(record(BACK, A, (IP * 4)[:n])) for n in (0, 3, 5)},
    **{f"long size {n}": Told(record(BACK, AAAA, (IP * 5)[:n])) for n in (4, 15, 17)},
    **{f"told size {n}": Told(record(BACK, A, IP, size=n)) for n in (0, 5, 65535)},
    **{f"{n} questions": Told(GOOD, counts=(n, 1, 0, 0)) for n in (0, 2)},
    **{f"{n} answers": Told(GOOD, counts=(1, n, 0, 0)) for n in (0, 2, 65535)},
    "authorities that are not there": Told(GOOD, counts=(1, 1, 9, 0)), "more that is not there": Told(GOOD, counts=(1, 1, 0, 9)),
    "garbage behind": Told(GOOD, b"\xff\xff", counts=(1, 1, 0, 1)), "two options": Told(GOOD, *[record(b"\0", OPT, b"")] * 2, counts=(1, 1, 0, 2)),
    "options with it": Told(record(BACK, OPT, b""), GOOD), "broken text": Told(record(BACK, TXT, b"\x30abc"), GOOD),
    "text alone": Told(record(BACK, TXT, b"\3abc")), "text of another": Told(record(X, TXT, b"\3abc"), GOOD), "cut": Told(GOOD[:-1]),
    "cut head": Told(GOOD[:9]), "alias": Told(record(BACK, CNAME, X), record(X, A, IP)), "aliases": Told(record(BACK, CNAME, X), record(X, CNAME, Y), record(Y, A, IP)),
    "alias of itself": Told(record(BACK, CNAME, BACK), GOOD), "alias alone": Told(record(BACK, CNAME, X)),
    "alias behind": Told(GOOD, record(BACK, CNAME, X)), "alias to another": Told(record(BACK, CNAME, X), record(Y, A, IP)),
    "alias, text, another": Told(record(BACK, CNAME, X), record(X, TXT, IP), record(Y, A, IP)),
    "alias to the root": Told(record(BACK, CNAME, b"\0"), record(b"\0", A, IP)), "alias with more": Told(record(BACK, CNAME, X + b"zz"), record(X, A, IP)),
    "long alias": Told(record(BACK, CNAME, LONG), record(LONG, A, IP)),
    "too long alias": Told(record(BACK, CNAME, name(*[b"a" * 63] * 4)), record(name(*[b"a" * 63] * 4), A, IP)),
    "any address": Told(record(BACK, A, bytes(4))), "update": Told(GOOD, flags=0xA980), "a question": Told(GOOD, flags=0x0100),
    "truncated": Told(GOOD, flags=0x8380), "truncated and empty": Told(flags=0x8380), "trailing": Told(GOOD, b"x" * 50, counts=(1, 1, 0, 0)),
    **{f"code {n}": Told(GOOD, flags=0x8180 | n) for n in (1, 2, 3, 5, 15)},
}  # fmt: skip
SERVICES: dict[str, Told] = {
    "good": Told(record(BACK, SRV, service(H)), record(H, A, IP), counts=(1, 1, 0, 1)), "no address": Told(record(BACK, SRV, service(H))),
    **{f"weight {n}": Told(record(BACK, SRV, service(H, n)), record(H, A, IP), counts=(1, 1, 0, 1)) for n in (0, 1, 256, 257, 65535)},
    "port 0": Told(record(BACK, SRV, service(H, port=0)), record(H, A, IP), counts=(1, 1, 0, 1)),
    "root": Told(record(BACK, SRV, service(b"\0"))), "no target": Told(record(BACK, SRV, service(b""))), "short": Told(record(BACK, SRV, b"\0\1")),
    "more in it": Told(record(BACK, SRV, service(b"\1h\0\4test\0"))), "dot in a label": Told(record(BACK, SRV, service(name(b"a.b", b"test")))),
    "twice": Told(*[record(BACK, SRV, service(H))] * 2, record(H, A, IP), counts=(1, 2, 0, 1)), "long": Told(record(BACK, SRV, service(LONG))),
    "of another": Told(record(H, SRV, service(H))), "address in it": Told(record(H, A, IP), record(BACK, SRV, service(H))),
    "alias first": Told(record(BACK, CNAME, X), record(X, SRV, service(H))), "alias last": Told(record(BACK, SRV, service(H)), record(BACK, CNAME, X)),
    "six": Told(record(BACK, SRV, service(H)), record(H, AAAA, IP6), counts=(1, 1, 0, 1)),
    "short address": Told(record(BACK, SRV, service(H)), record(H, A, IP[:3]), counts=(1, 1, 0, 1)),
    "fewer than told": Told(record(BACK, SRV, service(H)), record(H, A, IP), counts=(1, 1, 0, 3)),
    "garbage behind": Told(record(BACK, SRV, service(H)), record(H, A, IP), b"\xff", counts=(1, 1, 0, 2)),
    "authority": Told(record(BACK, SRV, service(H)), record(H, 2, X), record(H, A, IP), counts=(1, 1, 1, 1)),
    "cut authority": Told(record(BACK, SRV, service(H)), record(H, 2, X, size=99), counts=(1, 1, 1, 0)),
    "no authority": Told(record(BACK, SRV, service(H)), counts=(1, 1, 1, 0)), "code 3": Told(flags=0x8183),
}  # fmt: skip
CASES = [*ADDRESSES.values(), *SERVICES.values()]
TITLES = [*ADDRESSES, *(f"services: {each}" for each in SERVICES)]
FIRST_SERVICE = len(ADDRESSES)


def answer(query: dns.message.Message, asked: str, kind: str) -> bytes | None:
    """The case whose number is in the name."""
    found = re.match(r"_?c(\d{3})\.", asked)
    return CASES[int(found[1])].wire(query.id, query.to_wire()[HEAD:][: len(asked) + 5]) if found else None


def config(folder: str, port: int, nameserver: int) -> str:
    """A section, a backend and a server for each."""
    lines = [f"global\n stats socket {folder}/s level admin\ndefaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s"]
    for i in range(len(CASES)):
        lines.append(f"resolvers d{i:03}\n nameserver n 127.0.0.1:{nameserver}\n resolve_retries 1\n timeout resolve 60s\n timeout retry 3s")
        what = f"server a c{i:03}.test:80" if i < FIRST_SERVICE else f"server-template s 2 _c{i:03}._tcp.test"
        lines.append(f"backend b{i:03}\n {what} resolvers d{i:03} resolve-prefer ipv4 init-addr none")
    return "\n".join([*lines, f"frontend f\n bind 127.0.0.1:{port}\n default_backend b000\n"])


def run(product: Product) -> list[tuple[str, list[str], list[str]]]:
    """Title, servers and counters of every case."""
    with Reservation() as ports, Nameserver(answer) as nameserver, tempfile.TemporaryDirectory(prefix="dns-") as folder:
        port = ports.take()
        with product.start(config(folder, port, nameserver.port), [port]):
            counted = _settled(lambda: counters(ask(f"{folder}/s", "show resolvers").decode()))
            states = ask(f"{folder}/s", "show servers state").decode("latin-1").split("\n")
    rows = [line.split() for line in states]
    return [
        (title, [" ".join([*row[3:8], *row[17:20]]) for row in rows if len(row) > 20 and row[1] == f"b{i:03}"], counted[i])
        for i, title in enumerate(TITLES)
    ]  # fmt: skip


def counters(text: str) -> list[list[str]]:
    """Those of each section that count answers and are not 0."""
    parts = [each.split("\n") for each in re.split(r"Resolvers section d(?=\d)", text)[1:]]
    return [[line for line in part if "sent:" not in line and re.search(r": +[1-9]", line)] for part in parts]


def _settled(look: Callable[[], list[list[str]]]) -> list[list[str]]:
    """Once every name has been answered, and nothing has changed for a while."""
    end = time.monotonic() + TEN_S
    seen, since = look(), time.monotonic()
    while not all(seen) or time.monotonic() < since + 0.4:
        assert time.monotonic() < end, [TITLES[i] for i, each in enumerate(seen) if not each]
        time.sleep(0.05)
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def test_as_haproxy() -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(run, (haproxy26(), pyhaproxy()))
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []
