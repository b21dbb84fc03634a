"""Two TLS ends over a socket pair, ours or Python's; the leak counters of engine.tls."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator
from typing import Self

import pytest

from haproxy_py.engine import tls
from haproxy_py.engine.tls import TlsContext, TlsSession
from haproxy_py.engine.tls_params import TLS12, CertificateParams, GroupParams, ServerNames, TlsParams
from tests.harness.certs import Authority, Issued

WANT_READ, WANT_WRITE, ERROR = -1, -2, -3
ONLY12 = {"min_version": TLS12, "max_version": TLS12}
CA = Authority.new()
LEAF = CA.issue("a.example")
DEFAULTS = TlsParams()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """The leak counters are where they were."""
    gc.collect()
    before = tls.live()
    yield
    gc.collect()
    assert tls.live() == before


def cert(issued: Issued) -> CertificateParams:
    return CertificateParams(issued.cert_pem, issued.key_pem, file="test")


def names(*issued: Issued) -> ServerNames:
    """The first is the default; each answers to its own alternative names."""
    groups = tuple(GroupParams((cert(one),)) for one in issued)
    return ServerNames(groups)


def server(params: TlsParams = DEFAULTS, certs: ServerNames | None = None, **shared: object) -> TlsContext:
    return TlsContext.for_server(params, certs or names(LEAF), **shared)  # type: ignore[arg-type]


def client(**settings: object) -> TlsContext:
    return TlsContext.for_client(TlsParams(**({"verify": 2, "ca_pem": CA.pem} | settings)))  # type: ignore[arg-type]


class Pair:
    """Two of our sessions, connected."""

    def __init__(self, s: TlsContext, c: TlsContext, sni: bytes | None = b"a.example") -> None:
        self.a, self.b = socket.socketpair()
        self.a.setblocking(False)
        self.b.setblocking(False)
        self.s: TlsSession = s.open(self.a.fileno())
        self.c: TlsSession = c.open(self.b.fileno(), sni)

    def shake(self) -> tuple[int, int]:
        """Alternate until both are done or one has failed."""
        cr = sr = WANT_READ
        for _ in range(30):
            cr = cr if cr in (1, ERROR) else self.c.do_handshake()
            sr = sr if sr in (1, ERROR) else self.s.do_handshake()
            if cr in (1, ERROR) and sr in (1, ERROR):
                break
        return cr, sr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        del self.s, self.c
        self.a.close()
        self.b.close()


class PyPeer:
    """Python's ssl in memory on one end of a socket pair."""

    def __init__(self, context: ssl.SSLContext, server_side: bool, name: str | None = None) -> None:
        self.ours, self.sock = socket.socketpair()
        self.ours.setblocking(False)
        self.sock.setblocking(False)
        self.inc, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.obj = context.wrap_bio(self.inc, self.out, server_side=server_side, server_hostname=name)

    def move(self) -> None:
        """Ship what there is in both directions, as far as it goes."""
        if self.out.pending:
            self.sock.sendall(self.out.read())
        try:
            while data := self.sock.recv(1 << 18):
                self.inc.write(data)
        except BlockingIOError:
            pass

    def shake(self, session: TlsSession) -> int:
        done = WANT_READ
        peer_done = False
        for _ in range(30):
            if not peer_done:
                try:
                    self.obj.do_handshake()
                    peer_done = True
                except ssl.SSLWantReadError:
                    pass
            self.move()
            done = session.do_handshake() if done != 1 else 1
            self.move()
            if (done == 1 and peer_done) or done == ERROR:
                break
        return done

    def read(self, n: int = 1 << 18) -> bytes:
        self.move()
        got = b""
        try:
            while len(got) < n and (data := self.obj.read(n - len(got))):
                got += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return got

    def write(self, data: bytes) -> None:
        self.obj.write(data)
        self.move()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.ours.close()
        self.sock.close()


def py_client(**changes: object) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=CA.pem.decode())
    for name, value in changes.items():
        setattr(context, name, value)
    return context


# -- handshake and plain exchange
