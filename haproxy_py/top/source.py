"""What a runtime socket says: `show stat` and `show info` over UNIX or TCP (management manual 9.3)."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import dataclass

REPLY_LIMIT = 64 << 20  # bytes; 100,000 servers are about 40 MB


class SourceError(Exception):
    """The socket cannot be reached, refuses, or does not speak HAProxy's language; the text says so in one line."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the socket is. path: of a UNIX socket, empty: host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Address:
        """PATH, unix@PATH, HOST:PORT or [IPv6]:PORT. Raises: SourceError."""
        path = text.removeprefix("unix@")
        if path != text or "/" in text or ":" not in text:
            return cls(path=path)
        host, _, port = text.rpartition(":")
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise SourceError(f"'{text}' is neither a path nor HOST:PORT")
        return cls(host=host.strip("[]") or "127.0.0.1", port=int(port))

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """rows: one dict per row of `show stat`, by column name. info: `show info` by field name. at_s: monotonic seconds."""

    rows: tuple[dict[str, str], ...]
    info: dict[str, str]
    at_s: float


async def ask(address: Address, command: str, timeout_s: float = 5.0) -> str:
    """Send one command, read the answer to its end. Raises: SourceError."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _dialogue(address, command)
    except TimeoutError:
        raise SourceError(f"{address}: no answer within {timeout_s:g} s") from None
    except OSError as wrong:
        raise SourceError(f"{address}: {wrong.strerror or wrong}") from None


# Control characters but the line's end become `?`: a terminal would obey them.
_HARMLESS = {code: "?" for code in (*range(32), *range(127, 160)) if chr(code) != "\n"}


async def _dialogue(address: Address, command: str) -> str:
    if address.path:
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(command.encode() + b"\n")
        await writer.drain()
        parts, size = [], 0
        while part := await reader.read(1 << 16):
            parts.append(part)
            size += len(part)
            if size > REPLY_LIMIT:
                raise SourceError(f"{address}: an answer of more than {REPLY_LIMIT} bytes")
        return b"".join(parts).decode("utf-8", "replace").translate(_HARMLESS)
    finally:
        writer.close()


def parse_stat(text: str) -> tuple[dict[str, str], ...]:
    """The rows of `show stat`. Raises: SourceError when it is something else."""
    lines = text.lstrip("\n")
    if not lines.startswith("# pxname,"):
        said = lines.split("\n", 1)[0] or "nothing"
        raise SourceError(f"'show stat' was answered by: {said[:120]}")
    rows = csv.DictReader(io.StringIO(lines[2:]))
    return tuple({name: value for name, value in row.items() if name and value is not None} for row in rows if row["pxname"])


def parse_info(text: str) -> dict[str, str]:
    """The fields of `show info`; what is no field is left out."""
    return dict(line.split(": ", 1) for line in text.split("\n") if ": " in line)


async def look(address: Address) -> Snapshot:
    """Both commands once. Raises: SourceError."""
    rows = parse_stat(await ask(address, "show stat"))
    return Snapshot(rows, parse_info(await ask(address, "show info")), asyncio.get_running_loop().time())
