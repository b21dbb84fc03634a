"""Names of servers beside the real haproxy: the same scripted nameserver, the same states, addresses and sentences.

Equal records come in the order of the answer here and by a hash in HAProxy, so answers that leave a choice are compared as sets.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.flags
import dns.message
import pytest

from haproxy_py.cli import main
from haproxy_py.features import load as load_features
from tests.harness.fork import in_child
from tests.harness.nameserver import Answer, Nameserver, reply, zone
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")

CONFIG = """\
global
  stats socket {folder}/socket level admin
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
resolvers d
  nameserver n1 {prefix}127.0.0.1:{dns}
  timeout resolve 200ms
  timeout retry 100ms
  hold nx 500ms
  hold obsolete 500ms
  hold other 500ms
  hold timeout 500ms
  hold refused 500ms
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
{servers}
"""
ONE = "  server a web.test:80 resolvers d init-addr none resolve-prefer ipv4"
TEN_S = 10.0
Step = tuple[Answer | str, Callable[[str], bool]]


def a(*values: str) -> Answer:
    return zone({("web.test.", "A"): values})


def services(*rows: str, **hosts: str) -> Answer:
    """SRV rows of _http._tcp.web.test, and the A records of hosts NAME=IP (of NAME.test)."""
    table: dict[tuple[str, str], Sequence[str]] = {("_http._tcp.web.test.", "SRV"): rows}
    table |= {(f"{name}.test.", "A"): (value,) for name, value in hosts.items()}
    return zone(table, code=3)


def with_addresses(*rows: str, **hosts: str) -> Answer:
    def answer(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        if kind != "SRV":
            return reply(query)
        more = [(f"{host}.test.", "A", value) for host, value in hosts.items()]
        return reply(query, *((name, "SRV", row) for row in rows), more=more)

    return answer


def code(number: int) -> Answer:
    return lambda query, name, kind: reply(query, code=number)


def silent(query: dns.message.Message, name: str, kind: str) -> None:
    return None


def truncated(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
    made = reply(query, (name, "A", "127.0.0.9"))
    made.flags |= dns.flags.TC
    return made


def wrong_number(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
    made = reply(query, (name, "A", "127.0.0.9"))
    made.id ^= 1
    return made


def late(answer: Answer) -> Answer:
    """Behind the second question, which comes after 100 ms."""

    def answered(query: dns.message.Message, name: str, kind: str) -> dns.message.Message | bytes | None:
        time.sleep(0.15)
        return answer(query, name, kind)

    return answered


def aliases(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
    return reply(query, (name, "CNAME", "x.test."), ("x.test.", "CNAME", "y.test."), ("y.test.", "A", "127.0.0.9"))


def large(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
    return reply(query, *((name, "A", f"127.0.1.{i}") for i in range(100)))


def noise(query: dns.message.Message, name: str, kind: str) -> bytes:
    return query.to_wire()[:2] + b"\x81\x80\0\1\0\1\0\0\0\0\xff\xff\xff"


def servers(text: str) -> list[str]:
    """Name, address, state, weights, name and port of every server of `show servers state`."""
    rows = [line.split() for line in text.split("\n")[2:] if line.count(" ") > 20]
    return [" ".join([row[3], row[4], row[5], row[6], row[7], row[8], *row[17:20]]) for row in rows]


def has(*wanted: str) -> Callable[[str], bool]:
    """All of these are in the servers' lines."""
    return lambda text: all(any(each in row for row in servers(text)) for each in wanted)


def counted(name: str, least: int = 3) -> Callable[[str], bool]:
    """A counter of `show resolvers` has come so far."""
    return lambda text: any(int(found) >= least for found in re.findall(rf"  {name}: +(\d+)", text))


def play(product: Product, lines: str, steps: Sequence[Step], prefix: str = "") -> tuple[list[list[str]], list[str]]:
    """The servers behind every step, and the sentences."""
    with Reservation() as ports, Nameserver(silent) as dns_server:
        first = steps[0][0]
        assert not isinstance(first, str)
        dns_server.answer = first
        return _play(product, lines, steps, prefix, ports.take(), dns_server)


def _play(
    product: Product, lines: str, steps: Sequence[Step], prefix: str, port: int, dns_server: Nameserver
) -> tuple[list[list[str]], list[str]]:
    with tempfile.TemporaryDirectory(prefix="dns-") as folder:
        config = CONFIG.format(folder=folder, dns=dns_server.port, port=port, servers=lines, prefix=prefix)
        with product.start(config, [port]) as running:
            seen = []
            for what, until in steps:
                if isinstance(what, str):
                    ask(f"{folder}/socket", what)
                else:
                    dns_server.answer = what
                seen.append(_wait(f"{folder}/socket", until))
            told = [re.sub(r"^\[(\w+)\] +\(\d+\) : ", r"\1 ", line) for line in running.stderr().split("\n")]
    return seen, [line for line in told if "Server " in line or "changed" in line or "backend " in line]


