"""capture request|response header <name> len <length> (manual 4.2)."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy
from haproxy_py.config.registry import proxy_keyword
from haproxy_py.rules.actions.capture import Capture
from haproxy_py.rules.keywords import HTTP_REQUEST_RULES, HTTP_RESPONSE_RULES
from haproxy_py.rules.rule import Rule
from haproxy_py.rules.slots import REQUEST_SLOTS, RESPONSE_SLOTS, length_of

_FRONTENDS = frozenset({"frontend", "listen"})


@proxy_keyword("capture", sections=_FRONTENDS, args=(0, None), source="manual 4.2")
def capture(line: Line, proxy: Proxy) -> None:
    """Each line takes the next slot; its rule runs in front of the frontend's own rules."""
    side, what, name, word, length = (line.arg(i) for i in range(5))
    if side == "cookie":
        line.fail("'capture cookie' is known to HAProxy, not supported yet.")
    if side not in ("request", "response") or what != "header":
        line.fail("'capture' expects 'cookie' or 'request header' or 'response header'.")
    if not name or word != "len" or not length_of(length):
        line.fail(f"'capture {side} header' expects 'header' <header_name> 'len' <len>.")
    response = side == "response"
    slots = proxy[RESPONSE_SLOTS if response else REQUEST_SLOTS]
    rules = proxy[HTTP_RESPONSE_RULES if response else HTTP_REQUEST_RULES]
    made = Capture(slots, length_of(length), response, name)
    made.keyword = "capture header"
    at = sum(rule.keyword == "capture header" for rule in rules)
    rules.insert(at, Rule(made, None, line.where))
