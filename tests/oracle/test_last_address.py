"""`init-addr last` and names in state files, beside the real haproxy: addresses, names, SRV records, ports, maintenance."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.state_file import HEADER
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_server_life import compare, farm

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
AT, PORT = "127.0.0.9", 99
SRV = "_http._tcp.x.invalid"
ROWS = (  # name, address, state, administrative state, weight, name in the file, port, SRV record
    ("plain", AT, 2, 0, 1, "-", PORT, "-"),
    ("named", AT, 2, 0, 1, "localhost", PORT, "-"),
    ("default", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("lastlibc", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("lastnone", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("othername", AT, 2, 0, 1, "y.invalid", PORT, "-"),
    ("nolast", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("late", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("lastip", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("nofqdn", AT, 2, 0, 1, "-", PORT, "-"),
    ("last6", "::1", 2, 0, 1, "x.invalid", PORT, "-"),
    ("lastbad", "-", 2, 0, 1, "x.invalid", PORT, "-"),
    ("lastword", "nowhere", 2, 0, 1, "x.invalid", PORT, "-"),
    ("down", AT, 0, 0, 1, "x.invalid", PORT, "-"),
    ("drained", AT, 2, 8, 1, "x.invalid", PORT, "-"),
    ("maint", AT, 0, 1, 1, "x.invalid", PORT, "-"),
    ("nores", AT, 2, 64, 1, "y.invalid", PORT, "-"),
    ("res", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("resfq", AT, 2, 0, 1, "y.invalid", PORT, "-"),
    ("resfq64", AT, 2, 64, 1, "y.invalid", PORT, "-"),
    ("ip64", AT, 2, 64, 1, "y.invalid", PORT, "-"),
    ("waits", "-", 0, 32, 1, "x.invalid", PORT, "-"),
    ("waitsmaint", "-", 0, 33, 1, "x.invalid", PORT, "-"),
    ("ressrv", AT, 2, 0, 1, "h.invalid", PORT, SRV),
    ("srv", AT, 2, 0, 1, "h.invalid", PORT, SRV),
    ("srvother", AT, 2, 0, 1, "h.invalid", PORT, "_http._tcp.other.invalid"),
    ("srvcase", AT, 2, 0, 1, "h.invalid", PORT, SRV.replace("http", "HTTP")),
    ("srvnone", AT, 2, 0, 1, "h.invalid", PORT, "-"),
    ("tn1", AT, 2, 0, 1, "x.invalid", PORT, "-"),
    ("tn2", "-", 0, 32, 1, "x.invalid", PORT, "-"),
    ("ts1", AT, 2, 64, 7, "h.invalid", PORT, SRV),
    ("ts2", "-", 0, 96, 1, "-", 0, SRV),
    ("ts3", AT, 0, 96, 1, "-", 0, SRV),
)
SERVERS = f""" server plain 127.0.0.1:80
 server named localhost:80 init-addr last,libc,none id 5
 server default x.invalid:80
 server lastlibc x.invalid:80 init-addr last,libc
 server lastnone x.invalid:80 init-addr last,none
 server othername x.invalid:80 init-addr last,none
 server nolast x.invalid:80 init-addr none
 server late x.invalid:80 init-addr libc,last
 server lastip x.invalid:80 init-addr last,127.0.0.5
 server nofqdn x.invalid:80 init-addr last,none
 server last6 x.invalid:80 init-addr last,none
 server lastbad x.invalid:80 init-addr last,127.0.0.5
 server lastword x.invalid:80 init-addr last,none
 server down x.invalid:80 init-addr last,none check inter 60s
 server drained x.invalid:80 init-addr last,none
 server maint x.invalid:80 init-addr last,none
 server nores x.invalid:80 init-addr last,none
 server res x.invalid:80 init-addr last,none resolvers r
 server resfq x.invalid:80 init-addr last,none resolvers r
 server resfq64 x.invalid:80 init-addr last,none resolvers r
 server ip64 127.0.0.1:80 resolvers r
 server waits x.invalid:80 init-addr last,none resolvers r
 server waitsmaint x.invalid:80 init-addr last,none resolvers r
 server ressrv x.invalid:80 init-addr last,none resolvers r
 server srv {SRV}:80 init-addr last,none resolvers r
 server srvother {SRV}:80 init-addr last,none resolvers r
 server srvcase {SRV}:80 init-addr last,none resolvers r
 server srvnone {SRV}:80 init-addr last,none resolvers r
 server new x.invalid:80 init-addr last,none
 server-template tn 2 x.invalid:80 init-addr last,none resolvers r
 server-template ts 3 {SRV} init-addr last,none resolvers r
resolvers r
 nameserver n 127.0.0.1:{{dns}}
 hold timeout 1h
 hold nx 1h
 timeout retry 100s
 timeout resolve 100s
"""


def remembered() -> str:
    """The state file."""
    lines = (
        f"3 b 1 {name} {addr} {op} {admin} {weight} 1 100 15 3 4 6 0 0 0 {fqdn} {port} {srv} 0 0 - - 0"
        for name, addr, op, admin, weight, fqdn, port, srv in ROWS
    )
    return "\n".join(["1", HEADER, *lines, ""])


def started(product: Product, folder: Path, ports: Reservation) -> tuple[list[list[str]], list[str]]:
    """States (without the backend's number, the time and the findings of checks), and what was complained about."""
    (folder / "states").write_text(remembered())
    more = {
        "more_global": f" server-state-file {folder}/states",
        "more_defaults": " load-server-state-from-file global",
    }
    with farm(product, folder / product.name, SERVERS, {"front": ports.take(), "dns": ports.take()}, **more) as made:
        states = made.states(0, 9, 10, 11)
        return states, [line for line in made.said() if line.startswith("config : ")]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_what_a_state_file_knows_of_names(oracle: Product, tmp_path: Path) -> None:
    with Reservation() as ports:
        theirs, ours = (started(product, tmp_path, ports) for product in (oracle, pyhaproxy()))
    assert ours[0] == theirs[0]
    our_words, their_words = ([line for line in each[1] if "could not resolve" not in line] for each in (ours, theirs))
    compare(oracle, our_words, their_words)  # 2.6 warns of names, newer ones only notice


def test_a_check_of_the_file_uses_it_too(tmp_path: Path) -> None:
    """`-c` finds no fault in a name that only the state file has an address for, and does without it."""
    (tmp_path / "all").write_text(remembered())
    head = "{}defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n load-server-state-from-file global\n"
    for line, code in (("", 1), (f"global\n server-state-file {tmp_path}/all\n", 0)):
        text = head.format(line) + "listen b\n bind 127.0.0.1:1\n server lastlibc x.invalid:80 init-addr last,libc\n"
        for product in (*ORACLES, pyhaproxy()):
            assert product.check(text).code == code, product.name
