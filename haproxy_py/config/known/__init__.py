"""Words of HAProxy that nothing here registers: known but not built, removed, or unknown with the nearest word.

The lists are the data files beside this one: HAProxy's keywords by class, one a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files


@cache
def words(name: str) -> frozenset[str]:
    """The words of one list, by the name of its file: "cfg-global", "bind", "server", "cfg-options", ..."""
    text = files("haproxy_py.config.known").joinpath(name + ".txt").read_text("utf-8")
    return frozenset(line for line in text.split("\n") if line)


_SINCE_21 = "directive is not supported anymore since HAProxy 2.1."
# Removed words and what each became, as `haproxy -c` words it ({} is the first argument).
REMOVED = {
    "appsession": "'appsession' is not supported anymore since HAProxy 1.6.",
    "bind-process": "'bind-process' is not supported anymore.",
    "block": f"The 'block' {_SINCE_21} Use 'http-request deny' which uses the exact same syntax.",
    "clitimeout": f"the 'clitimeout' {_SINCE_21} Use 'timeout client'.",
    "contimeout": f"the 'contimeout' {_SINCE_21} Use 'timeout connect'.",
    "dispatch": "the 'dispatch' directive was removed from HAProxy. Use 'server' instead.",
    "grace": "the 'grace' keyword is not supported any more since HAProxy version 2.5.",
    "monitor-net": "'monitor-net' doesn't exist anymore. "
    "Please use 'http-request return status 200 if {{ src {} }}' instead.",
    "nbproc": "nbproc is not supported any more since HAProxy 2.5. "
    "Threads will automatically be used on multi-processor machines if available.",
    "redisp": f"keyword 'redisp' {_SINCE_21} Use 'option redispatch'.",
    "redispatch": f"keyword 'redispatch' {_SINCE_21} Use 'option redispatch'.",
    "srvtimeout": f"the 'srvtimeout' {_SINCE_21} Use 'timeout server'.",
    "transparent": "the 'transparent' directive was removed from HAProxy. Use 'server' with address 0.0.0.0 instead.",
    "usesrc": "'usesrc' only allowed after a 'source' statement.",
}
REMOVED_OPTIONS = {
    "forceclose": "is not supported any more since HAProxy 2.0, please just remove it, "
    "or use 'option httpclose' if absolutely needed.",
    "http-tunnel": "is not supported any more since HAProxy 2.1, please just remove it, it shouldn't be needed.",
    "http_proxy": "is not supported any more since HAProxy 2.5. This option stopped working in HAProxy 1.9 and usually had "
    "nasty side effects. It can be more reliably implemented with combinations of 'http-request set-dst' and "
    "'http-request set-uri', and even 'http-request do-resolve' if DNS resolution is desired.",
    "transparent": "was removed from HAProxy. Use 'server' with address 0.0.0.0 instead.",
}
_ACTIONS = {
    "add": "add-header", "del": "del-header", "idel": "del-header", "rep": "replace-header", "irep": "replace-header",
    "allow": "allow", "iallow": "allow", "deny": "deny", "ideny": "deny", "tarpit": "tarpit", "itarpit": "tarpit",
}  # fmt: skip


def removed(word: str, argument: str = "") -> str:
    """What to say about a removed keyword, "" when it is none."""
    if word in REMOVED:
        return REMOVED[word].format(argument)
    if word not in words("cfg-proxy-removed"):
        return ""
    side = "http-response" if word.startswith(("rsp", "srv")) else "http-request"
    stem = "rep" if word in ("cliexp", "srvexp", "rsprep", "reqrep") else word[3:]
    if stem == "rep" and side == "http-request":
        use = "'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header'"
    elif stem in _ACTIONS:
        use = f"'{side} {_ACTIONS[stem]}'"
    else:
        return f"The '{word}' {_SINCE_21}"
    return f"The '{word}' {_SINCE_21} Use {use} instead."


def distance(a: str, b: str, limit: int) -> int:
    """Edit distance with swaps of neighbours counted as one (insert, delete, replace, swap); above `limit`: limit + 1."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before, last = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate most like `word`, or "" when none is near enough to be worth proposing."""
    word = word[:64]
    limit = max(2, len(word) // 3)
    best, found = limit + 1, ""
    for other in sorted(candidates):
        d = distance(word, other, min(limit, best - 1)) if best else best
        if d < best and (d <= len(word) // 3 or _same_letters(word, other)):
            best, found = d, other
    return found


def _same_letters(word: str, other: str) -> bool:
    """Whether at most one letter of a short word is missing from the other."""
    rest = list(other)
    for c in word:
        if c in rest:
            rest.remove(c)
    return len(word) > 2 and len(rest) <= len(other) - len(word) + 1


def maybe(word: str, candidates: Iterable[str]) -> str:
    """`; did you mean 'x' maybe ?` or nothing."""
    found = nearest(word, candidates)
    return f"; did you mean '{found}' maybe ?" if found else ""
