"""A plain client of runtime sockets: what to send, and everything that comes back until the end or a pause."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

PAUSE_S = 0.25
PROMPT_S = 20.0
PROMPTS = b"> ", b"+ "


def connect(path: Path | str) -> socket.socket:
    """A connection to a runtime socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(path))
    return sock


def ask(path: Path | str, command: str | bytes) -> bytes:
    """One line in non-interactive mode: the whole answer, up to the end of the connection."""
    sent = command.encode() if isinstance(command, str) else command
    with connect(path) as sock:
        sock.sendall(sent if sent.endswith(b"\n") else sent + b"\n")
        found = b""
        while data := sock.recv(65536):
            found += data
    return found


def ask_master(path: Path | str, command: str) -> str:
    """One line to a master's socket, which stays open until the client sends its end: the whole answer."""
    with connect(path) as sock:
        sock.settimeout(60)
        sock.sendall(command.encode() + b"\n")
        sock.shutdown(socket.SHUT_WR)
        found = b""
        while data := sock.recv(65536):
            found += data
    return found.decode()


def talk(path: Path | str, pieces: Iterable[bytes], pause_s: float = PAUSE_S) -> list[bytes]:
    """Send piece after piece; what came after each, until a prompt, or the end, and nothing more came for `pause_s`.

    Returns: the texts; b"<end>" behind the last one when the other side has ended the connection.
    """
    found: list[bytes] = []
    with connect(path) as sock:
        for piece in pieces:
            try:
                sock.sendall(piece)
            except OSError:
                found.append(b"<end>")
                break
            said, ended = _until_quiet(sock, pause_s, prompted=piece.endswith(b"\n"))
            found.append(said)
            if ended:
                found.append(b"<end>")
                break
    return found


def _until_quiet(sock: socket.socket, pause_s: float, *, prompted: bool) -> tuple[bytes, bool]:
    """prompted: a prompt or an end will come, however slow the machine is."""
    said = b""
    while True:
        sock.settimeout(PROMPT_S if prompted and not said.endswith(PROMPTS) else pause_s)
        try:
            data = sock.recv(65536)
        except TimeoutError:
            return said, False
        except OSError:
            return said, True
        if not data:
            return said, True
        said += data
