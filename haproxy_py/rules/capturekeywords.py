"""capture request|response header <name> len <length>, capture cookie <name> len <length>, declare capture (manual 4.2)."""

from __future__ import annotations

from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.tuning import COOKIELEN
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, proxy_keyword, whole_file_check
from haproxy_py.config.units import leading_int, strict_int
from haproxy_py.rules.actions.capture import CaptureCookie, CaptureExpr, CaptureField
from haproxy_py.rules.keywords import (
    CAPTURE_HEADER,
    HTTP_AFTER_RULES,
    HTTP_REQUEST_RULES,
    HTTP_RESPONSE_RULES,
    INSPECT_DELAY,
    TCP_CONTENT_RULES,
)
from haproxy_py.rules.rule import Action, Rule
from haproxy_py.rules.slots import LENGTH_MOST, REQUEST_SLOTS, RESPONSE_SLOTS, length_of

_FRONTENDS = frozenset({"frontend", "listen"})
# What looks at the request's cookies and what at the response's; None: neither.
CAPTURE_COOKIE: Setting[tuple[CaptureCookie, CaptureCookie] | None] = Setting("capture cookie", None)


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


def _field(line: Line, proxy: Proxy, side: str) -> None:
    """capture request|response header <name> len <length>: each line takes the next slot."""
    if not line.arg(2) or line.arg(3) != "len":
        line.fail(f"'capture {side} header' expects 'header' <header_name> 'len' <len>.")
    if line.arg(5):
        line.fail(f"'capture {side}' cannot handle unexpected argument '{line.arg(5)}'.")
    response = side == "response"
    slots = proxy[RESPONSE_SLOTS if response else REQUEST_SLOTS]
    slots.append(length_of(line.arg(4)))
    _insert(proxy, line, response, CaptureField(line.arg(2), len(slots) - 1, response), CAPTURE_HEADER)


@proxy_keyword("capture", sections=_FRONTENDS, args=(0, None), source="manual 4.2")
def capture(line: Line, proxy: Proxy) -> None:
    """Rules for fields run in front of the frontend's own."""
    side, what = line.arg(0), line.arg(1)
    if side == "cookie":
        _cookie(line, proxy)
    elif side in ("request", "response") and what == "header":
        _field(line, proxy, side)
    else:
        line.fail("'capture' expects 'cookie' or 'request header' or 'response header'.")


@proxy_keyword("declare", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def declare(line: Line, proxy: Proxy) -> None:
    """declare capture request|response len <length>: a slot that rules name by its number."""
    what, side, word, length = (line.arg(i) for i in range(4))
    if proxy.kind == "defaults":
        line.fail("'declare' not available in default section")
    if proxy.kind == "backend":
        line.fail("'declare' only available in frontend or listen section")
    if not what:
        line.fail("'declare' needs a second keyword that specify the type of declaration ('capture')")
    if what != "capture":
        line.fail(f"unknown declaration type '{what}' (supports 'capture')")
    if side not in ("request", "response"):
        line.fail("'declare capture' requires a direction ('request' or 'response')")
    if word != "len":
        line.fail("'declare capture' requires a capture length ('len')")
    proxy[RESPONSE_SLOTS if side == "response" else REQUEST_SLOTS].append(_declared(line, length))


def _declared(line: Line, length: str) -> int:
    """The length of a declared slot, digits and nothing else."""
    if not length:
        line.fail("'declare capture': 'len' requires a numeric value that represents the capture length")
    number = strict_int(length)
    if number is None:
        line.fail(f"'declare capture': cannot parse the length '{length}'.")
    if number <= 0:
        line.fail("length must be > 0")
    return min(number, LENGTH_MOST)


@whole_file_check
def check_slots(config: Config, faults: Faults) -> None:
    """A rule that names a slot of its own frontend by number needs one that is there; what is captured needs time to come."""
    used = [one for one in config.defaults if any(proxy.parent is one for proxy in config.proxies)]
    for proxy in [*used, *config.proxies]:
        for setting in (HTTP_REQUEST_RULES, HTTP_RESPONSE_RULES, HTTP_AFTER_RULES, TCP_CONTENT_RULES):
            inherited = proxy.parent[setting] if proxy.parent else []
            for rule in proxy[setting]:
                if rule not in inherited and isinstance(rule.action, CaptureExpr):
                    _check_rule(proxy, rule.action, faults)


def _check_rule(proxy: Proxy, action: CaptureExpr, faults: Faults) -> None:
    if action.content and not proxy[INSPECT_DELAY]:
        faults.warning(
            f"{proxy.title} : a 'tcp-request capture' rule explicitly depending on request contents without any 'tcp-request "
            "inspect-delay' setting. This means that this rule will randomly find its contents. This can be fixed by setting "
            "the tcp-request inspect-delay."
        )
    slots = proxy[RESPONSE_SLOTS if action.response else REQUEST_SLOTS]
    if action.named and proxy.kind != "backend" and action.index >= len(slots):
        side = "response" if action.response else "request"
        faults.alert(f"Proxy '{proxy.name}': unable to find capture id '{action.index}' referenced by http-{side} capture rule.")


@whole_file_check
def check_cookies(config: Config, faults: Faults) -> None:
    """tune.http.cookielen bounds what is kept of a cookie."""
    most = config.globals[COOKIELEN]
    longer = [(proxy, pair) for proxy in config.proxies if (pair := proxy[CAPTURE_COOKIE]) and proxy.is_frontend and pair[0].length > most]
    for proxy, _ in longer:
        faults.warning(f"config : truncating capture length to {most} bytes for {proxy.title}.")
    for _, pair in longer:
        for action in pair:
            action.length = most
