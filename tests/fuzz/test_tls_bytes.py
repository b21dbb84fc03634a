"""Whatever arrives on a TLS port: a session answers with a known result, twice the same way once it is dead, and leaks nothing."""

from __future__ import annotations

import gc
import socket
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.engine import tls
from haproxy_py.engine.tls import TlsContext, TlsSession
from haproxy_py.engine.tls_params import CertificateParams, GroupParams, ServerNames, TlsParams
from tests.harness.certs import Authority

ERROR = -3
KNOWN = {1, -1, -2, ERROR}


@cache
def contexts() -> tuple[TlsContext, TlsContext]:
    leaf = Authority.new().issue("a.example")
    names = ServerNames((GroupParams((CertificateParams(leaf.cert_pem, leaf.key_pem),)),), ((b"a.example", 0),))
    return TlsContext.for_server(TlsParams(), names), TlsContext.for_client(TlsParams())


@cache
def hello() -> bytes:
    """What a client of ours sends first."""
    near, far = socket.socketpair()
    near.setblocking(False)
    contexts()[1].open(near.fileno(), b"a.example").do_handshake()
    first = far.recv(65536)
    near.close()
    far.close()
    return first


def drain(session: TlsSession) -> None:
    """Drive a session until it needs more bytes or has ended; an error must stay one."""
    result = session.do_handshake()
    assert result in KNOWN
    if result == ERROR:
        assert session.do_handshake() == ERROR
        assert session.recv(100) == ERROR and session.send(b"x") == ERROR
        assert session.info()["failure"]


def feed(chunks: list[bytes]) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    session = contexts()[0].open(near.fileno())
    for chunk in chunks:
        far.sendall(chunk)
        drain(session)
    far.shutdown(socket.SHUT_WR)
    drain(session)
    session.close_notify()
    del session
    near.close()
    far.close()
    gc.collect(0)
    assert tls.live()["ssl"] == 0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
def test_any_bytes(chunks: list[bytes]) -> None:
    feed(chunks)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 600), st.binary(min_size=1, max_size=8), st.integers(0, 600))
def test_damaged_hello(at: int, patch: bytes, cut: int) -> None:
    body = bytearray(hello())
    at %= len(body)
    body[at : at + len(patch)] = patch
    cut %= len(body)
    feed([part for part in (bytes(body[:cut]), bytes(body[cut:])) if part])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([20, 21, 22, 23, 24, 99]), st.binary(max_size=80)), min_size=1, max_size=5))
def test_records_after_the_handshake(records: list[tuple[int, bytes]]) -> None:
    """Records that the keys never made: an error, never data."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    server, client = contexts()[0].open(near.fileno()), contexts()[1].open(far.fileno())
    c = s = 0
    while (c, s) != (1, 1):
        c, s = client.do_handshake(), server.do_handshake()
    for kind, body in records:
        far.send(bytes([kind, 3, 3]) + len(body).to_bytes(2, "big") + body)
    results = [server.recv(1000) for _ in range(3)]
    assert all(r in (-1, ERROR, b"") for r in results)
    del server, client
    near.close()
    far.close()
