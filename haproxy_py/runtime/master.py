"""The way from the master's socket to a generation of workers: a connection is handed over with what its client may do.

The master sends one end of a socket pair and the client's state over Bus.channel; whichever worker serves the runtime
socket takes it and serves it as if it had accepted it (management manual 9.4).
"""

from __future__ import annotations

import array
import json
import socket
from dataclasses import dataclass

from haproxy_py.runtime.call import Client
from haproxy_py.runtime.registry import Level

MESSAGE = 1024


def hand_over(channel: int, given: socket.socket, client: Client) -> bool:
    """Send `given` over the master's end of a channel; False: nobody there takes it."""
    state = {
        "level": int(client.level), "severity": client.severity, "expert": client.expert, "experimental": client.experimental,
        "timeout_ms": client.timeout_ms,
    }  # fmt: skip
    with socket.socket(fileno=channel) as sock:
        try:
            sock.sendmsg([json.dumps(state).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given.fileno()]))])
        except OSError:
            return False
        finally:
            sock.detach()
    return True


def take_over(channel: socket.socket) -> tuple[socket.socket, Client] | None:
    """The next connection that was handed over, None: none waits."""
    try:
        data, ancillary, _, _ = channel.recvmsg(MESSAGE, socket.CMSG_SPACE(4))
    except OSError:
        return None
    descriptors = array.array("i")
    for level, kind, raw in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(raw[: len(raw) - len(raw) % descriptors.itemsize])
    if not data or not descriptors:
        return None
    said = json.loads(data)
    client = Client(Level(said["level"]), said["timeout_ms"], said["severity"])
    client.expert, client.experimental = said["expert"], said["experimental"]
    sock = socket.socket(fileno=descriptors[0])
    sock.setblocking(False)
    return sock, client


@dataclass(frozen=True, slots=True)
class Target:
    """Workers that one channel leads to. pids: theirs."""

    channel: int
    pids: tuple[int, ...]


def written(words: list[str], payload: bytes | None) -> bytes:
    """A command as it is read again: blanks, `;` and backslashes of words escaped, its payload behind it."""
    line = " ".join("".join(f"\\{c}" if c in " \t;\\" else c for c in word) for word in words)
    raw = line.encode("utf-8", "surrogateescape")
    if payload is None:
        return raw + b"\n"
    mark = b"<<"
    number = 0
    while f"\nEND{number}\n".encode() in b"\n" + payload:
        number += 1
    end = f"END{number}".encode()
    return raw + b" " + mark + end + b"\n" + payload + end + b"\n"
