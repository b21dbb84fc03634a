"""Raw peers: what a scripted client or server does on a socket, and a record of what came back.

A script is a sequence of steps; plain bytes are sent as one piece.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STEP_SECONDS = 5.0
RECV_SIZE = 1 << 18


@dataclass(frozen=True)
class Until:
    """Wait until `pattern` shows up `times` times behind what earlier Until steps have matched, or the peer ends."""

    pattern: bytes
    times: int = 1


@dataclass(frozen=True)
class Pause:
    """Do nothing for so long: spaces out pieces, or lets a timeout strike."""

    seconds: float


@dataclass(frozen=True)
class HalfClose:
    """Send our end (FIN), keep reading."""


@dataclass(frozen=True)
class Reset:
    """Close with RST."""


@dataclass(frozen=True)
class Close:
    """Close both ways."""


@dataclass(frozen=True)
class End:
    """Wait until the peer has ended."""


@dataclass(frozen=True)
class Quiet:
    """Wait until nothing has come for the settle time of the run."""


@dataclass(frozen=True)
class Deaf:
    """Stop reading (True) or read again (False)."""

    on: bool = True


@dataclass(frozen=True)
class Serve:
    """Server only: answer every request (head, body skipped) with 200 and a body "<server>.<connection>.<request>"."""

    fields: bytes = b""


@dataclass(frozen=True)
class On:
    """Client only: the following steps are for client connection `index` (opened on first use)."""

    index: int


Step = bytes | Until | Pause | HalfClose | Reset | Close | End | Quiet | Deaf | Serve | On
Script = Sequence[Step]

HEAD = Until(b"\r\n\r\n")


class Peer:
    """One connected socket with a background reader; `fate` tells how the other side left it."""

    def __init__(self, sock: socket.socket, settle: float) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.settle = settle
        self.received = bytearray()
        self.fate = "open"          # open, fin, rst; "closed" once we closed it ourselves while it was open
        self.mark = 0
        self.changed = asyncio.Event()
        self.last = asyncio.get_running_loop().time()
        self.audible = asyncio.Event()
        self.audible.set()
        self.sent_failed = False
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while self.fate == "open":
            await self.audible.wait()
            try:
                piece = await loop.sock_recv(self.sock, RECV_SIZE)
            except OSError:
                self.fate = "rst"
                piece = b""
            if not piece and self.fate == "open":
                self.fate = "fin"
            self.received += piece
            self.last = loop.time()
            self.changed.set()

    async def run(self, script: Script) -> None:
        """Do all steps; ends early without a word when the peer leaves."""
        for step in script:
            await self.step(step)

    async def step(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, bytes):
            await self.send(step)
        elif isinstance(step, Until):
            await self.until(step)
        elif isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Quiet):
            await self.quiet()
        elif isinstance(step, End):
            await self.wait(lambda: self.fate != "open")
        elif isinstance(step, Deaf):
            self.audible.clear() if step.on else self.audible.set()
        else:
            self._ending(step)

    def _ending(self, step: Step) -> None:
        if isinstance(step, HalfClose):
            self._shutdown()
        elif isinstance(step, Reset):
            self.close(hard=True)
        elif isinstance(step, Close):
            self.close()

    async def send(self, piece: bytes) -> None:
        """Send all of `piece`; a peer that refuses it is remembered in `sent_failed`."""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self.sock, piece)
        except (OSError, TimeoutError):
            self.sent_failed = True

    async def until(self, step: Until) -> None:
        for _ in range(step.times):
            await self.wait(lambda: self.fate != "open" or self.received.find(step.pattern, self.mark) >= 0)
            at = self.received.find(step.pattern, self.mark)
            self.mark = len(self.received) if at < 0 else at + len(step.pattern)

    async def wait(self, ready: Callable[[], bool], seconds: float | None = STEP_SECONDS) -> None:
        """Wait until `ready()`, looked at after every arrival; gives up without a word after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            pass

    async def quiet(self) -> None:
        """Wait until nothing has been received for `settle` seconds, or the peer has ended."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        while self.fate == "open":
            rest = max(self.last, start) + self.settle - loop.time()
            if rest <= 0:
                return
            await asyncio.sleep(rest)

    def _shutdown(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.sent_failed = True

    def close(self, hard: bool = False) -> None:
        """Close our side; hard: with RST."""
        self._reader.cancel()
        if self.fate == "open":
            self.fate = "closed"
        if self.sock.fileno() >= 0:
            if hard:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            asyncio.get_running_loop().remove_reader(self.sock)
            self.sock.close()
        self.changed.set()


async def connect(port: int, settle: float) -> Peer:
    """Open a client connection to 127.0.0.1:`port`."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        pass          # reset or refused while connecting: the reader finds out
    return Peer(sock, settle)


def take_turns(port: int, paths: Sequence[str], most: int) -> None:
    """A GET per path, one after the other, over up to `most` connections that take turns; replies have no body.

    Each connection asks at least once: a client that says nothing would be logged too.
    """
    clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(min(most, len(paths)))]
    for i, path in enumerate(paths):
        client = clients[i % len(clients)]
        client.sendall(b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode())
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            part = client.recv(4096)
            assert part
            got += part
    for client in clients:
        client.close()
