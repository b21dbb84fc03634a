"""A syslog receiver on UDP."""

import asyncio
import socket


class Syslog(asyncio.DatagramProtocol):
    """Keeps every datagram, in the order of arrival."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.last = 0.0
        self.port = 0
        self._transport: asyncio.BaseTransport | None = None

    async def open(self) -> "Syslog":
        """Bind a kernel-chosen port of 127.0.0.1."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        self.port = int(sock.getsockname()[1])
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.lines.append(data)
        self.last = asyncio.get_running_loop().time()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
