"""Plain settings of proxies: mode, limits, routing, retries, identity (manual 4.2)."""

from __future__ import annotations

import re

from haproxy_py.config.address import parse_source
from haproxy_py.config.errors import GLUED, ConfigError
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, BACKEND, DEFAULTS, FRONTEND, proxy_keyword
from haproxy_py.config.units import leading_int

MODE: Setting[str] = Setting("mode", "tcp")
MAXCONN: Setting[int] = Setting("maxconn", 0)  # 0: DEFAULT_MAXCONN, else the global one
DEFAULT_MAXCONN: Setting[int] = Setting("-N", 0)  # of the command line
BACKLOG: Setting[int] = Setting("backlog", 0)  # 0: maxconn
DESCRIPTION: Setting[str] = Setting("description", "", inherit=False)
ID: Setting[int | None] = Setting("id", None, inherit=False)
GUID: Setting[str] = Setting("guid", "", inherit=False)
DISABLED: Setting[bool] = Setting("disabled", False)
RETRIES: Setting[int] = Setting("retries", 3)
RATE_LIMIT: Setting[int] = Setting("rate-limit sessions", 0)  # per second, 0: no limit
RETRY_ON: Setting[tuple[str, ...]] = Setting("retry-on", ("conn-failure",))
FULLCONN: Setting[int] = Setting("fullconn", 0)  # 0: a tenth of the frontends' maxconn
DEFAULT_BACKEND: Setting[str] = Setting("default_backend", "")
MONITOR_URI: Setting[str] = Setting("monitor-uri", "")
HTTP_REUSE: Setting[str] = Setting("http-reuse", "safe")
MAX_KEEP_ALIVE_QUEUE: Setting[int] = Setting("max-keep-alive-queue", -1)  # -1: no limit
SOURCE: Setting[Address | None] = Setting("source", None)
SOURCE_INTERFACE: Setting[str] = Setting("source interface", "")
MANUAL = "manual 4.2"

# What `retry-on` may name besides status codes.
RETRY_WORDS = ("none", "conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected",
               "all-retryable-errors")  # fmt: skip
RETRY_CODES = ("401", "403", "404", "408", "421", "425", "429", "500", "501", "502", "503", "504")


@proxy_keyword("mode", args=(0, 1), source=MANUAL)
def mode(line: Line, proxy: Proxy) -> None:
    """`mode tcp|http`."""
    value = line.arg(0)
    if value == "health":
        line.fail("'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.")
    if value in ("log", "spop", "haterm"):
        line.fail(f"proxy mode '{value}' is known to HAProxy, not supported yet.")
    if value not in ("tcp", "http"):
        line.fail(f"unknown proxy mode '{value}'.")
    line.set(proxy, MODE, value)


def _count(setting: Setting[int], sections: frozenset[str], missing: str, most: int | None = 1) -> None:
    def set_count(line: Line, proxy: Proxy) -> None:
        line.set(proxy, setting, max(0, line.count(0)))

    proxy_keyword(setting.name, sections=sections, args=(1, most), source=MANUAL, missing=missing)(set_count)


_count(MAXCONN, FRONTEND, "'maxconn' expects an integer argument.")
_count(BACKLOG, FRONTEND, "'backlog' expects an integer argument.")
_count(FULLCONN, BACKEND, "'fullconn' expects an integer argument.")
_count(RETRIES, BACKEND, "'retries' expects an integer argument (dispatch counts for one).")


@proxy_keyword("rate-limit", sections=FRONTEND, args=(0, None), source=MANUAL)
def rate_limit(line: Line, proxy: Proxy) -> None:
    """`rate-limit sessions N`: new sessions of the frontend per second, 0: no limit."""
    kind, value = line.arg(0), line.arg(1)
    if kind != "sessions":
        line.fail(f"'rate-limit' only supports 'sessions' (got '{kind}')")
    if not value:
        line.fail("'rate-limit sessions' expects expects an integer value (in sessions/second)")
    wrong = re.search(r"[^0-9]", value.removeprefix("-"))
    if wrong:
        line.fail(f"'rate-limit sessions' : unexpected character '{wrong[0]}' in integer value '{value}'")
    line.set(proxy, RATE_LIMIT, max(0, int(value)))


@proxy_keyword("description", args=(1, None), source=MANUAL)
def description(line: Line, proxy: Proxy) -> None:
    """`description TEXT...`: shown in statistics."""
    line.set(proxy, DESCRIPTION, " ".join(line.args))


@proxy_keyword("id", sections=ANY_PROXY - DEFAULTS, args=(0, 1), source=MANUAL)
def set_id(line: Line, proxy: Proxy) -> None:
    """`id N`: the proxy's number in statistics, from 1 and its own."""
    if not line.arg(0):
        line.fail("'id' expects an integer argument.", GLUED)
    value = leading_int(line.arg(0))
    if value <= 0:
        line.fail("custom id has to be > 0.", GLUED)
    for other in line.config.proxies:
        if other is not proxy and other[ID] == value:
            told = f"{proxy.kind} {proxy.name} reuses same custom id as {other.kind} {other.name} (declared at {other.where})."
            line.fail(told, GLUED)
    line.set(proxy, ID, value)


