"""Where log messages go, as `log` lines say it (manual 3.1 and 4.2, log; RFC 3164, RFC 5424). No sockets here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from haproxy_py.config import known
from haproxy_py.config.address import expand, parse_address
from haproxy_py.config.errors import ConfigError, Where
from haproxy_py.config.model import Address, Config, Proxy, Setting

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")
SYSLOG_PORT = 514
LENGTH, LENGTH_LEAST, LENGTH_MOST = 1024, 80, 65535
_DATAGRAM = {
    "udp@": "", "udp4@": "ipv4@", "udp6@": "ipv6@", "dgram+ip@": "", "dgram+ipv4@": "ipv4@", "dgram+ipv6@": "ipv6@",
    "uxdg@": "unix@", "dgram+unix@": "unix@",
}  # fmt: skip
_STREAM = {
    "tcp@": "", "tcp4@": "ipv4@", "tcp6@": "ipv6@", "stream+ip@": "", "stream+ipv4@": "ipv4@", "stream+ipv6@": "ipv6@",
    "uxst@": "unix@", "stream+unix@": "unix@",
}  # fmt: skip
_LATER = ("backend@",)
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_STANDARD = {"stdout": "fd@1", "stderr": "fd@2"}


@dataclass(slots=True)
class RingRef:
    """A ring that a log line names. found: the observe.ring.Ring, once the whole file is read. name "": one of its own."""

    name: str
    where: Where | None = None
    found: Any = None


@dataclass(frozen=True, slots=True)
class LogTarget:
    """One receiver. length: bytes of a message without its LF. level: numbers above are not sent; least: severer ones
    are sent as this. ranges: message numbers from 1 within each `sample` messages; empty: all."""

    address: Address
    facility: int
    level: int = 7
    least: int = 0
    length: int = LENGTH
    format: str | None = None  # None: local, or rfc3164 with log-send-hostname
    ranges: tuple[tuple[int, int], ...] = ()
    sample: int = 0
    ring: RingRef | None = None


GLOBAL_TARGETS = "global"  # the entry that `log global` leaves in a proxy's list
LOG_TARGETS: Setting[list[LogTarget | str]] = Setting("log", list)
LOG_TAG: Setting[str | None] = Setting("log-tag", None)
LOG_SEND_HOSTNAME: Setting[str | None] = Setting("log-send-hostname", None)  # "": the machine's name
DEFAULT_TAG = "haproxy"


def targets_of(config: Config, proxy: Proxy | None) -> list[LogTarget]:
    """The receivers of a proxy (None: of the process), `log global` replaced by the global section's."""
    glob = [t for t in config.globals[LOG_TARGETS] if isinstance(t, LogTarget)]
    if proxy is None:
        return glob
    found: list[LogTarget] = []
    for entry in proxy[LOG_TARGETS]:
        found.extend([entry] if isinstance(entry, LogTarget) else glob)
    return found


def tag_of(config: Config, proxy: Proxy | None) -> str:
    """The tag in a proxy's message headers."""
    own = proxy[LOG_TAG] if proxy is not None else None
    return own or config.globals[LOG_TAG] or DEFAULT_TAG


def parse_target(words: list[str], env: Mapping[str, str], wanted: str) -> LogTarget:
    """`ADDRESS [len N] [format F] [sample RANGES:SIZE] FACILITY [LEVEL [LEAST]]`, in this order.

    Args: wanted: end of the complaint when address and facility are missing. Raises: ConfigError in HAProxy's words.
    """
    if len(words) < 2 or not words[0]:
        raise ConfigError(f"log : expects <address> and <facility> {wanted} as arguments")
    rest = Words(words[1:])
    address, ring = parse_log_address(words[0], env), ring_of(words[0], env)
    length = _length(rest.take()) if rest.skip("len") else LENGTH
    form = _one_of(FORMATS, rest.take(), "format") if rest.skip("format") else None
    ranges, sample = _sample(rest.take()) if rest.skip("sample") else ((), 0)
    facility = FACILITIES.index(_one_of(FACILITIES, rest.take(), "facility"))
    level, least = 7, 0
    if rest.more:
        level = LEVELS.index(_one_of(LEVELS, rest.take(), "optional log level"))
    if rest.more:
        least = LEVELS.index(_one_of(LEVELS, rest.take(), "optional minimum log level"))
    if rest.more:
        raise ConfigError(f"log : cannot handle unexpected argument '{rest.take()}'")
    return LogTarget(address, facility, level, least, length, form, ranges, sample, ring)


