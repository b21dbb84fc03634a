"""`balance` and the hash settings that go with it (manual 4.2, 5.2). The algorithms themselves are the balancers' business.

Whoever assembles the program gives `algorithms` the names that are built; a word of HAProxy's that is not among them is
refused as not supported yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from haproxy_py.config import known
from haproxy_py.config.keywords.options import HTTP_BUFFER_REQUEST
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword
from haproxy_py.config.units import UnitError, leading_int, parse_time, strict_int

BALANCE: Setting[tuple[str, ...]] = Setting("balance", ("roundrobin",))  # word, argument in brackets if any, further words
HASH_TYPE: Setting[tuple[str, str, str]] = Setting("hash-type", ("map-based", "sdbm", ""))  # method, function, modifier
HASH_BALANCE_FACTOR: Setting[int] = Setting("hash-balance-factor", 0)  # percent; 0: off
MANUAL = "manual 4.2"
USAGE = (
    "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', "
    "'hash', 'hdr(name)', 'rdp-cookie(name)', 'log-hash' and 'sticky' options."
)
_WITH_NAME = re.compile(r"(hdr|rdp-cookie|random)\((.*)", re.DOTALL)


def _all_known() -> Iterable[str]:
    return known.words("balance")


algorithms: Callable[[], Iterable[str]] = _all_known


def use_algorithms(names: Callable[[], Iterable[str]]) -> None:
    """Say which algorithms are built."""
    global algorithms
    algorithms = names


@proxy_keyword("balance", sections=BACKEND, args=(0, None), source=MANUAL)
def balance(line: Line, proxy: Proxy) -> None:
    """`balance ALGORITHM [argument]...`; alone it means roundrobin."""
    if not line.args:
        line.set(proxy, BALANCE, ("roundrobin",))
        return
    word, rest = line.arg(0), line.args[1:]
    if word == "ewma" or word.startswith("python."):
        line.set(proxy, BALANCE, (word, *_ours(line, word, rest)))
        return
    found = _WITH_NAME.match(word)
    if found:
        word, rest = found.group(1), [_argument(line, found.group(1), found.group(2)), *rest]
    elif word == "hdr" or (word not in known.words("balance") and not word.startswith("rdp-cookie")):
        line.fail(USAGE)
    if word == "hdr" and rest[1:] and rest[1:] != ["use_domain_only"]:
        line.fail(f"balance {line.arg(0)} only accepts 'use_domain_only' modifier (got '{rest[1]}').")
    if word.startswith("rdp-cookie") and word != "rdp-cookie":
        line.fail("balance rdp-cookie : missing cookie name.")
    if word == "uri":
        _uri(line, rest)
    elif word == "url_param" and not rest:
        line.fail("balance url_param requires an URL parameter name.")
    elif word == "url_param" and rest[1:]:
        if rest[1] != "check_post":
            line.fail(f"balance url_param only accepts 'check_post' modifier (got '{rest[1]}').")
        proxy[HTTP_BUFFER_REQUEST] = True
    elif word == "hash" and not rest:
        line.fail("balance hash requires a sample expression.")
    elif word == "hash" and rest[1:]:
        line.fail(f"balance hash takes no other argument (got '{rest[1]}').")
    if word not in algorithms():
        line.fail(f"balance '{word}' is known to HAProxy, not supported yet.")
    line.set(proxy, BALANCE, (word, *rest))


def _ours(line: Line, word: str, rest: list[str]) -> list[str]:
    """What HAProxy has not: `ewma [TIME]`, `python.NAME`. Returns: the words behind the name."""
    most = 1 if word == "ewma" else 0
    if rest[most:]:
        line.fail(f"balance {word} takes no other argument (got '{rest[most]}').")
    if word not in algorithms():
        loaded = [name for name in algorithms() if name.startswith("python.")]
        told = f"these are loaded: {', '.join(loaded)}" if loaded else "'python-load' loads the file or module that has it"
        line.fail(f"balance '{word}' : no Python balancer of this name is registered; {told}.")
    return [str(_constant(line, rest[0]))] if rest else []


def _constant(line: Line, text: str) -> int:
    """The time constant of ewma in ms, 1 to a day."""
    try:
        value = parse_time(text)
    except UnitError:
        value = 0
    if not 1 <= value <= 86_400_000:
        line.fail(f"balance ewma expects a time from 1ms to 1d (got '{text}').")
    return value


def _argument(line: Line, word: str, text: str) -> str:
    """What is between the brackets."""
    inside, closed, after = text.partition(")")
    if word == "random":
        value = strict_int(inside)
        if value is None or not closed or after:
            bad = next((c for c in text if not "0" <= c <= "9"), "")
            line.fail(f"balance random : unexpected character '{bad}' after argument.")
        if value < 1:
            line.fail("balance random : number of draws must be at least 1.")
    elif not inside or not closed:
        line.fail(f"balance {word} {'requires an http header field name' if word == 'hdr' else ': missing cookie name'}.")
    return inside


def _uri(line: Line, rest: list[str]) -> None:
    """`whole`, `path-only`, `len N`, `depth N` in any order."""
    at = 0
    while at < len(rest):
        if rest[at] in ("len", "depth"):
            value = rest[at + 1] if at + 1 < len(rest) else ""
            if leading_int(value) <= 0:
                line.fail(f"balance uri : '{rest[at]}' expects a positive integer (got '{value}').")
            at += 2
        elif rest[at] in ("whole", "path-only"):
            at += 1
        else:
            line.fail(f"balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{rest[at]}').")


@proxy_keyword("hash-type", sections=BACKEND, args=(0, None), source=MANUAL)
def hash_type(line: Line, proxy: Proxy) -> None:
    """`hash-type map-based|consistent [FUNCTION [avalanche]]`."""
    method, function, modifier = line.arg(0), line.arg(1), line.arg(2)
    if method == "avalanche":
        told = "is not supported anymore, please use 'hash-type map-based sdbm avalanche' instead."
        line.fail(f"experimental feature 'hash-type avalanche' {told}")
    if method not in ("consistent", "map-based"):
        line.fail("'hash-type' only supports 'consistent' and 'map-based'.")
    if function and function not in ("sdbm", "djb2", "crc32", "wt6", "none"):
        line.fail("'hash-type' only supports 'sdbm', 'djb2', 'crc32', 'wt6' or 'none' hash functions.")
    if modifier and modifier != "avalanche":
        line.fail("'hash-type' only supports 'avalanche' as a modifier for hash functions.")
    if not function and method == "consistent":
        modifier = "avalanche"
    line.set(proxy, HASH_TYPE, (method, function or "sdbm", modifier))


@proxy_keyword("hash-balance-factor", sections=BACKEND, args=1, source=MANUAL,
               missing="'hash-balance-factor' expects an integer argument.")  # fmt: skip
def hash_balance_factor(line: Line, proxy: Proxy) -> None:
    """`hash-balance-factor PERCENT`: how far above the average a hashed server may be loaded."""
    value = line.count(0)
    if value and value <= 100:
        line.fail("'hash-balance-factor' must be 0 or greater than 100.")
    line.set(proxy, HASH_BALANCE_FACTOR, value)
