"""The words of `stats` beside the real haproxy: who sees which rows and columns, who is let in, what the admin form answers."""

from __future__ import annotations

import csv
import io
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_stats_page import AUTH, FORM, dechunk, get, head_of

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
CONFIG = """global
  nbthread 1
  node the-node
  description of all
  tune.bufsize 16384
  maxconn 500
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 1s
backend one
  description first <one>
  cookie C insert
  server a 127.0.0.1:1 cookie ca
  server b 127.0.0.1:1 disabled
  server c 127.0.0.1:1 backup
backend two
  server a 127.0.0.1:1
  server off 127.0.0.1:1 disabled
listen all
  bind 127.0.0.1:{all}
  stats uri /stats
  stats refresh 5s
  stats admin if TRUE
listen scoped
  bind 127.0.0.1:{scoped}
  stats uri /stats
  stats scope .
  stats scope two
  stats show-legends
listen shown
  bind 127.0.0.1:{shown}
  stats uri /stats
  stats show-node
  stats show-desc a page of <ours>
  stats show-legends
  stats show-modules
listen hidden
  bind 127.0.0.1:{hidden}
  stats enable
  stats hide-version
  stats show-desc
listen users
  bind 127.0.0.1:{users}
  stats uri /stats
  stats auth u:p
  stats auth v:q
  stats admin if {{ path /nosuch }} || {{ src 127.0.0.1 }}
listen rules
  bind 127.0.0.1:{rules}
  stats uri /
  stats http-request allow if {{ path_beg /free }}
  stats http-request deny if {{ path_beg /never }}
  stats http-request auth realm Here if {{ path_beg /asked }}
  stats http-request deny unless {{ path_beg /last }}
"""
PORTS = ("all", "scoped", "shown", "hidden", "users", "rules")
STABLE = ("# pxname", "svname", "scur", "status", "weight", "act", "bck", "pid", "iid", "sid", "type", "addr", "cookie", "mode", "algo", "slim")
CSVS = {
    "all": ("all", "/stats;csv"), "up": ("all", "/stats;csv;up"), "no-maint": ("all", "/stats;csv;no-maint"),
    "part of a name": ("all", "/stats;csv?scope=oN"), "nobody's name": ("all", "/stats;csv?scope=zz"), "scoped": ("scoped", "/stats;csv"),
    "scoped, up": ("scoped", "/stats;up;csv;norefresh"), "scoped, scope": ("scoped", "/stats;csv?scope=two"),
    "modules": ("shown", "/stats;csv"), "default uri": ("hidden", "/haproxy?stats;csv"), "free": ("rules", "/free;csv"),
}  # fmt: skip
HEADS = {
    "refresh": ("all", "/stats", ()), "norefresh": ("all", "/stats;norefresh", ()), "refresh of csv": ("all", "/stats;csv", ()),
    "json": ("all", "/stats;json", ()), "json, up": ("all", "/stats;json;up", ()), "default uri": ("hidden", "/haproxy?stats", ()),
    "not the uri": ("hidden", "/haproxy", ()), "nobody": ("users", "/stats", ()), "u": ("users", "/stats", (AUTH,)),
    "v": ("users", "/stats;csv", ("authorization: Basic djpx",)), "mixed up": ("users", "/stats", ("authorization: Basic dTpx",)),
    "no scheme": ("users", "/stats", ("authorization: dTpw",)), "allowed": ("rules", "/free", ()), "denied": ("rules", "/never", ()),
    "asked": ("rules", "/asked", ()), "last": ("rules", "/last", ()), "else": ("rules", "/else", ()),
}  # fmt: skip
BODY = b"s=a&action=ready&b=one"
POSTS = {
    "nothing": b"", "no action": b"s=a&b=one", "no backend": b"s=a&action=ready", "no server": b"action=ready&b=one", "no sense": b"zzz",
    "empty values": b"s=&action=&b=", "only ands": b"&&&", "by number": b"s=a&action=ready&b=%232", "bad number": b"s=a&action=ready&b=%2399",
    "escaped": b"s=%61&action=%72eady&b=%6fne", "bad escape": b"s=%zz&action=ready&b=one", "twice": b"s=a&s=a&action=ready&b=one",
    "all": b"s=a&s=b&s=c&action=drain&b=one", "back": b"s=a&s=b&s=c&action=ready&b=one", "order": b"b=one&action=maint&s=c",
    "other case": b"s=a&action=READY&b=one", "a frontend": b"s=a&action=ready&b=all", "health": b"s=a&action=hdown&b=one",
    "agent": b"s=a&action=arunn&b=one", "no agent": b"s=a&action=dagent&b=one", "no check": b"s=a&action=dhlth&b=one",
    "bad escape first": b"s=%zz&s=a&action=ready&b=one", "bad escape last": b"s=a&action=ready&b=one&x=%zz",
    "bad escape between": b"s=a&s=%zz&action=ready&b=one", "two backends": b"s=off&action=ready&b=two&b=one",
    "two actions": b"s=a&action=frob&action=ready&b=one", "unknown and known": b"s=a&s=zz&action=ready&b=one", "unknown": b"s=zz&action=ready&b=one", "kill": b"s=a&action=shutdown&b=one",
}  # fmt: skip