class Words:
    """Words taken one by one; behind the end they are empty, as HAProxy reads them."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    @property
    def more(self) -> bool:
        return bool(self.words and self.words[0])

    def take(self) -> str:
        return self.words.pop(0) if self.words else ""

    def skip(self, word: str) -> bool:
        """Take the next word if it is `word`."""
        if self.words and self.words[0] == word:
            self.words.pop(0)
            return True
        return False


def parse_log_address(text: str, env: Mapping[str, str]) -> Address:
    """A datagram address (port 514 if none is given), the path of a socket, stdout, stderr or fd@N."""
    plain = _STANDARD.get(text, expand(text, env))
    for prefix in _LATER:
        if plain.startswith(prefix):
            raise ConfigError(f"log : address type '{prefix}' in '{text}' is known to HAProxy, not supported yet")
    if plain.startswith("ring@"):
        return Address(text, "ring", plain[5:], plain[5:], 0, 0, False)
    for prefix, instead in (_DATAGRAM | _STREAM).items():
        if plain.startswith(prefix):
            plain = instead + plain[len(prefix) :]
            break
    try:
        found = parse_address(plain, env)
    except ConfigError as wrong:
        raise ConfigError("log : " + wrong.text, wrong.where) from None
    if found.family in ("inet", "inet6") and not found.port:
        found = Address(text, found.family, found.host, found.name, SYSLOG_PORT, SYSLOG_PORT, True)
    return found


def ring_of(text: str, env: Mapping[str, str]) -> RingRef | None:
    """The ring that an address goes through; None: it is sent at once."""
    plain = expand(text, env)
    if plain.startswith("ring@"):
        return RingRef(plain[5:])
    return RingRef("") if plain.startswith(tuple(_STREAM)) else None


def _one_of(table: tuple[str, ...], word: str, what: str) -> str:
    if word in table:
        return word
    kind = what if what.startswith("optional") else "log " + what
    raise ConfigError(f"log : unknown {kind} '{word}'{known.maybe(word, table) if word else ''}")


def _length(word: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", word) and LENGTH_LEAST <= int(word) <= LENGTH_MOST:
        return int(word)
    raise ConfigError(f"log : invalid log length '{word}', must be between {LENGTH_LEAST} and {LENGTH_MOST}")


def _sample(word: str) -> tuple[tuple[tuple[int, int], ...], int]:
    """`1,3-5:10` -> the ranges, sorted, and the size."""
    text, colon, size_text = word.partition(":")
    if not colon:
        raise ConfigError("log : Missing sample size")
    size = int(size_text) if re.fullmatch(r"[0-9]{1,9}", size_text) else 0
    if size <= 0:
        raise ConfigError(f"log : wrong sample size '{size_text}' for sample range '{text}'")
    ranges = sorted(_range(one) for one in text.split(","))
    for (_, end), (begin, _) in pairwise(ranges):
        if begin <= end:
            raise ConfigError("log : ranges are overlapping")
    if ranges[-1][1] > size:
        raise ConfigError(
            f"log : sample size {size} should be greater or equal to {ranges[-1][1]} the maximum of the high ranges limits"
        )
    return tuple(ranges), size


def _range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    low = int(found[1]) if found else 0
    high = int(found[2] or found[1]) if found else 0
    if low < 1 or high < low:
        raise ConfigError(f"log : wrong sample range '{text}'")
    return low, high
