"""The sockets that nameservers are asked over: a port that nobody listens on for a while, a stream that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvloop

from backends.resolvers.nameserver import UNREAD, Channel, Datagrams, Stream, StreamSide
from haproxy_py.config.errors import Where
from haproxy_py.config.keywords.resolvers import Nameserver

TEN_S = 10.0


def bound(port: int = 0) -> socket.socket:
    """A UDP socket; several may have one port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def made(kind: type[Datagrams] | type[Stream], port: int) -> tuple[Any, list[bytes]]:
    """A channel, and the answers that it gets."""
    told: list[bytes] = []

    def take(channel: Channel, data: bytes) -> None:
        told.append(data)

    return kind(Nameserver("n", "127.0.0.1", port, kind is Stream, Where("t.cfg", 1)), take), told


async def refused_then_answered() -> list[bytes]:
    """Questions to a port that refuses, then to one that answers, until an answer has come."""
    with bound() as keeper:
        keeper.connect(("127.0.0.1", 9))  # takes datagrams of that peer only: all others are refused
        port = keeper.getsockname()[1]
        channel, told = made(Datagrams, port)
        channel.start(asyncio.get_running_loop())
        for _ in range(4):
            assert channel.send(b"one")
            await asyncio.sleep(0.01)
        assert told == []
        with bound(port) as server:
            server.settimeout(TEN_S)
            loop = asyncio.get_running_loop()
            assert channel.send(b"two")
            data, peer = server.recvfrom(100)
            server.sendto(b"answer to " + data, peer)
            end = loop.time() + TEN_S
            while not told and loop.time() < end:
                await asyncio.sleep(0.01)
        channel.stop()
    return told


def test_a_nameserver_that_comes_back_is_heard() -> None:
    """On the loop of workers, which looks at a socket that had an error no more."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(refused_then_answered()) == [b"answer to two"]


class Unread:
    """A transport whose peer reads nothing."""

    def __init__(self) -> None:
        self.size = 0
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.size

    def write(self, data: bytes) -> None:
        self.size += len(data)

    def writelines(self, data: list[bytes]) -> None:
        self.size += sum(map(len, data))

    def abort(self) -> None:
        self.aborted = True


def test_a_stream_that_nobody_reads_is_given_up() -> None:
    channel, _ = made(Stream, 1)
    loop = asyncio.new_event_loop()
    channel.start(loop)
    transport: Any = Unread()
    StreamSide(channel).connection_made(transport)
    sent = 0
    while channel.send(bytes(500)):
        sent += 1
    assert sent == UNREAD // 502 + 1 and transport.aborted
    counted = channel.counters.values()
    assert (counted["sent"], counted["snd_error"]) == (sent, 1)
    channel.stop()
    loop.close()
