"""Ticket keys and the session cache are seen by processes forked after they were made."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable

import pytest

from haproxy_py.engine.tls import TlsContext, TlsSession, ktls_available
from haproxy_py.engine.tls_cache import SessionCache
from haproxy_py.engine.tls_params import TLS12, TLS13, CertificateParams, GroupParams, ServerNames, TlsParams
from haproxy_py.engine.tls_tickets import TicketKeys
from tests.harness.certs import Authority
from tests.harness.fork import in_child

WANT_READ = -1
LEAF = Authority.new().issue("a.example")
NAMES = ServerNames((GroupParams((CertificateParams(LEAF.cert_pem, LEAF.key_pem),)),))


def wait(call: Callable[[], object], sock: socket.socket) -> object:
    """Repeat a non-blocking call until it gives something else than "more bytes wanted"."""
    while (result := call()) == WANT_READ:
        assert select.select([sock], [], [], 20)[0], "nothing came for 20 seconds"
    return result


def serve_one(context: TlsContext, near: socket.socket, resumed: bool) -> None:
    """The server's side of one connection with one byte."""
    near.setblocking(False)
    session = context.open(near.fileno())
    assert wait(session.do_handshake, near) == 1
    session.send(b"x")
    assert wait(lambda: session.recv(1), near) == b""
    assert session.info()["resumed"] is resumed


def greet(session: TlsSession, sock: socket.socket) -> None:
    """The client's side: the session ends with the call."""
    assert wait(session.do_handshake, sock) == 1
    assert wait(lambda: session.recv(1), sock) == b"x"
    session.close_notify()


def visit(server: TlsContext, client: TlsContext, resumed: bool) -> None:
    """A connection that a child serves."""
    near, far = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            far.close()
            serve_one(server, near, resumed)
            code = 0
        finally:
            os._exit(code)
    near.close()
    far.setblocking(False)
    greet(client.open(far.fileno()), far)
    far.close()
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize("tickets", [True, False])
def test_another_worker_resumes(version: int, tickets: bool) -> None:
    params = TlsParams(min_version=version, max_version=version, tickets=tickets)
    server = TlsContext.for_server(params, NAMES, None, SessionCache(100))
    client = TlsContext.for_client(TlsParams(min_version=version, max_version=version))
    visit(server, client, False)
    visit(server, client, True)


def test_rotation_in_one_process_is_seen_by_the_others() -> None:
    keys = TicketKeys()
    first = keys.secrets()
    assert in_child(lambda: keys.rotate(b"\7" * 80)) == 0
    assert keys.secrets() == [*first, b"\7" * 80]


def test_a_full_cache_forgets_but_works() -> None:
    cache = SessionCache(1)
    params = TlsParams(tickets=False, min_version=TLS12, max_version=TLS12)
    server = TlsContext.for_server(params, NAMES, None, cache)
    one, other = (TlsContext.for_client(TlsParams(max_version=TLS12)) for _ in range(2))
    visit(server, one, False)
    visit(server, other, False)
    visit(server, one, False)
    assert cache.lookups > cache.misses - 1
    with pytest.raises(ValueError, match="at least one session"):
        SessionCache(0)


def test_kernel_tls_is_quietly_off_where_the_kernel_has_none() -> None:
    server = TlsContext.for_server(TlsParams(ktls=True), NAMES)
    client = TlsContext.for_client(TlsParams(ktls=True))
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as far:
        near, _ = listener.accept()
        near.setblocking(False)
        far.setblocking(False)
        s, c = server.open(near.fileno()), client.open(far.fileno())
        a = b = 0
        for _ in range(1000):
            a, b = c.do_handshake(), s.do_handshake()
            if (a, b) == (1, 1):
                break
        assert (a, b) == (1, 1), ktls_available()
        assert c.send(b"q" * 40000) > 0
        assert isinstance(s.recv(16384), bytes)
        del s, c
        near.close()
