"""Rewrites for which a buffer has no room, strict-mode on and off: replies, what servers are sent, log lines, counters."""

from __future__ import annotations

import csv
import io
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
GLOBAL = """global
  nbthread 1
  tune.bufsize 2048
  tune.maxrewrite 512
  stats socket {socket} level admin
  log 127.0.0.1:{syslog} local0
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 60s
  log global
  option httplog
"""
BIG = b"x" * 700
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nbig: " + BIG + b"\r\n\r\n"
COUNTED = ("wrew", "eint", "ereq", "dreq", "dresp", "hrsp_2xx", "hrsp_4xx", "hrsp_5xx")
H, V = "%[req.hdr(big)]", "%[var(txn.big)]"
Q, P, A = "http-request", "http-response", "http-after-response"


def thrice(kind: str, text: str) -> list[str]:
    """Three fields: the second or third one finds no room, the last one does."""
    return [f"{kind} set-header y{n} {text}" for n in "123"] + [f"{kind} set-header y4 1"]


# name: rules of the frontend, rules of the backend
CASES: dict[str, tuple[list[str], list[str]]] = {
    "set twice": (thrice(Q, H), []), "denied behind it": ([*thrice(Q, H), f"{Q} deny"], []), "of the backend": ([], thrice(Q, H)),
    "replaced by itself": ([f"{Q} strict-mode off", f"{Q} set-header a {H}", f"{Q} set-header big {H}{H}", f"{Q} set-header c 1"], []),
    "makes its own room": ([f"{Q} set-header a {H}", f"{Q} set-header big {H}y", f"{Q} set-header c 1"], []),
    "off": ([f"{Q} strict-mode off", *thrice(Q, H)], []), "off and on": ([f"{Q} strict-mode off", *thrice(Q, H), f"{Q} strict-mode on", *thrice(Q, H)], []),
    "off, then the backend": ([f"{Q} strict-mode off", f"{Q} set-header a {H}"], [f"{Q} set-header b {H}"]),
    "off by condition": ([f"{Q} strict-mode off if {{ path /other }}", *thrice(Q, H)], []),
    **{f"off, {word.split()[0]}": ([f"{Q} strict-mode off", f"{Q} add-header a {H}", f"{Q} {word}", f"{Q} set-header c 1"], []) for word in (
        f"add-header big {H}", r"replace-header big (.*) \1\1\1", r"replace-value big (.*) \1\1\1", f"set-path /{H}", f"set-pathq /{H}", f"set-uri /{H}",
        f"set-query {H}", f"set-method {H}", f"replace-path (.*) /{H}", f"replace-uri (.*) /{H}")},
    "reply, frontend": (thrice(P, V), []), "reply, backend": ([], thrice(P, V)), "reply, off": ([], [f"{P} strict-mode off", *thrice(P, V)]),
    "after": (thrice(A, V), []), "after, backend": ([], thrice(A, V)), "after, off": ([f"{A} strict-mode off", *thrice(A, V)], []),
    "after a reply of ours": ([f"{Q} deny", *thrice(A, V)], []), "after a reply of ours, off": ([f"{Q} deny", f"{A} strict-mode off", *thrice(A, V)], []),
    "status": ([f"{P} strict-mode off", f"{P} set-header a {V}", f"{P} set-header b {V}", f"{P} set-status 404 reason {'r' * 700}"], []),
    "return": ([f"{Q} strict-mode off", f"{Q} return status 200 hdr a {H} hdr b {H} hdr c {H}"], []),
    "redirect": ([f"{Q} strict-mode off", f"{Q} redirect location /{H}{H}{H}"], []),
    "forwardfor without room": ([f"{Q} set-header a {'a' * 1185}", "option forwardfor"], []),
    "room for forwardfor": ([f"{Q} set-header a {'a' * 1150}", "option forwardfor"], []),
    **{f"room for {n}": ([f"{Q} strict-mode off", f"{Q} set-header a {'a' * n}", f"{Q} del-header none"], []) for n in range(1215, 1221)},
    "refused reply": ([], [f"{P} deny"]), "refused early": ([], ["tcp-response content reject"]),
}  # fmt: skip