def _wait(path: str, until: Callable[[str], bool]) -> list[str]:
    """Until it is so in `show servers state` or `show resolvers`; the servers then."""
    end = time.monotonic() + TEN_S
    while True:
        text = ask(path, "show servers state").decode()
        if until(text) or until(ask(path, "show resolvers d").decode()):
            return servers(ask(path, "show servers state").decode())
        assert time.monotonic() < end, text
        time.sleep(0.02)


CASES: dict[str, tuple[str, Sequence[Step]]] = {
    "comes and goes": (
        ONE,
        [(a("127.0.0.2"), has("a 127.0.0.2")), (a("127.0.0.3"), has("a 127.0.0.3")), (code(3), has("a - 0 32")),
         (a("127.0.0.4"), has("a 127.0.0.4")), (silent, has("a - 0 32")), (a("127.0.0.4"), has("a 127.0.0.4")),
         (code(5), has("a - 0 32")), (a("127.0.0.4"), has("a 127.0.0.4")), (code(2), has("a - 0 32"))],
    ),
    "empty answers": (ONE, [(a("127.0.0.2"), has("a 127.0.0.2")), (a(), has("a - 0 32"))]),
    "other family": (ONE.replace(" resolve-prefer ipv4", ""), [(a("127.0.0.2"), has("a 127.0.0.2"))]),
    "late": (ONE, [(late(a("127.0.0.2")), has("a 127.0.0.2")), (late(code(3)), has("a - 0 32"))]),
    "aliases": (ONE, [(aliases, has("a 127.0.0.9"))]),
    "truncated": (ONE, [(truncated, counted("truncated"))]),
    "wrong number": (ONE, [(wrong_number, counted("outdated"))]),
    "too big": (ONE, [(large, counted("too_big"))]),
    "noise": (ONE, [(noise, counted("invalid"))]),
    "template": (
        "  server-template t 2 web.test:80 resolvers d init-addr none resolve-prefer ipv4",
        [(a("127.0.0.2"), has("t1 127.0.0.2")), (a("127.0.0.2", "127.0.0.3"), has("t2 127.0.0.3")),
         (a("127.0.0.3"), has("t1 - 0 32", "t2 127.0.0.3"))],
    ),
    "duplicates": (
        ONE + " resolve-opts allow-dup-ip\n" + ONE.replace(" a ", " z ") + " resolve-opts allow-dup-ip",
        [(a("127.0.0.2"), has("z 127.0.0.2"))],
    ),
    "network": (
        ONE + " resolve-net 10.0.0.0/8,127.0.1.0/24", [(a("127.0.0.2", "127.0.1.3"), has("a 127.0.1.3"))],
    ),
    "libc first": (ONE.replace("web.test", "localhost").replace("none", "libc"), [(code(3), has("a - 0 32"))]),
    "address given": (ONE.replace("none", "127.0.0.5"), [(a("127.0.0.6"), has("a 127.0.0.6"))]),
    "fqdn": (
        ONE,
        [(zone({("web.test.", "A"): ("127.0.0.2",), ("new.test.", "A"): ("127.0.0.8",)}), has("a 127.0.0.2")),
         ("set server b/a fqdn new.test", has("a 127.0.0.8")), ("set server b/a addr 127.0.0.7", has("a 127.0.0.7"))],
    ),
    "services": (
        "  server-template s 3 _http._tcp.web.test resolvers d resolve-prefer ipv4",
        [(services("1 2560 8080 h1.test.", h1="127.0.0.2"), has("s1 127.0.0.2 2 64 10 1 h1.test 8080")),
         (services("1 2560 8080 h1.test.", "1 0 81 h2.test.", h1="127.0.0.2", h2="127.0.0.3"), has("s2 127.0.0.3 2 64 0")),
         (services("1 0 81 h2.test.", h1="127.0.0.2", h2="127.0.0.3"), has("s1 - 0 96")),  # only one question at a time fails: which is
         (zone({("h2.test.", "A"): ("127.0.0.3",)}, code=3), has("s2 - 0 96"))],           # asked first is not the same every time
    ),
    "one service moved by hand": (
        "  server-template s 1 _http._tcp.web.test resolvers d resolve-prefer ipv4",
        [(services("1 2560 8080 h1.test.", h1="127.0.0.2"), has("s1 127.0.0.2 2 64 10 1 h1.test 8080")),
         ("set server b/s1 fqdn h9.test", has("h1.test 8080")), ("set server b/s1 addr 127.0.0.9 port 99", has("s1 127.0.0.9 2 64 10 1 h1.test 8080")),
         (services("1 256 8080 h1.test.", h1="127.0.0.2"), has("s1 127.0.0.9 2 64 1 1 h1.test 8080")),
         (services("1 256 8081 h1.test.", h1="127.0.0.2"), has("s1 127.0.0.2 2 64 1 1 h1.test 8081"))],
    ),
    "names by hand": (
        "  server-template t 2 web.test:80 resolvers d init-addr none resolve-prefer ipv4",
        [(a("127.0.0.2"), has("t1 127.0.0.2", "t2 - 0 32")),
         (zone({(f"{name}.test.", "A"): ("127.0.0.2",) for name in ("web", "new")}), has("t1 127.0.0.2")),
         ("set server b/t2 fqdn new.test", has("t2 127.0.0.2 2 64")), ("set server b/t1 fqdn new.test", has("t1 - 0 96")), (code(3), has("t2 - 0 96"))],
    ),
    "services with addresses": (
        "  server-template s 2 _http._tcp.web.test resolvers d resolve-prefer ipv4 resolve-opts ignore-weight",
        [(with_addresses("1 2560 8080 h1.test.", h1="127.0.0.2"), has("s1 127.0.0.2 2 64 1 1 h1.test 8080"))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_as_haproxy(name: str) -> None:
    """The same servers behind every step, and the same sentences on the way."""
    lines, steps = CASES[name]
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda product: play(product, lines, steps), (haproxy26(), pyhaproxy()))
    assert ours == theirs


def test_over_a_stream() -> None:
    steps: list[Step] = [(a("127.0.0.2"), has("a 127.0.0.2")), (code(3), has("a - 0 32"))]
    theirs, ours = (play(product, ONE, steps, "tcp@") for product in (haproxy26(), pyhaproxy()))
    assert ours == theirs


ASKING = """\
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
resolvers d
  nameserver n1 127.0.0.1:{dns}
  timeout retry 300ms
frontend f
  bind 127.0.0.1:{port}
  http-request do-resolve(txn.a,d) hdr(host),host_only
  http-request do-resolve(txn.b,d,ipv4) hdr(x) if {{ hdr(x) -m found }}
  http-request return status 200 content-type text/plain lf-string "a=%[var(txn.a)] b=%[var(txn.b)]"
frontend t
  mode tcp
  bind 127.0.0.1:{tcp}
  tcp-request inspect-delay 5s
  tcp-request content do-resolve(txn.a,d,ipv4) str(v4.test)
  tcp-request content reject if {{ var(txn.a) -m ip 127.0.0.2 }}
"""


def asked_for(query: dns.message.Message, name: str, kind: str) -> dns.message.Message | None:
    """silent.* gets nothing, nx.* does not exist, v4.* has no AAAA, all others have both."""
    if name.startswith("silent"):
        return None
    if name.startswith("nx"):
        return reply(query, code=3)
    if kind == "A":
        return reply(query, (name, "A", "127.0.0.2"))
    return reply(query) if name.startswith("v4") else reply(query, (name, "AAAA", "fd00::1"))


def _get(sock: socket.socket, host: str, more: str = "") -> bytes:
    """One request of a kept connection; the body."""
    sock.sendall(f"GET / HTTP/1.1\r\nhost: {host}\r\n{more}\r\n".encode())
    found = b""
    while b"\r\n\r\n" not in found or found.count(b"b=") == 0:
        data = sock.recv(65536)
        assert data, found
        found += data
    return found.split(b"\r\n\r\n", 1)[1]


def _asked(names: Nameserver, name: str, times: int) -> None:
    """Wait until this has been asked so often; too few will show in the comparison."""
    end = time.monotonic() + TEN_S
    while [asked for asked, _ in names.asked].count(name) < times and time.monotonic() < end:
        time.sleep(0.01)


def requests(product: Product) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Bodies, and what the nameserver was asked."""
    with Reservation() as ports, Nameserver(asked_for) as names:
        port, tcp = ports.take(), ports.take()
        with product.start(ASKING.format(dns=names.port, port=port, tcp=tcp), [port, tcp]):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
                found = [
                    _get(sock, "web.test:80"), _get(sock, "v4.test"), _get(sock, "v4.test", "x: web.test\r\n"),
                    _get(sock, "nx.test"), _get(sock, "silent.test"), _get(sock, "1.2.3.4"),
                ]  # fmt: skip
            with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:  # leaves while its stream waits
                sock.sendall(b"GET / HTTP/1.1\r\nhost: silent.test\r\n\r\n")
                _asked(names, "silent.test.", 4)
            _asked(names, "silent.test.", 6)  # nobody waits any more, the question is asked on
            with socket.create_connection(("127.0.0.1", tcp), timeout=10) as sock:
                sock.sendall(b"x")
                with contextlib.suppress(ConnectionResetError):
                    found.append(sock.recv(10))
        return found[:7], names.asked


def test_do_resolve() -> None:
    """Requests that wait for an address: the same values, the same questions."""
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(requests, (haproxy26(), pyhaproxy()))
    assert ours == theirs
    assert ours[0][:3] == [b"a=fd00::1 b=", b"a=127.0.0.2 b=", b"a=127.0.0.2 b=127.0.0.2"]


HEAD = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
NS = "resolvers d\n nameserver n 127.0.0.1:53\n"
WORDS = [
    "resolvers x", "resolvers", "resolvers x!y", "resolvers x\n nameserver", "resolvers x\n nameserver a",
    *(f"resolvers x\n nameserver a {text}" for text in (
        "127.0.0.1", "127.0.0.1:53-54", "127.0.0.1:+53", "127.0.0.1:0", "*:53", "fd@3", "udp@127.0.0.1:53", "tcp@127.0.0.1:53",
        "unix@/x", "x.invalid:53")),
    "resolvers x\n nameserver a! 127.0.0.1:53", f"{NS} nameserver n 127.0.0.1:54",
    *(f"{NS} {text}" for text in (
        "hold", "hold nx", "hold bad 3s", "hold nx foo", "hold nx 3s", "hold nx 1000000d", "resolve_retries", "resolve_retries x",
        "timeout", "timeout retry", "timeout foo 3s", "timeout retry x", "timeout resolve 1us", "accepted_payload_size",
        "accepted_payload_size x", "accepted_payload_size 10", "accepted_payload_size 70000", "accepted_payload_size 9000", "foo",
        "resolution_pool_size 4")),
    *(f"{NS}backend b\n server a {text}" for text in (
        "127.0.0.1:80 resolvers", "127.0.0.1:80 resolvers nope", "127.0.0.1:80 resolve-prefer", "127.0.0.1:80 resolve-prefer ipv5",
        "127.0.0.1:80 resolve-net", "127.0.0.1:80 resolve-net 10.0.0.0/33", "127.0.0.1:80 resolve-net a,b",
        "127.0.0.1:80 resolve-opts foo", "127.0.0.1:80 resolve-opts allow-dup-ip,ignore-weight,prevent-dup-ip",
        "x.invalid:80", "x.invalid:80 init-addr last", "x.invalid:80 init-addr foo", "x.invalid:80 init-addr 1.2.3",
        "x.invalid:80 init-addr none", "x.invalid:80 init-addr 1.2.3.4,none", "x.invalid:80 init-addr none init-addr libc",
        "_http._tcp.x check resolvers d", "_http._tcp.x:80")),
    *(f"{NS}backend b\n server-template {text}" for text in (
        "a 0 x.test:80", "a 3-2 x.test:80", "a x x.test:80", "a 2 127.0.0.1:80", "a", "a! 2 x.test:80")),
    *(f"{NS}backend b\n http-request do-resolve{text}" for text in (
        "(txn.a,d) hdr(host)", "(txn.a) hdr(host)", "(txn.a,nope) hdr(host)", "(txn.a,d,ipv5) hdr(host)", "() hdr(host)",
        "(txn.a,d,ipv4 hdr(host)", "(txn.a,d,ipv4,x) hdr(host)", "(txn.a,d,ipv6) hdr(host) if TRUE")),
]  # fmt: skip


def complaints(code: int, stderr: str) -> tuple[int, list[str]]:
    """Status and messages of -c, without those about the program and the whole file."""
    lines = [re.sub(r"\(\d+\)", "()", line) for line in stderr.split("\n")]
    return code, [line for line in lines if line and not re.search(r"version is|path to exec|rror\(s\) found|Fatal errors", line)]


def theirs_of(text: str) -> tuple[int, list[str]]:
    done = haproxy26().check(HEAD + text + "\n")
    return complaints(done.code, done.stderr)


def ours_of(text: str, folder: Path) -> tuple[int, list[str]]:
    """The same of our command line, in a child of this process: a start of Python for each would take minutes."""
    path, said = folder / "haproxy.cfg", folder / "stderr"
    path.write_text(HEAD + text + "\n")

    def check() -> None:
        sys.stderr = said.open("w")
        os.dup2(sys.stderr.fileno(), 2)
        code = main(["-c", "-f", str(path)])
        sys.stderr.flush()
        os._exit(code)

    return complaints(in_child(check), said.read_text().replace(str(path), "haproxy.cfg"))


def test_words(tmp_path: Path) -> None:
    """Every refusal, word for word."""
    load_features()
    theirs = [theirs_of(text) for text in WORDS]
    ours = [ours_of(text, tmp_path) for text in WORDS]
    assert dict(zip(WORDS, ours, strict=True)) == dict(zip(WORDS, theirs, strict=True))
