"""One server that answers questions: its socket on the loop, its counters. UDP, or a stream with lengths (RFC 7766)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

from haproxy_py.config.keywords.resolvers import Nameserver
from haproxy_py.engine.tally import Tally

LARGEST = 65535
AT_ONCE = 64  # answers taken in one go
WAITING = 256  # questions kept for a stream that is being opened
UNREAD = 65536  # bytes that a nameserver may leave unread before its stream is given up


COUNTERS = (
    "sent", "snd_error", "valid", "update", "cname", "cname_error", "any_err", "nx", "timeout", "refused", "other", "invalid",
    "too_big", "truncated", "outdated",
)  # fmt: skip
_PLACES = {name: at for at, name in enumerate(COUNTERS)}


class Counters:
    """As `show resolvers` names them, in its order. shared: where all workers count; None: this process alone."""

    def __init__(self, shared: Tally | None = None) -> None:
        self._shared = shared
        self._own = [0] * len(COUNTERS)

    def add(self, name: str) -> None:
        """Count one."""
        if self._shared is None:
            self._own[_PLACES[name]] += 1
        else:
            self._shared.add(_PLACES[name])

    def values(self) -> dict[str, int]:
        """All of them by name."""
        return {name: self._own[at] if self._shared is None else self._shared.value(at) for name, at in _PLACES.items()}


NameserverCounters = Mapping[str, Mapping[str, Counters]]  # by section and nameserver


class Channel:
    """Base of both kinds. take: gets every answer's bytes."""

    def __init__(self, item: Nameserver, take: Callable[[Channel, bytes], None]) -> None:
        self.item = item
        self.counters = Counters()  # Resolvers has it replaced by that of all workers
        self._take = take
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def name(self) -> str:
        return self.item.name

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Questions may be sent from now on."""
        self._loop = loop

    def send(self, data: bytes) -> bool:
        """Ask. False (and counted) when it could not be sent."""
        sent = self._loop is not None and self._send(data)
        self.counters.add("sent" if sent else "snd_error")
        return sent

    def _send(self, data: bytes) -> bool:
        raise AssertionError("of a kind")

    def stop(self) -> None:
        """Close what is open."""
        self._loop = None


class Datagrams(Channel):
    """Over UDP, from one connected socket."""

    def __init__(self, item: Nameserver, take: Callable[[Channel, bytes], None]) -> None:
        super().__init__(item, take)
        self._sock: socket.socket | None = None

    def _open(self) -> socket.socket | None:
        family = socket.AF_INET6 if ":" in self.item.host else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError:  # no descriptors
            return None
        try:
            sock.connect((self.item.host, self.item.port))
        except OSError:
            sock.close()
            return None
        assert self._loop is not None
        self._loop.add_reader(sock.fileno(), self._readable)
        return sock

    def _send(self, data: bytes) -> bool:
        for _ in range(2):
            self._sock = self._sock or self._open()
            if self._sock is None:
                return False
            try:
                self._sock.send(data)
            except ConnectionRefusedError:  # of the question before
                self._close()
            except OSError:
                return False
            else:
                return True
        return False

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            if self._sock is None:
                return
            try:
                data = self._sock.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError:  # the loop looks at a socket with an error no more
                self._close()
                return
            self._take(self, data)

    def _close(self) -> None:
        """The next question opens another socket."""
        if self._sock is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def stop(self) -> None:
        """Close the socket."""
        self._close()
        super().stop()


class StreamSide(asyncio.Protocol):
    """The connection of a Stream: cuts what comes into answers."""

    def __init__(self, owner: Stream) -> None:
        self.owner = owner
        self.transport: asyncio.WriteTransport | None = None
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.owner.opened(self)

    def data_received(self, data: bytes) -> None:
        self._held += data
        while len(self._held) >= 2:
            end = 2 + int.from_bytes(self._held[:2], "big")
            if len(self._held) < end:
                return
            one, self._held = self._held[2:end], self._held[end:]
            self.owner.answered(one)

    def connection_lost(self, exc: Exception | None) -> None:
        self.owner.lost(self)


class Stream(Channel):
    """Over TCP: one connection, opened when there is something to ask and again when it was closed."""

    def __init__(self, item: Nameserver, take: Callable[[Channel, bytes], None]) -> None:
        super().__init__(item, take)
        self._side: StreamSide | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queue: list[bytes] = []

    def _send(self, data: bytes) -> bool:
        framed = len(data).to_bytes(2, "big") + data
        side = self._side
        if side is not None and side.transport is not None:
            if side.transport.get_write_buffer_size() > UNREAD:
                side.transport.abort()
                self._side = None
                return False
            side.transport.write(framed)
            return True
        if len(self._queue) >= WAITING:
            return False
        self._queue.append(framed)
        if self._opening is None:
            assert self._loop is not None
            self._opening = self._loop.create_task(self._open())
        return True

    async def _open(self) -> None:
        assert self._loop is not None
        try:
            await self._loop.create_connection(lambda: StreamSide(self), self.item.host, self.item.port)
        except OSError:
            self._queue.clear()
        finally:
            self._opening = None

    def opened(self, side: StreamSide) -> None:
        """The connection stands."""
        self._side = side
        assert side.transport is not None
        side.transport.writelines(self._queue)
        self._queue.clear()

    def answered(self, data: bytes) -> None:
        """One answer is whole."""
        if self._loop is not None:
            self._take(self, data)

    def lost(self, side: StreamSide) -> None:
        """The connection is gone."""
        if self._side is side:
            self._side = None

    def stop(self) -> None:
        """Close the connection."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._side is not None and self._side.transport is not None:
            self._side.transport.abort()
        self._side = None
        self._queue.clear()
        super().stop()


def channel(item: Nameserver, take: Callable[[Channel, bytes], None]) -> Channel:
    """The right kind."""
    return Stream(item, take) if item.stream else Datagrams(item, take)
