"""-dC[key][,line]: the configuration on stdout as its words were understood (management manual 3).

Every line that can be cut into words is shown, whether its block counts or not. With a key the words that name or place
something are hidden as in the anonymised mode of the runtime socket, and what follows them is left out: `SHAPES` says by
the first word what stays. What HAProxy does was watched (docs/oracle-facts.md).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from haproxy_py.config.units import leading_number
from haproxy_py.process.output import stdout
from haproxy_py.runtime.anonymous import hidden

SECTIONS = frozenset(
    ("global", "defaults", "frontend", "listen", "backend", "userlist", "peers", "mailers", "resolvers", "cache", "program", "ring",
     "http-errors", "fcgi-app", "log-forward")
)  # fmt: skip
CUT = "[...]"
PLACED = re.compile(
    r"(?:(?:stream\+)?(?:ipv4|ipv6|tcp|tcp4|tcp6)@)?(.*)", re.DOTALL
)  # the prefixes of an IP address and port
OPEN = re.compile(r"(?:fd|sockpair)@|std(?:out|err)$|(?i:localhost)(?::|$)")  # these tell nobody anything
PORT = re.compile(r"[+-]?[0-9]+")

Hide = Callable[[int, str], str]


def plain(key: int, word: str) -> str:
    """A word that stays."""
    return word


def name(key: int, word: str) -> str:
    return f"ID({hidden(key, word)})" if word else ""


def path(key: int, word: str) -> str:
    return f"PATH({hidden(key, word)})" if word else ""


def bare(key: int, word: str) -> str:
    return hidden(key, word)


def numeric(host: str, six: bool) -> bytes | None:
    """The bytes of an IP address as C's inet_aton() and inet_pton() read it; None: it is none."""
    try:
        if ":" in host or six:
            return socket.inet_pton(socket.AF_INET6, host or "::")
        return socket.inet_aton(host if host not in ("", "*") else "0.0.0.0")
    except (OSError, UnicodeEncodeError):
        return None


def address(key: int, word: str) -> str:
    """An address with or without port: what is local stays; the rest of it is hidden, but for its port.

    Names are hidden whole, as are UNIX sockets and whatever else is no IP address.
    """
    if not word or OPEN.match(word):
        return word
    place = PLACED.fullmatch(word)[1]  # type: ignore[index]  # it always fits
    host, colon, port = place.rpartition(":") if ":" in place and not place.endswith("]") else (place, "", "")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    raw = numeric(host, place is not word and word.partition("@")[0].endswith("6"))
    digits = PORT.match(port)
    if raw is None or port and not digits or digits and abs(int(digits[0])) > 65535:
        return hidden(key, word)
    four = len(raw) == 4
    if raw[0] in (0, 127, 255) if four else raw == bytes(15) + b"\1":
        return word
    text = f"IPV{4 if four else 6}({hidden(key, socket.inet_ntop(socket.AF_INET if four else socket.AF_INET6, raw))})"
    number = int(digits[0]) & 0xFFFF if digits else 0
    return f"{text}:{number}" if number else text


def target(key: int, word: str) -> str:
    """Where a log goes."""
    return word if word == "global" else address(key, word)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is shown behind a first word, in its order.

    least: of so many words each takes a blank even when it is not there. alone: nothing follows, neither CUT for what is left out
    nor a blank.
    """

    words: tuple[Hide, ...]
    least: int = 0
    alone: bool = False

    def shown(self, key: int, words: Sequence[str]) -> str:
        """The words behind the first."""
        most = len(self.words)
        text = "".join(f"{hide(key, word)} " for hide, word in zip(self.words, words, strict=False))
        if len(words) > most and not self.alone:
            return text + CUT
        if len(words) >= most and self.alone:
            return text.removesuffix(" ")
        return text + " " * (self.least - len(words))


USUAL = Shape((plain, plain))
ONE_KIND = Shape((plain,), 1)  # "http-request set-header [...]"
PLACE = Shape((address,), 1)
NAME = Shape((name,), 1)
NUMBER = Shape((plain,), alone=True)
SHAPES = {
    "bind": PLACE, "source": PLACE, "log": Shape((target,), 1),
    "filter": ONE_KIND, "http-request": ONE_KIND, "http-response": ONE_KIND, "http-after-response": ONE_KIND,
    "maxconn": NUMBER, "mode": NUMBER, "default_backend": Shape((name,), alone=True), "timeout": Shape((plain, plain), 1, alone=True),
    "server": Shape((name, address), 1), "nameserver": Shape((name, address), 2), "peer": Shape((name, address), 2),
    "use_backend": NAME, "user": NAME, "acl": Shape((name, plain), 2), "cookie": Shape((name, plain), 1),
    "errorfile": Shape((plain, path), 1, alone=True), "redirect": Shape((plain, plain), 2),
    "redirect location": Shape((plain, path), 2), "redirect prefix": Shape((plain, path), 2),
    "stats socket": Shape((plain, address)), "stats auth": Shape((plain, bare), alone=True),
    "stats timeout": Shape((plain, plain), alone=True), "stats maxconn": Shape((plain, plain), alone=True),
}  # fmt: skip


class Dump:
    """What -dC asks for. text: what is glued to the flag."""

    def __init__(self, text: str) -> None:
        self.key = leading_number(text) & 0xFFFFFFFF
        self.numbered = "line" in text.split(",")

    def __call__(self, number: int, words: Sequence[str]) -> None:
        """Show a line of the file."""
        stdout(self.line(number, words) + "\n")

    def line(self, number: int, words: Sequence[str]) -> str:
        """One line without its end; no words: a blank line or a comment."""
        if words and not words[-1]:
            words = words[:-1]  # an empty word at the end is none
        shown = self._hidden(words) if self.key and words else "".join(f"{word} " for word in words)
        indent = "" if words and words[0] in SECTIONS else "\t"
        return f"{number}\t{indent}{shown}" if self.numbered else indent + shown

    def _hidden(self, words: Sequence[str]) -> str:
        first, *rest = words
        if first in SECTIONS:
            return " ".join([first, *(name(self.key, word) for word in rest[:1])])
        if first == "anonkey":
            return f"{first} {CUT}"
        shape = SHAPES.get(" ".join(words[:2])) or SHAPES.get(first, USUAL)
        return f"{first} {shape.shown(self.key, rest)}"
