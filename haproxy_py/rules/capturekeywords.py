"""capture request|response header <name> len <length>, capture cookie <name> len <length> (manual 4.2)."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import proxy_keyword
from haproxy_py.config.units import leading_int
from haproxy_py.rules.actions.capture import Capture, CaptureCookie
from haproxy_py.rules.keywords import HTTP_REQUEST_RULES, HTTP_RESPONSE_RULES
from haproxy_py.rules.rule import Action, Rule
from haproxy_py.rules.slots import REQUEST_SLOTS, RESPONSE_SLOTS, length_of

_FRONTENDS = frozenset({"frontend", "listen"})
CAPTURE_HEADER = "capture header"
# What looks at the request's cookies and what at the response's; None: neither.
CAPTURE_COOKIE: Setting[tuple[Action, Action] | None] = Setting("capture cookie", None)


def _insert(proxy: Proxy, line: Line, response: bool, action: Action, keyword: str) -> None:
    """Put a capture in front of the frontend's own rules, behind the captures that are there."""
    rules = proxy[HTTP_RESPONSE_RULES if response else HTTP_REQUEST_RULES]
    action.keyword = keyword
    at = sum(rule.keyword == CAPTURE_HEADER for rule in rules)
    rules.insert(at, Rule(action, None, line.where))


def _cookie(line: Line, proxy: Proxy) -> None:
    """The last line of a frontend counts. As in HAProxy the word in front of the length is not looked at."""
    name, length = line.arg(1), line.arg(3)
    if not name or not length:
        line.fail("'capture' expects 'cookie' <cookie_name> 'len' <len>.")
    room = max(leading_int(length), 0)
    proxy[CAPTURE_COOKIE] = (CaptureCookie(name, room, False), CaptureCookie(name, room, True))


@proxy_keyword("capture", sections=_FRONTENDS, args=(0, None), source="manual 4.2")
def capture(line: Line, proxy: Proxy) -> None:
    """Each line takes the next slot; its rule runs in front of the frontend's own rules."""
    side, what, name, word, length = (line.arg(i) for i in range(5))
    if side == "cookie":
        _cookie(line, proxy)
        return
    if side not in ("request", "response") or what != "header":
        line.fail("'capture' expects 'cookie' or 'request header' or 'response header'.")
    if not name or word != "len" or not length_of(length):
        line.fail(f"'capture {side} header' expects 'header' <header_name> 'len' <len>.")
    response = side == "response"
    slots = proxy[RESPONSE_SLOTS if response else REQUEST_SLOTS]
    _insert(proxy, line, response, Capture(slots, length_of(length), response, name), CAPTURE_HEADER)
