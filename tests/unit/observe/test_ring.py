"""Rings: what they keep, what goes, who waits, and what a killed writer leaves."""

from __future__ import annotations

import asyncio
import os
import signal

from haproxy_py.config.address import parse_address
from haproxy_py.observe.ring import Ring
from haproxy_py.observe.ring_forward import Forwarder, framed
from haproxy_py.observe.ring_keywords import RingServer

RAW = 7


def test_messages_in_order_and_the_oldest_go() -> None:
    ring = Ring("r", 100, 50, RAW)
    for n in range(30):
        ring.write(b"message %02d" % n)
    kept, end = ring.read(0)
    assert kept == [b"message %02d" % n for n in range(23, 30)]
    assert end == ring.end
    assert ring.read(end) == ([], end)
    ring.write(b"x" * 80)
    assert ring.read(end)[0] == [b"x" * 50]
    assert ring.lost == 0                 # nobody was to get them


def test_what_a_server_did_not_get_is_counted() -> None:
    ring = Ring("r", 100, 50, RAW)
    ring.serve([RingServer("s", parse_address("127.0.0.1:1", {}))])
    for n in range(9):
        ring.write(b"message %02d" % n)
    assert ring.lost == 2
    ring.reached(0, ring.end)
    ring.write(b"more")
    assert ring.lost == 2


def test_several_processes_write_one_ring_also_when_one_is_killed() -> None:
    ring = Ring("r", 1 << 20, 100, RAW)
    children = []
    for who in range(3):
        pid = os.fork()
        if pid == 0:
            for n in range(2000 if who else 10**9):
                ring.write(b"%d.%04d" % (who, n % 10000))
            os._exit(0)
        children.append(pid)
    for pid in children[1:]:
        os.waitpid(pid, 0)
    os.kill(children[0], signal.SIGKILL)
    os.waitpid(children[0], 0)
    ring.write(b"after")
    kept, position = ring.read(0, 1 << 21)
    assert kept[-1] == b"after"
    assert position == ring.end
    assert {text[1:2] for text in kept[:-1]} <= {b"."}


def test_backing_file_holds_the_messages(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "ring")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    ring = Ring("r", 4096, 100, RAW, file=fd)
    os.close(fd)
    ring.write(b"on disk")
    with open(path, "rb") as kept:
        assert b"on disk" in kept.read()


def test_framing() -> None:
    assert framed([b"a", b"bcd"], True) == b"1 a3 bcd"
    assert framed([b"a", b"bcd"], False) == b"a\nbcd\n"


def test_a_server_that_goes_and_comes_back_misses_nothing_that_the_ring_holds() -> None:
    async def play() -> list[bytes]:
        got: list[bytes] = []
        done = asyncio.Event()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(4096):
                got.append(piece)
                if b"three" in b"".join(got):
                    done.set()
            writer.close()

        server = await asyncio.start_server(client, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ring = Ring("r", 4096, 100, RAW)
        ring.serve([RingServer("s", parse_address(f"127.0.0.1:{port}", {}), True, 1000, 1000)])
        ring.write(b"one")
        first = Forwarder([ring])
        first.start()
        while not got:
            await asyncio.sleep(0.01)
        first.stop()
        ring.write(b"two")
        second = Forwarder([ring])         # another worker takes over
        second.start()
        await asyncio.sleep(0.05)
        ring.write(b"three")
        await asyncio.wait_for(done.wait(), 5)
        second.stop()
        server.close()
        return got

    assert b"".join(asyncio.run(play())) == b"3 one3 two5 three"


def test_more_room_than_the_size_says_is_for_what_waits_to_be_sent() -> None:
    ring = Ring("r", 100, 50, RAW, room=1000)
    for n in range(30):
        ring.write(b"message %02d" % n)
    assert len(ring.read(0)[0]) == 30
    assert ring.read(ring.oldest())[0] == [b"message %02d" % n for n in range(23, 30)]
