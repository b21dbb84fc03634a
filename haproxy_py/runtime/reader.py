r"""Bytes of a runtime connection -> commands (management manual 9.3). Knows no socket.

A command ends at a line's end or at a ';' that no backslash precedes. One that ends with a word "<<PATTERN" takes the
lines that follow as its payload, up to a line that is PATTERN (an empty line for a bare "<<"). Words are separated by
blanks; a backslash takes away the meaning of the character behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = b"<<"
MAX_PATTERN = 64
MAX_WORDS = 64
BLANKS = b" \t\r\0"
TOO_BIG = (
    "The command is too big for the buffer size. Please change tune.bufsize in the configuration to use a bigger command.\n"
)


class TooBig(Exception):
    """More bytes than the limit without an end of the command: the connection is of no use any more."""


@dataclass(slots=True)
class Request:
    """words: at most MAX_WORDS, as text (undecodable bytes as surrogates). payload: with a line end behind each line.
    last: a line's end ended it (without a prompt the connection is answered and closed then)."""

    words: list[str]
    payload: bytes | None
    last: bool


class Reader:
    """Args: limit: the most bytes of a command with its payload."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = bytearray()
        self._searched = 0
        self._words: list[str] | None = None  # of the command whose payload is being read
        self._pattern = b""
        self._payload = bytearray()
        self.lines_kept = 0  # lines of the payload so far, for the prompt

    def feed(self, data: bytes) -> None:
        """More bytes. Nothing is looked at before next()."""
        self._bytes += data

    @property
    def in_payload(self) -> bool:
        return self._words is not None

    @property
    def pending(self) -> bool:
        """Bytes wait that no request has taken."""
        return bool(self._bytes)

    def next(self) -> Request | None:
        """The next complete command, None: more bytes are needed. Raises: TooBig."""
        while True:
            if self._words is None:
                found = self._next_command()
                if found is not None or self._words is None:
                    return found
            done, found = self._payload_line()
            if done:
                return found

    def _next_command(self) -> Request | None:
        end = self._end_of_command()
        if end < 0:
            self._check(len(self._bytes))
            return None
        self._check(end)
        raw, last = bytes(self._bytes[:end]), self._bytes[end] == 0x0A
        self._consume(end + 1)
        words = split(raw)
        if words and words[-1].startswith("<<") and raw.endswith(words[-1].encode("utf-8", "surrogateescape")):
            self._words, self._pattern = words[:-1], words[-1][2:].encode("utf-8", "surrogateescape")[:MAX_PATTERN]
            self._payload.clear()
            self.lines_kept = 0
            return None
        return Request(words, None, last)

    def _end_of_command(self) -> int:
        """Index of the byte that ends the first command, -1: not there yet. Goes on where the last search stopped."""
        at = self._searched
        data = self._bytes
        while at < len(data):
            byte = data[at]
            if byte == 0x0A or byte == 0x3B:
                self._searched = 0
                return at
            if byte == 0x5C:
                if at + 1 >= len(data):
                    break
                if data[at + 1] != 0x0A:
                    at += 1
            at += 1
        self._searched = at
        return -1

    def _payload_line(self) -> tuple[bool, Request | None]:
        """(done, request): done with None: more bytes are needed."""
        end = self._bytes.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._bytes)
            self._check(len(self._bytes) + len(self._payload))
            return True, None
        line = bytes(self._bytes[:end])
        self._check(end + len(self._payload))
        self._consume(end + 1)
        if line.removesuffix(b"\r") == self._pattern:
            words, self._words = self._words or [], None
            return True, Request(words, bytes(self._payload), True)
        self._payload += line + b"\n"
        self.lines_kept += 1
        return False, None

    def _consume(self, n: int) -> None:
        del self._bytes[:n]
        self._searched = 0

    def _check(self, size: int) -> None:
        if size > self.limit:
            raise TooBig


def split(raw: bytes) -> list[str]:
    """The words of a command. Words beyond MAX_WORDS are dropped, as HAProxy does."""
    words: list[bytearray] = []
    word: bytearray | None = None
    escaped = False
    for byte in raw:
        if escaped:
            escaped = False
        elif byte == 0x5C:
            escaped = True
            continue
        elif byte in BLANKS:
            word = None
            continue
        if word is None:
            word = bytearray()
            words.append(word)
        word.append(byte)
    return [word.decode("utf-8", "surrogateescape") for word in words[:MAX_WORDS]]
