"""A scripted origin server: connection n follows script n; connections beyond the scripts follow the last one."""

import asyncio
import re
import socket
from collections.abc import Sequence

from tests.harness.wire import Peer, Script, Serve, Until

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: chunked", re.IGNORECASE)


class Origin:
    """Listens on a kernel-chosen port of 127.0.0.1; `peers` are its connections in the order of their arrival."""

    def __init__(self, name: str, scripts: Sequence[Script], settle: float) -> None:
        self.name = name
        self.scripts = scripts or [[Serve()]]
        self.settle = settle
        self.peers: list[Peer] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.sock.setblocking(False)
        self.port = int(self.sock.getsockname()[1])

    def open(self) -> None:
        """Begin to accept (needs the running loop)."""
        self._tasks.append(asyncio.create_task(self._accept()))

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock, self.settle)
            self.peers.append(peer)
            script = self.scripts[min(len(self.peers), len(self.scripts)) - 1]
            self._tasks.append(asyncio.create_task(self._follow(peer, len(self.peers), script)))

    async def _follow(self, peer: Peer, number: int, script: Script) -> None:
        for step in script:
            if isinstance(step, Serve):
                await self._serve(peer, number, step)
            else:
                await peer.step(step)

    async def _serve(self, peer: Peer, number: int, step: Serve) -> None:
        for request in range(1, 1000):
            await _one_request(peer)
            if peer.fate != "open":
                return
            body = b"%s.%d.%d" % (self.name.encode(), number, request)
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%s\r\n%s" % (len(body), step.fields, body))

    def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        for peer in self.peers:
            peer.close()
        self.sock.close()


async def _one_request(peer: Peer) -> None:
    """Wait for one whole request on `peer`: head, then body by content-length or chunked coding."""
    start = peer.mark
    await peer.wait(lambda: peer.fate != "open" or peer.received.find(b"\r\n\r\n", start) >= 0, None)
    end = peer.received.find(b"\r\n\r\n", start)
    if end < 0:
        return
    head = bytes(peer.received[start : end + 4])
    peer.mark = end + 4
    length = _LENGTH.search(head)
    if _CHUNKED.search(head):
        await peer.until(Until(b"0\r\n\r\n"))
    elif length:
        peer.mark += int(length[1])
        await peer.wait(lambda: peer.fate != "open" or len(peer.received) >= peer.mark, None)