class Echo:
    """A server that tells in its reply how long each line of the request was, and closes."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            with c, suppress(OSError):
                got = b""
                while not got.endswith(b"\r\n\r\n") and (more := c.recv(65536)):
                    got += more
                if got:
                    body = b" ".join(b"%b:%d" % (line[:9], len(line)) for line in got.split(b"\r\n")[:-2])
                    c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nbig: %b\r\n\r\n%b" % (len(body), BIG, body))


@dataclass
class Answer:
    """What one case led to."""

    head: list[tuple[bytes, int]]
    body: bytes
    line: str
    counters: dict[str, dict[str, str]]


def exchange(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as c:
        c.sendall(REQUEST)
        got = b""
        try:
            while more := c.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got


def one_line(receiver: socket.socket) -> str:
    """The next line of a request, without what depends on time and ports. 2.6 and 2.8 differ in Tr of replies that are refused."""
    while True:
        text = receiver.recv(65536).decode(errors="replace")
        if " f" in text and '"' in text:
            text = text[text.index("] ") + 2 : text.index('"')]
            return re.sub(
                r"(\S+/\S+/\S+)/\S+/\S+ (?=\S+ \d+ - )", lambda found: re.sub(r"\d+", "N", found[1]) + "/Tr/Ta ", text
            )


def counters(path: Path) -> dict[str, dict[str, str]]:
    table = list(csv.reader(io.StringIO(ask(path, "show stat").decode())))
    return {f"{r[0]}/{r[1]}": {name: r[table[0].index(name)] for name in COUNTED} for r in table[1:] if r}


def config(ports: list[int], origin: int) -> str:
    text = ""
    for n, ((front, back), port) in enumerate(zip(CASES.values(), ports, strict=True)):
        text += f"frontend f{n}\n  bind 127.0.0.1:{port}\n  http-request set-var(txn.big) req.hdr(big)\n  default_backend b{n}\n"
        text += "".join(f"  {line}\n" for line in front)
        text += f"backend b{n}\n" + "".join(f"  {line}\n" for line in back) + f"  server s 127.0.0.1:{origin}\n"
    return text


def run(product: Product) -> dict[str, Answer]:
    """All cases on one product."""
    origin = Echo()
    with (
        tempfile.TemporaryDirectory(prefix="strict-") as folder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        path = Path(folder, "s")
        with Reservation() as taken:
            ports = [taken.take() for _ in CASES]
            text = GLOBAL.format(socket=path, syslog=receiver.getsockname()[1]) + config(ports, origin.port)
            with product.start(text, ports):
                seen = [(exchange(port), one_line(receiver)) for port in ports]
                table = counters(path)
    origin.sock.close()
    found = {}
    for n, (name, (reply, line)) in enumerate(zip(CASES, seen, strict=True)):
        head, _, body = reply.partition(b"\r\n\r\n")
        rows = {row: table[row] for row in (f"f{n}/FRONTEND", f"b{n}/BACKEND", f"b{n}/s")}
        found[name] = Answer([(part[:14], len(part)) for part in head.split(b"\r\n")], body, line, rows)
    return found


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[dict[str, Answer], dict[str, Answer]]]:
    newest = haproxy26() if haproxy28().missing else haproxy28()
    yield run(newest), run(pyhaproxy())


@pytest.mark.parametrize("name", CASES)
def test_rewrites(both: tuple[dict[str, Answer], dict[str, Answer]], name: str) -> None:
    assert both[1][name] == both[0][name]


@pytest.mark.parametrize("words", ("", "maybe", "on x"))
def test_refusals(words: str) -> None:
    text = f"frontend f\n  mode http\n  bind 127.0.0.1:1\n  timeout client 1s\n  http-request strict-mode {words}\n"
    said = [
        [line.partition("] ")[2] for line in product.check(text).stderr.splitlines() if "strict-mode" in line]
        for product in (haproxy26(), pyhaproxy())
    ]
    said = [[re.sub(r"^ *\(\d+\) : ", "", line) for line in lines] for lines in said]
    assert said[1] == said[0]
    assert said[0]
