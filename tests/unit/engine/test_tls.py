"""TLS sessions against themselves and against Python's ssl, over socket pairs; every test ends with nothing left alive."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import pytest

from haproxy_py.engine import tls
from haproxy_py.engine.tls import TlsContext, TlsSession
from haproxy_py.engine.tls_cache import SessionCache
from haproxy_py.engine.tls_params import (
    TLS12,
    TLS13,
    CertificateParams,
    GroupParams,
    ServerNames,
    TlsParams,
    TlsSetupError,
)
from haproxy_py.engine.tls_tickets import TicketKeys
from tests.harness.certs import Authority, Issued, ec_key, key_pem, rsa_key

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


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_both_ends_ours(version: int) -> None:
    params = TlsParams(min_version=version, max_version=version, alpn=(b"http/1.1",))
    with Pair(server(params), client(alpn=(b"h2", b"http/1.1"))) as p:
        assert p.shake() == (1, 1)
        assert p.c.send(b"hello", b" ", b"world") == 11
        assert p.s.recv(100) == b"hello world"
        assert p.s.recv(100) == WANT_READ
        info = p.s.info()
        assert info["version"] == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]
        assert (info["sni"], info["alpn"], info["resumed"]) == (b"a.example", b"http/1.1", False)
        assert p.c.info()["verify"] == 0
        p.s.close_notify()
        assert p.c.recv(10) == b""
        assert p.c.info()["truncated"] is False


def test_python_client_keeps_talking() -> None:
    context = server()
    with PyPeer(py_client(), False, "a.example") as peer:
        session = context.open(peer.ours.fileno())
        assert peer.shake(session) == 1
        for size in (1, 100, 16384, 16385, 50000):
            peer.write(b"q" * size)
            got = b""
            while len(got) < size:
                data = session.recv(70000)
                assert isinstance(data, bytes)
                got += data
            assert got == b"q" * size
            assert session.send(b"r" * size) == size
            assert peer.read() == b"r" * size
        del session


def test_python_server() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(LEAF.bundle)
        file.flush()
        context.load_cert_chain(file.name)
    context.set_alpn_protocols(["http/1.1"])
    with PyPeer(context, True) as peer:
        session = client(alpn=(b"http/1.1",)).open(peer.ours.fileno(), b"a.example")
        assert peer.shake(session) == 1
        assert session.info()["alpn"] == b"http/1.1"
        assert session.send(b"ping") == 4
        assert peer.read() == b"ping"
        del session


def test_alpn_nothing_in_common_goes_on_without() -> None:
    with Pair(server(TlsParams(alpn=(b"http/1.1",))), client(alpn=(b"h2",))) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["alpn"] is None


# -- system calls: many records at once


def test_four_records_leave_in_one_send_and_come_in_two_reads() -> None:
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        p.c.recv(10)                                  # tickets out of the way
        assert p.s.send(b"x" * 65536) == 65536
        raw = p.b.recv(1 << 20, socket.MSG_PEEK)
        assert len(raw) > 65536 and raw.count(b"\x17\x03\x03\x40\x11") == 4
        assert p.c.recv(32768) == b"x" * 32768
        assert p.c.info()["pending"] is False
        assert p.c.recv(65536) == b"x" * 32768
        assert p.c.info()["drained"]


def test_small_pieces_share_one_record() -> None:
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        p.c.recv(10)
        assert p.s.send(b"head", b"", b"body" * 100) == 404
        raw = p.b.recv(1 << 20, socket.MSG_PEEK)
        assert len(raw) == 5 + 404 + 1 + 16
        assert p.c.recv(1000) == b"head" + b"body" * 100


def test_large_pieces_do_not_mix() -> None:
    pieces = (b"a" * 5, b"b" * 30000, b"c", b"d" * 40000)
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        whole, sent, got = b"".join(pieces), p.s.send(*pieces), b""
        while len(got) < len(whole):
            data = p.c.recv(20000)
            if isinstance(data, bytes):
                got += data
            else:
                sent += p.s.send(whole[sent:])
        assert got == whole


def test_idle_session_holds_no_receive_block() -> None:
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        held = tls.live()["blocks"]
        p.c.send(b"x" * 1000)
        assert p.s.recv(1000) == b"x" * 1000
        assert p.s.recv(1) == WANT_READ
        assert tls.live()["blocks"] <= held


# -- partial writes


def test_full_socket_credits_only_what_left_and_resumes() -> None:
    """A reader that stops: write() takes whole records only; the same bytes again go on where it stopped."""
    data = bytes(range(256)) * 8192                   # 2 MiB
    with Pair(server(), client()) as p:
        p.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        assert p.shake() == (1, 1)
        sent, got, blocked = 0, bytearray(), 0
        while len(got) < len(data):
            r = p.s.send(data[sent : sent + 65536]) if sent < len(data) else 0
            if r > 0:
                sent += r
                continue
            if r == WANT_WRITE:
                blocked += 1
                assert p.s.info()["unsent"]
            chunk = p.c.recv(50000)
            if isinstance(chunk, bytes):
                got += chunk
        assert bytes(got) == data and sent == len(data) and blocked > 3
        assert not p.s.info()["unsent"]


def test_smaller_retry_is_credited_piece_by_piece() -> None:
    with Pair(server(), client()) as p:
        p.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        assert p.shake() == (1, 1)
        data, sent = b"0123456789" * 20000, 0
        while True:
            r = p.s.send(data[sent : sent + 65536])
            if r < 0:
                break
            sent += r
        assert r == WANT_WRITE
        got = bytearray()
        while len(got) < len(data):
            chunk = p.c.recv(65536)
            if isinstance(chunk, bytes):
                got += chunk
            r = p.s.send(data[sent : sent + 700]) if sent < len(data) else 0
            sent += max(r, 0)
        assert bytes(got) == data


def test_no_close_notify_inside_a_cut_stream() -> None:
    with Pair(server(), client()) as p:
        p.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        assert p.shake() == (1, 1)
        while p.s.send(b"z" * 65536) > 0:
            pass
        p.s.close_notify()
        p.a.shutdown(socket.SHUT_WR)
        while (data := p.c.recv(65536)) != b"":
            assert data != ERROR
        assert p.c.info()["truncated"]


# -- split records, ends, garbage


def test_byte_by_byte() -> None:
    context = server()
    with PyPeer(py_client(), False, "a.example") as peer:
        session = context.open(peer.ours.fileno())
        assert peer.shake(session) == 1
        peer.obj.write(b"dribble")
        raw = peer.out.read()
        for i in range(len(raw)):
            assert session.recv(100) == WANT_READ
            peer.sock.send(raw[i : i + 1])
        assert session.recv(100) == b"dribble"
        del session


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_handshake_byte_by_byte(version: int) -> None:
    context = server(TlsParams(min_version=version, max_version=version))
    with PyPeer(py_client(), False, "a.example") as peer:
        session = context.open(peer.ours.fileno())
        done, peer_done = WANT_READ, False
        for _ in range(6):
            try:
                peer.obj.do_handshake()
                peer_done = True
            except ssl.SSLWantReadError:
                pass
            for byte in peer.out.read():
                peer.sock.send(bytes([byte]))
                done = session.do_handshake() if done != 1 else 1
            peer.move()
        assert done == 1 and peer_done
        del session


def test_end_without_close_notify_is_an_end_marked_truncated() -> None:
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        p.c.send(b"last words")
        p.b.shutdown(socket.SHUT_WR)
        assert p.s.recv(100) == b"last words"
        assert p.s.recv(100) == b""
        assert p.s.info()["truncated"]
        assert p.s.send(b"answer") == 6               # half-closed: the answer still goes
        assert p.c.recv(100) == b"answer"


def test_strict_eof_makes_it_an_error() -> None:
    with Pair(server(TlsParams(strict_eof=True)), client()) as p:
        assert p.shake() == (1, 1)
        p.b.shutdown(socket.SHUT_WR)
        assert p.s.recv(100) == ERROR


def test_end_inside_a_record() -> None:
    with PyPeer(py_client(), False, "a.example") as peer:
        session = server().open(peer.ours.fileno())
        assert peer.shake(session) == 1
        peer.obj.write(b"never whole")
        peer.sock.send(peer.out.read()[:-3])
        assert session.recv(100) == WANT_READ
        peer.sock.shutdown(socket.SHUT_WR)
        assert session.recv(100) == b""
        assert session.info()["truncated"]
        del session


def test_reset_is_an_error() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    far = socket.create_connection(listener.getsockname())
    near, _ = listener.accept()
    near.setblocking(False)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    session = server().open(near.fileno())
    far.close()
    assert session.do_handshake() == ERROR
    assert session.info()["failure"] == "Connection error during SSL handshake"
    del session
    near.close()
    listener.close()


def test_corrupted_record_ends_the_session_for_good() -> None:
    with PyPeer(py_client(), False, "a.example") as peer:
        session = server().open(peer.ours.fileno())
        assert peer.shake(session) == 1
        peer.obj.write(b"good")
        good = peer.out.read()
        peer.obj.write(b"bad!")
        bad = bytearray(peer.out.read())
        bad[-1] ^= 1
        peer.sock.send(good + bad)
        assert session.recv(1000) == b"good"
        assert session.recv(1000) == ERROR
        assert session.recv(1000) == ERROR
        assert session.send(b"x") == ERROR
        del session


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 200, b"\x00" * 64, b"\x80\x2e\x01\x03\x01"]
)
def test_garbage_instead_of_a_hello(garbage: bytes) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    session = server().open(near.fileno())
    far.sendall(garbage)
    result = session.do_handshake()
    if result == WANT_READ:
        far.shutdown(socket.SHUT_WR)
        result = session.do_handshake()
    assert result == ERROR
    assert session.info()["failure"] in ("SSL handshake failure", "Connection closed during SSL handshake")
    assert session.do_handshake() == ERROR
    del session
    near.close()
    far.close()


def test_truncated_hello_at_every_byte() -> None:
    with PyPeer(py_client(), False, "a.example") as peer:
        with pytest.raises(ssl.SSLWantReadError):
            peer.obj.do_handshake()
        hello = peer.out.read()
    context = server()
    for n in range(0, len(hello), 7):
        near, far = socket.socketpair()
        near.setblocking(False)
        session = context.open(near.fileno())
        far.sendall(hello[:n])
        far.shutdown(socket.SHUT_WR)
        assert session.do_handshake() == ERROR
        assert session.info()["failure"] == "Connection closed during SSL handshake"
        del session
        near.close()
        far.close()


def test_peer_that_asks_for_key_updates_but_never_reads_is_not_read_for_ever() -> None:
    """KeyUpdate requests make us answer; answers that nobody takes must not fill memory (they are refused beyond a limit)."""
    with Pair(server(), client()) as p:
        p.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        assert p.shake() == (1, 1)
        while p.s.send(b"w" * 65536) > 0:
            pass
        for _ in range(50):
            if p.c.send(b"r" * 1000) != 1000:
                break
            assert p.s.recv(1000) == b"r" * 1000      # reading goes on beside a blocked writer


# -- names


def sni_names(strict: bool = False) -> tuple[ServerNames, list[Issued]]:
    leaves = [LEAF, CA.issue("b.example"), CA.issue("*.w.example"), CA.issue("x.w.example")]
    table = ((b"a.example", 0), (b"b.example", 1), (b"*.w.example", 2), (b"x.w.example", 3), (b"no.w.example", -2))
    return ServerNames(tuple(GroupParams((cert(one),)) for one in leaves), table, strict), leaves


@pytest.mark.parametrize(
    ("sni", "expect"),
    [(b"a.example", 0), (b"B.Example", 1), (b"q.w.example", 2), (b"x.w.example", 3), (b"a.b.w.example", 0), (b"w.example", 0),
     (b"no.w.example", 0), (b"else.where", 0), (None, 0)],
)  # fmt: skip
def test_certificate_by_name(sni: bytes | None, expect: int) -> None:
    table, leaves = sni_names()
    with Pair(server(certs=table), client(verify=0), sni) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert(leaves[expect].cert_pem.decode())
        assert p.s.info()["sni"] == sni


@pytest.mark.parametrize("sni", [b"else.where", None, b"a.b.w.example", b"no.w.example"])
def test_strict_sni_refuses_with_unrecognized_name(sni: bytes | None) -> None:
    table, _ = sni_names(strict=True)
    with Pair(server(certs=table), client(verify=0), sni) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.c.info()["reason"] == "tlsv1 unrecognized name"


def test_ten_thousand_names() -> None:
    table = tuple((f"h{i}.example".encode(), i % 2) for i in range(10000))
    other = CA.issue("other.example")
    context = server(certs=ServerNames((GroupParams((cert(LEAF),)), GroupParams((cert(other),))), table))
    for i in (0, 1, 9999, 5001):
        with Pair(context, client(verify=0), f"h{i}.example".encode()) as p:
            assert p.shake() == (1, 1)
            assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert((other if i % 2 else LEAF).cert_pem.decode())


def test_key_type_by_what_the_client_can() -> None:
    rsa = CA.issue("a.example", key=rsa_key())
    context = server(TlsParams(max_version=TLS12), ServerNames((GroupParams((cert(rsa), cert(LEAF))),), ((b"a.example", 0),)))
    for ciphers, expect in (("ECDHE-RSA-AES128-GCM-SHA256", rsa), ("ECDHE-ECDSA-AES128-GCM-SHA256", LEAF)):
        with Pair(context, client(ciphers=ciphers, max_version=TLS12)) as p:
            assert p.shake() == (1, 1)
            assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert(expect.cert_pem.decode())


def test_own_settings_of_a_name() -> None:
    """A crt-list line: other versions, another ALPN, and client certificates only there."""
    second = CA.issue("b.example")
    own = TlsParams(min_version=TLS13, alpn=(b"special",), verify=2, ca_pem=CA.pem, curves="P-256")
    groups = (GroupParams((cert(LEAF),)), GroupParams((cert(second),), own))
    context = server(TlsParams(alpn=(b"http/1.1",)), ServerNames(groups, ((b"a.example", 0), (b"b.example", 1))))
    offers = client(alpn=(b"special", b"http/1.1"))
    with Pair(context, offers, b"a.example") as p:
        assert p.shake() == (1, 1) and p.s.info()["alpn"] == b"http/1.1"
    with Pair(context, client(max_version=TLS12), b"b.example") as p:
        assert p.shake() == (ERROR, ERROR)
    params = TlsParams(verify=2, ca_pem=CA.pem, alpn=(b"special",))
    with Pair(context, TlsContext.for_client(params, cert(CA.issue("me"))), b"b.example") as p:
        assert p.shake() == (1, 1) and p.s.info()["alpn"] == b"special" and p.s.info()["peer"]


# -- verification


def test_client_certificate_required() -> None:
    context = server(TlsParams(verify=2, ca_pem=CA.pem, **ONLY12))
    with Pair(context, client()) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.s.info()["reason"] == "peer did not return a certificate"
    mine = CA.issue("client one")
    with Pair(context, TlsContext.for_client(TlsParams(verify=2, ca_pem=CA.pem), cert(mine))) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["peer"] == ssl.PEM_cert_to_DER_cert(mine.cert_pem.decode())


def test_client_certificate_optional() -> None:
    context = server(TlsParams(verify=1, ca_pem=CA.pem, **ONLY12))
    with Pair(context, client()) as p:
        assert p.shake() == (1, 1) and p.s.info()["peer"] is None
    stranger = Authority.new("Someone else").issue("stranger")
    with Pair(context, TlsContext.for_client(TlsParams(verify=0), cert(stranger))) as p:
        assert p.shake()[1] == ERROR
        assert p.s.info()["crt_err"] == 20


@pytest.mark.parametrize(("expired", "ignored", "result"), [(True, frozenset(), ERROR), (True, frozenset({10}), 1), (False, frozenset(), 1)])
def test_crt_ignore_err(expired: bool, ignored: frozenset[int], result: int) -> None:
    context = server(TlsParams(verify=2, ca_pem=CA.pem, crt_ignore=ignored, **ONLY12))
    mine = cert(CA.issue("client", expired=expired))
    with Pair(context, TlsContext.for_client(TlsParams(verify=0), mine)) as p:
        assert p.shake()[1] == result
        assert p.s.info()["crt_err"] == (10 if expired else 0)
        if result == ERROR:
            assert p.s.info()["failure"] == "SSL client certificate not trusted"


def test_revoked() -> None:
    good, gone = CA.issue("good"), CA.issue("gone")
    context = server(TlsParams(verify=2, ca_pem=CA.pem, crl_pem=CA.revoke(gone), **ONLY12))
    for who, expect in ((good, 1), (gone, ERROR)):
        with Pair(context, TlsContext.for_client(TlsParams(verify=0), cert(who))) as p:
            assert p.shake()[1] == expect
            assert p.s.info()["crt_err"] == (0 if expect == 1 else 23)


@pytest.mark.parametrize(
    ("sni", "verifyhost", "result"),
    [(b"a.example", None, 1), (b"wrong.example", None, ERROR), (None, None, 1), (None, b"a.example", 1), (None, b"b.example", ERROR),
     (b"a.example", b"ignored.example", 1)],
)  # fmt: skip
def test_name_of_the_server(sni: bytes | None, verifyhost: bytes | None, result: int) -> None:
    context = TlsContext.for_client(TlsParams(verify=2, ca_pem=CA.pem), None, verifyhost)
    with Pair(server(), context, sni) as p:
        assert p.shake()[0] == result


def test_server_of_another_authority() -> None:
    with Pair(server(), client(ca_pem=Authority.new("Other").pem)) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.c.info()["reason"] == "certificate verify failed"


# -- resumption


def visit(s: TlsContext, c: TlsContext, sni: bytes = b"a.example") -> bool:
    """One connection with one exchange; whether it was resumed."""
    with Pair(s, c, sni) as p:
        assert p.shake() == (1, 1)
        p.s.send(b"x")
        assert p.c.recv(10) == b"x"
        assert p.s.info()["resumed"] == p.c.info()["resumed"]
        p.c.close_notify()
        return bool(p.s.info()["resumed"])


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_tickets_are_good_at_every_context_with_the_same_keys(version: int) -> None:
    params, keys = TlsParams(min_version=version, max_version=version), TicketKeys()
    first, second, stranger = server(params, tickets=keys), server(params, tickets=keys), server(params)
    c = client()
    assert [visit(first, c), visit(first, c), visit(second, c), visit(stranger, c), visit(stranger, c)] == [False, True, True, False, True]
    assert (first.full, first.reused, second.full, second.reused) == (1, 1, 0, 1)


def test_ticket_rotation() -> None:
    keys = TicketKeys([bytes([i]) * size for i, size in ((1, 48), (2, 80), (3, 80))])
    s, c = server(TlsParams(**ONLY12), tickets=keys), client()
    assert [visit(s, c), visit(s, c)] == [False, True]
    keys.rotate(b"\4" * 80)
    assert visit(s, c)                               # made with key 2, still known; renewed with key 3
    keys.rotate(b"\5" * 80)
    keys.rotate(b"\6" * 80)
    assert not visit(s, c)                           # key 3 is gone: a full handshake, not an error
    assert sorted(secret[0] for secret in keys.secrets()) == [4, 5, 6]
    with pytest.raises(ValueError, match="48 or 80 bytes, not 5"):
        keys.rotate(b"short")


def test_session_ids_without_tickets() -> None:
    cache = SessionCache(64)
    params = TlsParams(tickets=False, **ONLY12)
    first, second, c = server(params, sessions=cache), server(params, sessions=cache), client(**ONLY12)
    assert [visit(first, c), visit(first, c), visit(second, c)] == [False, True, True]
    assert (cache.lookups, cache.misses) == (2, 0)
    assert [visit(server(params), c)] == [False]


def test_client_resumes_only_for_the_same_name() -> None:
    both = ServerNames((GroupParams((cert(CA.issue("a.example", "b.example")),)),))
    s, c = server(certs=both), client()
    assert [visit(s, c), visit(s, c, b"b.example"), visit(s, c, b"b.example")] == [False, False, True]


def test_no_reuse() -> None:
    s, c = server(), client(session_reuse=False)
    assert [visit(s, c), visit(s, c)] == [False, False]


# -- settings that OpenSSL refuses, versions


@pytest.mark.parametrize(
    ("change", "what"),
    [({"ciphers": "NOPE"}, "ciphers"), ({"ciphersuites": "NOPE"}, "ciphersuites"), ({"curves": "nope"}, "curves"),
     ({"sigalgs": "nope"}, "sigalgs"), ({"client_sigalgs": "nope"}, "client-sigalgs"), ({"min_version": TLS13, "max_version": TLS12}, "versions"),
     ({"verify": 2, "ca_pem": b"none"}, "ca-file"), ({"verify": 2, "ca_pem": CA.pem, "crl_pem": b"none"}, "crl-file")],
)  # fmt: skip
def test_refused_values(change: dict[str, object], what: str) -> None:
    with pytest.raises(TlsSetupError) as told:
        server(replace(TlsParams(), **change))  # type: ignore[arg-type]
    assert told.value.what == what


def test_refused_certificates() -> None:
    wrong_key = key_pem(ec_key())
    locked = key_pem(ec_key(), b"secret")
    for params, what in (
        (CertificateParams(b"rubbish", LEAF.key_pem), "certificate"),
        (CertificateParams(LEAF.cert_pem, b"rubbish"), "key"),
        (CertificateParams(LEAF.cert_pem, locked), "key"),
        (CertificateParams(LEAF.cert_pem, wrong_key), "mismatch"),
    ):
        with pytest.raises(TlsSetupError) as told:
            server(certs=ServerNames((GroupParams((params,)),)))
        assert told.value.what == what


def test_old_versions_only_when_asked() -> None:
    old = {"min_version": 0x0301, "max_version": 0x0302}
    with Pair(server(), client(**old)) as p:
        assert p.shake() == (ERROR, ERROR)
    with Pair(server(TlsParams(min_version=0x0301)), client(**old)) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["version"] == "TLSv1.1"


def test_record_size() -> None:
    with Pair(server(TlsParams(max_record=1400)), client()) as p:
        assert p.shake() == (1, 1)
        p.c.recv(10)
        assert p.s.send(b"x" * 5000) == 5000
        raw = p.b.recv(1 << 20, socket.MSG_PEEK)
        assert int.from_bytes(raw[3:5], "big") == 1400 + 17
        got = b""
        while len(got) < 5000:
            got += p.c.recv(5000)  # type: ignore[operator]