def split(port: int, pieces: list[bytes], length: int | None = None) -> bytes:
    """A form whose body comes in pieces. Returns: the reply."""
    size = sum(map(len, pieces)) if length is None else length
    head = f"POST /stats HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{FORM}\r\ncontent-length: {size}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [head, *pieces]:
            c.sendall(piece)
            time.sleep(0.05)
        return b"".join(iter(lambda: c.recv(65536), b""))


def chunked(port: int, body: bytes) -> bytes:
    """A form in one chunk."""
    head = f"POST /stats HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{FORM}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as c:
        c.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        return b"".join(iter(lambda: c.recv(65536), b""))


LARGE = b"s=a&" * 5000 + b"action=ready&b=one"  # more than a buffer
FITS = b"x=yy&" * 1800 + BODY  # HAProxy takes no single value of some thousand bytes
SENT = {
    "split in two": lambda port: split(port, [BODY[:7], BODY[7:]]), "byte by byte": lambda port: split(port, [bytes([b]) for b in BODY]),
    "nearly a buffer": lambda port: split(port, [FITS[:3000], FITS[3000:]]), "too large": lambda port: split(port, [LARGE]),
    "chunked": lambda port: chunked(port, BODY),
}  # fmt: skip


class Seen:
    """What one product said."""

    def __init__(self, product: Product) -> None:
        with Reservation() as taken:
            ports = {name: taken.take() for name in PORTS}
            with product.start(CONFIG.format(**ports), ports.values()):
                self.rows = {name: table(get(ports[at], path)) for name, (at, path) in CSVS.items()}
                self.heads = {name: head_of(get(ports[at], path, *more)) for name, (at, path, more) in HEADS.items()}
                self.posts = {name: head_of(get(ports["all"], "/stats", FORM, method="POST", body=body)) for name, body in POSTS.items()}
                self.after = table(get(ports["all"], "/stats;csv?scope=one"))
                self.sent = {name: head_of(send(ports["all"])) for name, send in SENT.items()}
                self.pages = {at: dechunk(get(ports[at], path)).decode() for at, path in (("shown", "/stats"), ("hidden", "/haproxy?stats"))}


def table(reply: bytes) -> list[list[str]]:
    """The stable columns of the rows; ports and version-dependent parts of algorithms as they are."""
    found = csv.DictReader(io.StringIO(dechunk(reply).decode()))
    return [[row[name] for name in STABLE] for row in found]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Seen, Seen]]:
    newer = haproxy28()
    yield Seen(haproxy26() if newer.missing else newer), Seen(pyhaproxy())


@pytest.mark.parametrize("name", list(CSVS))
def test_rows(both: tuple[Seen, Seen], name: str) -> None:
    theirs, ours = (one.rows[name] for one in both)
    assert ours == theirs


@pytest.mark.parametrize("name", list(HEADS))
def test_who_gets_what(both: tuple[Seen, Seen], name: str) -> None:
    theirs, ours = (one.heads[name] for one in both)
    assert ours == theirs


@pytest.mark.parametrize("name", list(POSTS))
def test_forms(both: tuple[Seen, Seen], name: str) -> None:
    theirs, ours = (one.posts[name] for one in both)
    assert ours == theirs


def test_what_the_forms_did(both: tuple[Seen, Seen]) -> None:
    assert both[1].after == both[0].after


@pytest.mark.parametrize("name", list(SENT))
def test_forms_in_pieces(both: tuple[Seen, Seen], name: str) -> None:
    theirs, ours = (one.sent[name] for one in both)
    assert ours == theirs


def test_what_the_page_tells(both: tuple[Seen, Seen]) -> None:
    shown, hidden = both[1].pages["shown"], both[1].pages["hidden"]
    assert "Statistics Report for HAProxy on the-node: a page of &lt;ours&gt;" in shown
    assert "first &lt;one&gt;" in shown and "cookie: ca" in shown and "HAProxy version " in shown
    assert "Extra modules" in shown and "total_streams" in shown and "Extra modules" not in hidden
    assert "Statistics Report for HAProxy: of all" in hidden and not re.search(r"HAProxy version|pyhaproxy [0-9]", hidden)
