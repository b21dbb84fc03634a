"""TLS sessions against themselves and against Python's ssl, over socket pairs: bytes, ends, faults."""

from __future__ import annotations

import socket
import ssl

import pytest

from haproxy_py.engine import tls
from haproxy_py.engine.tls_params import TLS12, TLS13, TlsParams
from tests.unit.engine.tlskit import ERROR, LEAF, WANT_READ, WANT_WRITE, Pair, PyPeer, client, py_client, server
from tests.unit.engine.tlskit import nothing_left as nothing_left  # autouse: every test ends with nothing left alive


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


def test_an_end_that_comes_with_the_last_bytes_is_not_slept_over() -> None:
    """No event follows it while the peer waits for our answer: the reader has to come back at once."""
    with Pair(server(), client()) as p:
        assert p.shake() == (1, 1)
        p.c.recv(1)  # tickets
        p.s.send(b"bye")
        p.s.close_notify()
        assert p.c.recv(100) == b"bye" and not p.c.info()["drained"]
        assert p.c.recv(100) == b""


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
