"""Which TLS versions a bind or server line allows: ssl-min-ver, ssl-max-ver, force-*, no-* (manual 5.1, 5.2).

SSLv3 can be named but never be used: no current library has it.
"""

from __future__ import annotations

from collections.abc import Callable

from haproxy_py.config.line import Line
from haproxy_py.config.model import Item, Setting
from haproxy_py.engine.tls_params import TLS12, TLS13

SSL30 = 0x0300
NAMES = {"SSLv3": SSL30, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": TLS12, "TLSv1.3": TLS13}
TEXT = {number: name for name, number in NAMES.items()}
SUFFIX = {"sslv3": SSL30, "tlsv10": 0x0301, "tlsv11": 0x0302, "tlsv12": TLS12, "tlsv13": TLS13}

MIN_VERSION: Setting[int | None] = Setting("ssl-min-ver", None)
MAX_VERSION: Setting[int | None] = Setting("ssl-max-ver", None)
NO_VERSIONS: Setting[frozenset[int]] = Setting("no-tlsv1x", frozenset())
Register = Callable[[str, Callable[[Line, Item, int], int]], None]


def register(add: Register) -> None:
    """Give a table of options (bind, server, ssl-default-*-options) the words for versions."""
    add("ssl-min-ver", _bound("ssl-min-ver", MIN_VERSION))
    add("ssl-max-ver", _bound("ssl-max-ver", MAX_VERSION))
    for suffix, number in SUFFIX.items():
        add("force-" + suffix, _force(number))
        add("no-" + suffix, _without(number))


def _bound(word: str, setting: Setting[int | None]) -> Callable[[Line, Item, int], int]:
    def set_bound(line: Line, item: Item, at: int) -> int:
        if at + 1 >= len(line.words):
            line.fail(f"'{word}' : missing the ssl/tls version")
        name = line.words[at + 1]
        if name not in NAMES:
            line.fail(f"'{name}' : unknown ssl/tls version")
        item[setting] = NAMES[name]
        return at + 2

    return set_bound


def _force(number: int) -> Callable[[Line, Item, int], int]:
    def force(line: Line, item: Item, at: int) -> int:
        item[MIN_VERSION] = item[MAX_VERSION] = number
        return at + 1

    return force


def _without(number: int) -> Callable[[Line, Item, int], int]:
    def without(line: Line, item: Item, at: int) -> int:
        before = item[NO_VERSIONS]
        item[NO_VERSIONS] = frozenset({number, *before})
        return at + 1

    return without


class Range:
    """The versions that an item allows, its own words first, the global section's behind.

    low, high: inclusive; off: holes; ignored: no-* words that a bound makes void; ambiguous: the default low was lowered
    to `low` since only a maximum below it was given; empty: nothing is left.
    """

    def __init__(self, item: Item, default: Item) -> None:
        low = item[MIN_VERSION] if item[MIN_VERSION] is not None else default[MIN_VERSION]
        high = item[MAX_VERSION] if item[MAX_VERSION] is not None else default[MAX_VERSION]
        off = frozenset({*item[NO_VERSIONS], *default[NO_VERSIONS]})
        self.ignored = bool(off) and (low is not None or high is not None)
        self.ambiguous = low is None and high is not None and high < TLS12
        if low is None:
            low = high if self.ambiguous and high is not None else TLS12
        self.off = frozenset() if self.ignored else off
        self.low = max(low, SSL30 + 1)
        self.high = TLS13 if high is None else high
        while self.low in self.off:
            self.low += 1
        while self.high in self.off:
            self.high -= 1
        self.empty = self.low > self.high or self.high > TLS13
