"""The command line with a stand-in for the proxy: it answers each connection with its pid and what its configuration says.

Run as a program: `python fake_program.py <flags of pyhaproxy>`; only the keywords of the configuration package are known. A connection that sends "hold" stays open
until its client closes. The `description` of the global section is what it answers; "die-at-start" makes start() raise,
"first FIFO" makes the first try to build the configuration last until somebody writes there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from frontends import bind
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.keywords import process as words
from haproxy_py.config.model import Config
from haproxy_py.engine.shm import Segment


class Fake:
    """See haproxy_py.process.types.Instance."""

    def __init__(self, config: Config, workers: int) -> None:
        self.config = config
        self.segment = Segment(workers, proxies=4)
        self.slot = self.segment.proxy("f")
        self.listening: dict[str, int] = {}
        self.drained = asyncio.Event()
        self.sockets: list[socket.socket] = []
        self.open = 0
        self.told: list[str] = []
        self.stopping = False
        self.answer = config.globals[words.DESCRIPTION]

    @classmethod
    def build(cls, config: Config, workers: int = 1) -> Fake:
        if config.globals[words.DESCRIPTION] == "unbuildable":
            raise ConfigError("no such certificate")
        first = Path(config.globals[words.DESCRIPTION].removeprefix("first "))
        if first.is_fifo():
            first.open().close()
            first.unlink()
        return cls(config, workers)

    def states(self) -> str:
        return ""

    def take_over(self, states: str) -> None:
        pass

    def bind(self, inherited: Mapping[str, int]) -> None:
        self.listening = bind.open_all(self.config, inherited)

    def start(self, loop: asyncio.AbstractEventLoop, slot: int = 1) -> None:
        if self.answer == "die-at-start":
            raise RuntimeError("told to die")
        self.segment.attach(slot)
        for fd in self.listening.values():
            sock = socket.socket(fileno=os.dup(fd))
            sock.setblocking(False)
            self.sockets.append(sock)
        self.resume()

    async def run_checks(self) -> None:
        self.segment.claim_checker()

    def _accept(self, sock: socket.socket) -> None:
        try:
            client, _ = sock.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        asyncio.get_running_loop().create_task(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self.open += 1
        self.slot.enter()
        self.slot.add("stot")
        said = await loop.sock_recv(client, 100)
        scur = self.slot.gauges()["scur"]
        await loop.sock_sendall(client, f"{os.getpid()} {self.answer} {scur} {self.slot.totals()['stot']}\n".encode())
        while said == b"hold" and await loop.sock_recv(client, 100):
            pass
        client.close()
        self.slot.leave()
        self.open -= 1
        if self.stopping and not self.open:
            self.drained.set()

    def pause(self) -> None:
        for sock in self.sockets:
            asyncio.get_running_loop().remove_reader(sock)

    def resume(self) -> None:
        for sock in self.sockets:
            asyncio.get_event_loop().add_reader(sock, self._accept, sock)

    def soft_stop(self) -> None:
        self.stopping = True
        self.pause()
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()
        if not self.open:
            self.drained.set()

    async def stop(self) -> None:
        for sock in self.sockets:
            sock.close()


if __name__ == "__main__":
    from haproxy_py import features
    from haproxy_py.cli import main

    features.PACKAGES = ("haproxy_py.config.keywords",)
    sys.exit(main(instance_type=Fake))