@proxy_keyword("guid", sections=ANY_PROXY - DEFAULTS, args=1, source=MANUAL)
def guid(line: Line, proxy: Proxy) -> None:
    """`guid TEXT`: a name that is unique in the whole configuration."""
    value = line.arg(0)
    if len(value) > 127 or not all(c.isascii() and (c.isalnum() or c in "-_.:") for c in value):
        line.fail(f"'guid' : '{value}' is not a valid guid: at most 127 letters, digits, '-', '_', '.' and ':'.")
    for other in line.config.proxies:
        if other is not proxy and other[GUID] == value:
            line.fail(f"'guid' : '{value}' is already used by {other.title} at {other.where}.")
    line.set(proxy, GUID, value)


@proxy_keyword("disabled", args=0, source=MANUAL)
def disabled(line: Line, proxy: Proxy) -> None:
    """The proxy does not start."""
    line.set(proxy, DISABLED, True)


@proxy_keyword("enabled", args=0, source=MANUAL)
def enabled(line: Line, proxy: Proxy) -> None:
    """Take back a `disabled` of the defaults."""
    line.set(proxy, DISABLED, False)


@proxy_keyword("retry-on", sections=BACKEND, args=(0, None), source=MANUAL)
def retry_on(line: Line, proxy: Proxy) -> None:
    """`retry-on WORD|CODE...`: which failures make a request be sent again."""
    if not line.args:
        line.fail("'retry-on' needs at least one keyword to specify when to retry")
    for word in line.args:
        if word not in RETRY_WORDS and word not in RETRY_CODES:
            line.fail(f"'retry-on': unknown keyword '{word}'")
    if "none" in line.args and len(line.args) > 1:
        line.fail("'retry-on' 'none' keyword only usable alone")
    line.set(proxy, RETRY_ON, tuple(line.args))


@proxy_keyword("default_backend", sections=FRONTEND, args=1, source=MANUAL, missing="'default_backend' expects a backend name.")
def default_backend(line: Line, proxy: Proxy) -> None:
    """`default_backend NAME`: where requests go that no use_backend rule took."""
    line.set(proxy, DEFAULT_BACKEND, line.arg(0))


@proxy_keyword("monitor-uri", sections=FRONTEND, args=1, source=MANUAL, missing="'monitor-uri' expects an URI.")
def monitor_uri(line: Line, proxy: Proxy) -> None:
    """`monitor-uri URI`: answered with 200 (503 when `monitor fail` says so), not logged."""
    line.set(proxy, MONITOR_URI, line.arg(0))


@proxy_keyword("http-reuse", sections=BACKEND, args=(0, None), source=MANUAL)
def http_reuse(line: Line, proxy: Proxy) -> None:
    """`http-reuse never|safe|aggressive|always`."""
    if len(line.args) != 1 or line.arg(0) not in ("never", "safe", "aggressive", "always"):
        line.fail("'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.")
    line.set(proxy, HTTP_REUSE, line.arg(0))


MISSING_QUEUE = "'max-keep-alive-queue' expects an integer value"


@proxy_keyword("max-keep-alive-queue", sections=BACKEND, args=1, source=MANUAL, missing=MISSING_QUEUE)
def max_keep_alive_queue(line: Line, proxy: Proxy) -> None:
    """`max-keep-alive-queue N`: a longer queue of the last server makes a request go elsewhere."""
    line.set(proxy, MAX_KEEP_ALIVE_QUEUE, line.number(0))


SOURCE_USAGE = "'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>."


@proxy_keyword("source", sections=BACKEND, args=(1, None), source=MANUAL, missing=SOURCE_USAGE)
def source(line: Line, proxy: Proxy) -> None:
    """`source ADDR[:PORT] [interface NAME]`: where connections to servers come from."""
    try:
        address = parse_source(line.arg(0), line.config.env)
    except ConfigError as wrong:
        line.fail(f"'source {line.arg(0)}' : {wrong.text}")
    if address.name is not None:
        line.fail(f"'source {line.arg(0)}' : invalid address: '{address.name}' in '{line.arg(0)}'")
    line.set(proxy, SOURCE, address)
    rest = line.args[1:]
    while rest:
        if rest[0] == "usesrc":
            line.fail("'source' : 'usesrc' is known to HAProxy, not supported yet.")
        if rest[0] != "interface" or len(rest) < 2:
            line.fail("'source' only supports optional keywords 'interface' and 'usesrc'.")
        line.set(proxy, SOURCE_INTERFACE, rest[1])
        rest = rest[2:]
