"""The master's own runtime socket (-S): commands about the processes, and a way to those of each worker (manual 9.4).

No event loop: the supervisor's Desk says when a client may be read from or written to. A client has at most one command
under way; what it does not read is kept up to KEPT bytes, then nothing more is read for it. A command for a worker goes
over a socket pair of which the worker gets one end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any, Protocol

from haproxy_py.process.desk import READ, WRITE, Desk
from haproxy_py.process.output import Console
from haproxy_py.runtime.call import Client
from haproxy_py.runtime.dialogue import Dialogue
from haproxy_py.runtime.master import Target, hand_over, written
from haproxy_py.runtime.reader import Request
from haproxy_py.runtime.registry import MASTER_COMMANDS, Output
from haproxy_py.runtime.sockets import Door

KEPT = 65536
MOST_CLIENTS = 10
LIMIT = 16384  # bytes of a command with its payload
TIMEOUT_MS = 10000
QUIET = ("prompt", "quit", "operator", "user", "expert-mode", "experimental-mode", "mcli-debug-mode")


class Master(Protocol):
    """What the socket needs of the supervisor."""

    desk: Desk | None
    console: Console

    def targets(self) -> list[Target]:
        """The generations of workers that can be spoken to, the current one first."""

    def reload_for(self, client: MasterClient, *, hard: bool = False) -> None:
        """A reload whose new master answers this client; hard: the former workers end at once."""


class MasterSocket:
    """Args: supervisor: whom the commands are about. doors: (listening descriptor, its Door). started_at: wall seconds."""

    def __init__(self, supervisor: Master, doors: list[tuple[int, Door]], started_at: float) -> None:
        self.supervisor = supervisor
        self.doors = [door for _, door in doors]
        self.started_at = started_at
        self.instance: Any = None
        self.clients: list[MasterClient] = []
        self._listening = [(socket.socket(fileno=fd), door) for fd, door in doors]

    def start(self) -> None:
        """Be heard of by the desk."""
        desk = self.supervisor.desk
        for sock, door in self._listening:
            if desk is not None:
                desk.watch(sock.fileno(), READ, lambda events, sock=sock, door=door: self._accept(sock, door))  # type: ignore[misc]

    def close(self) -> None:
        """In a forked child, and before the end: nothing of this is its own."""
        for client in list(self.clients):
            client.sock.close()
            if client.worker is not None:
                client.worker.close()
        self.clients.clear()
        for sock, _ in self._listening:
            sock.close()
        self._listening.clear()

    def _accept(self, sock: socket.socket, door: Door) -> None:
        try:
            accepted, _ = sock.accept()
        except OSError:
            return
        accepted.setblocking(False)
        if len(self.clients) >= MOST_CLIENTS:
            self.clients[0].end()  # the oldest makes room: whoever is idle must not lock the administrator out
        self.clients.append(MasterClient(self, accepted, Client(door.level, TIMEOUT_MS, door.severity)))

    def targets(self) -> list[Target]:
        """The generations of workers, the current one first."""
        return self.supervisor.targets()

    # what commands ask of a service

    def environment(self) -> dict[str, str]:
        """Of the master."""
        return dict(os.environ)

    def startup_logs(self) -> list[str]:
        """What it has printed since it was started or reloaded."""
        return list(self.supervisor.console.kept)

    def removable(self, server: Any) -> str:
        """The master has no servers."""
        return ""

    async def everywhere(self, name: str, *arguments: Any) -> dict[int, Any]:
        """The master has no workers of its own on a bus of which it asks."""
        return {}


class MasterDialogue(Dialogue):
    """A dialogue whose prompt says who is spoken to."""

    spoken_to = ""

    def prompt(self) -> str:
        if self.reader.in_payload:
            return "+ "
        return f"{self.spoken_to or 'master'}> "


class MasterClient:
    """One connection. worker: our end of the pair to a worker while a command runs there."""

    def __init__(self, home: MasterSocket, sock: socket.socket, client: Client) -> None:
        self.home = home
        self.sock = sock
        self.client = client
        self.worker: socket.socket | None = None
        self.talk = MasterDialogue(home, client, LIMIT, MASTER_COMMANDS)
        self.prefix = ""  # of a bare "@1": where commands without a prefix go
        self.out = bytearray()
        self.pieces: Iterator[str] | None = None
        self.request: Request | None = None
        self.finished = False  # the client has sent its end
        self._watch()

    def _watch(self) -> None:
        desk = self.home.supervisor.desk
        if desk is None:
            return
        room = len(self.out) < KEPT
        events = (READ if room and self.worker is None and not self.finished else 0) | (WRITE if self.out else 0)
        if events:
            desk.watch(self.sock.fileno(), events, self._event)
        else:
            desk.forget(self.sock.fileno())
        if self.worker is not None:
            if room:
                desk.watch(self.worker.fileno(), READ, self._from_worker)
            else:
                desk.forget(self.worker.fileno())

    def _event(self, events: int) -> None:
        try:
            if self.out:
                del self.out[: self.sock.send(self.out)]
            if events & ~WRITE and self.worker is None and not self.finished:
                data = self.sock.recv(LIMIT)
                self.finished = not data
                self.talk.reader.feed(data)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.end()
            return
        self._go_on()

    def _go_on(self) -> None:
        """Run what has come, as far as there is room for answers."""
        while self.worker is None and len(self.out) < KEPT and not self.client.closing:
            kept = self.talk.reader.lines_kept
            request = self.talk.next()
            if self.client.prompt and self.talk.reader.in_payload:
                self.out += b"+ " * max(1, self.talk.reader.lines_kept - kept)
            if request is None:
                break
            self._run(request)
        self.out += self.client.tags.pop("last words", "").encode()
        if not self.out and (self.client.closing or self.finished and self.worker is None):
            self.end()
            return
        self._watch()

    def _run(self, request: Request) -> None:
        words = request.words
        target = words[0] if words and words[0].startswith("@") else ""
        if target and len(words) == 1:
            self.prefix = "" if target in ("@", "@master", "@0") else target
            found = self._target(self.prefix) if self.prefix else None
            self.talk.spoken_to = str(found[1]) if found else ""
            self._prompt()
            return
        where = target or self.prefix
        own = not target and words and words[0] in QUIET
        if where and where not in ("@", "@master", "@0") and not own:
            self._send(where, Request(words[1:] if target else words, request.payload, request.last))
            return
        self._answer(Request(words[1:] if target else words, request.payload, request.last))

    def _answer(self, request: Request) -> None:
        self.client.interactive = True  # the master's socket stays open until the client leaves it
        output: Output = self.talk.run(request)
        if output is None and (not request.words or request.words[0] in QUIET):
            self._prompt()
            return
        if isinstance(output, Iterator):
            for piece in output:
                self.out += piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogateescape")
        elif isinstance(output, str):
            self.out += output.encode("utf-8", "surrogateescape")
        wanted = self.client.tags.pop("reload", "")
        if wanted:
            self.home.supervisor.reload_for(self, hard=wanted == "hard-reload")
            return
        self._behind(request)

    def _prompt(self) -> None:
        """The master itself has understood: no empty line, as in HAProxy."""
        if self.client.prompt and not self.client.closing:
            self.out += self.talk.prompt().encode()

    def _behind(self, request: Request) -> None:
        self.out += self.talk.behind(request).encode()

    def _target(self, prefix: str) -> tuple[Target, int] | None:
        """The workers that `@N` or `@!PID` means, and the pid."""
        targets = self.home.targets()
        digits = prefix.removeprefix("@!") if prefix.startswith("@!") else prefix.removeprefix("@")
        if not (digits.isascii() and digits.isdigit()) or not targets:
            return None
        number = int(digits[:18])
        if prefix.startswith("@!"):
            return next(((each, number) for each in targets if number in each.pids), None)
        pids = targets[0].pids
        return (targets[0], pids[number - 1]) if 1 <= number <= len(pids) else None

    def _send(self, prefix: str, request: Request) -> None:
        """Have a worker run a command."""
        found = self._target(prefix)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            if found is None or not hand_over(found[0].channel, theirs, self.client):
                ours.close()
                self.out += f"Can't find the target PID matching the prefix '{prefix}'\n".encode()
                self._prompt()
                return
        ours.setblocking(False)
        with contextlib.suppress(OSError):
            ours.send(written(request.words, request.payload))  # at most LIMIT bytes: the kernel's buffer has room
        self.worker, self.request = ours, request

    def _from_worker(self, events: int) -> None:
        assert self.worker is not None
        try:
            data = self.worker.recv(LIMIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self.out += data
        if not data:
            if self.home.supervisor.desk is not None:
                self.home.supervisor.desk.forget(self.worker.fileno())
            self.worker.close()
            self.worker = None
            self._prompt()
        self._go_on()

    def end(self) -> None:
        """Close it."""
        desk = self.home.supervisor.desk
        for sock in (self.sock, self.worker):
            if sock is not None:
                if desk is not None:
                    desk.forget(sock.fileno())
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR) if sock is self.sock else None
                sock.close()
        if self in self.home.clients:
            self.home.clients.remove(self)


def uptime(seconds: float) -> str:
    """`0d00h00m02s`."""
    whole = max(0, int(seconds))
    return f"{whole // 86400}d{whole // 3600 % 24:02d}h{whole // 60 % 60:02d}m{whole % 60:02d}s"


def row(pid: int, kind: str, reloads: str, born: float, version: str) -> str:
    """One line of `show proc`."""
    return f"{pid:<15} {kind:<15} {reloads:<15} {uptime(time.time() - born):<15} {version:<15}\n"
