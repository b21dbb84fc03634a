"""`option ...` of proxies that are plain switches, with `no option` and `default option` (manual 4.2).

Options with arguments of their own are in forwarding.py, keepalive.py and with their features. An option that changes
nothing here is accepted and listed in ACCEPTED.
"""

from __future__ import annotations

from haproxy_py.config.keywords.effectless import accept
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, BACKEND, FRONTEND, proxy_keyword
from haproxy_py.config.units import UnitError, parse_time

MANUAL = "manual 4.2"
SWITCHES: dict[str, Setting[bool | None]] = {}
# Those without a meaning in TCP mode, and the kinds of proxy that have them.
HTTP_SWITCHES: dict[Setting[bool | None], frozenset[str]] = {}
# Accepted, no effect here: the reason is in docs/ARCHITECTURE.md.
ACCEPTED = frozenset({"independent-streams", "splice-auto", "splice-request", "splice-response", "http-no-delay",
                      "tcp-smart-connect", "prefer-last-server", "persist"})  # fmt: skip

# Taken, but nothing changes here yet: told once.
WITHOUT_EFFECT = frozenset({"contstats"})


def switch(name: str, sections: frozenset[str], *, http_only: bool = False) -> Setting[bool | None]:
    """Register `[no|default] option NAME`. The setting is None when nobody said anything (or `default option` took it back)."""
    setting: Setting[bool | None] = Setting("option " + name, None)
    SWITCHES[name] = setting
    if http_only:
        HTTP_SWITCHES[setting] = sections

    def set_switch(line: Line, proxy: Proxy) -> None:
        if line.args:
            line.fail(f"'option {name}' cannot handle unexpected argument '{line.arg(0)}'.")
        line.set(proxy, setting, None if line.is_default else not line.negated)
        if name in WITHOUT_EFFECT and proxy[setting]:
            accept("option " + name, line.config.globals)

    proxy_keyword("option " + name, sections=sections, args=(0, None), source=MANUAL, negatable=True)(set_switch)
    return setting


ABORTONCLOSE = switch("abortonclose", BACKEND)
ALLBACKUPS = switch("allbackups", BACKEND)
CLITCPKA = switch("clitcpka", FRONTEND)
CONTSTATS = switch("contstats", FRONTEND)
DISABLE_H2_UPGRADE = switch("disable-h2-upgrade", FRONTEND)
DONTLOG_NORMAL = switch("dontlog-normal", FRONTEND)
DONTLOGNULL = switch("dontlognull", FRONTEND)
HTTP_BUFFER_REQUEST = switch("http-buffer-request", ANY_PROXY, http_only=True)
HTTP_IGNORE_PROBES = switch("http-ignore-probes", FRONTEND, http_only=True)
HTTP_NO_DELAY = switch("http-no-delay", ANY_PROXY, http_only=True)
HTTP_PRETEND_KEEPALIVE = switch("http-pretend-keepalive", BACKEND, http_only=True)
HTTP_USE_PROXY_HEADER = switch("http-use-proxy-header", FRONTEND, http_only=True)
IDLE_CLOSE_ON_RESPONSE = switch("idle-close-on-response", FRONTEND)
INDEPENDENT_STREAMS = switch("independent-streams", ANY_PROXY)
LOG_HEALTH_CHECKS = switch("log-health-checks", BACKEND)
LOG_SEPARATE_ERRORS = switch("log-separate-errors", FRONTEND)
LOGASAP = switch("logasap", FRONTEND)
NOLINGER = switch("nolinger", ANY_PROXY)
PERSIST = switch("persist", BACKEND)
PREFER_LAST_SERVER = switch("prefer-last-server", BACKEND)
SOCKET_STATS = switch("socket-stats", FRONTEND)
SPLICE_AUTO = switch("splice-auto", ANY_PROXY)
SPLICE_REQUEST = switch("splice-request", ANY_PROXY)
SPLICE_RESPONSE = switch("splice-response", ANY_PROXY)
SRVTCPKA = switch("srvtcpka", BACKEND)
TCP_SMART_ACCEPT = switch("tcp-smart-accept", FRONTEND)
TCP_SMART_CONNECT = switch("tcp-smart-connect", BACKEND)
TCPKA = switch("tcpka", ANY_PROXY)
ACCEPT_UNSAFE_REQUEST = switch("accept-unsafe-violations-in-http-request", FRONTEND, http_only=True)
ACCEPT_UNSAFE_RESPONSE = switch("accept-unsafe-violations-in-http-response", BACKEND, http_only=True)


def _renamed(name: str, now: str, setting: Setting[bool | None], sections: frozenset[str]) -> None:
    """An old name of an option: works, with a warning."""

    def set_switch(line: Line, proxy: Proxy) -> None:
        if line.args:
            line.fail(f"'option {name}' cannot handle unexpected argument '{line.arg(0)}'.")
        line.warn(f"option '{name}' is deprecated, please use 'option {now}' if absolutely needed.")
        line.set(proxy, setting, None if line.is_default else not line.negated)

    proxy_keyword("option " + name, sections=sections, args=(0, None), source=MANUAL, negatable=True)(set_switch)


_UNSAFE = "accept-unsafe-violations-in-http-"
_renamed("accept-invalid-http-request", _UNSAFE + "request", ACCEPT_UNSAFE_REQUEST, FRONTEND)
_renamed("accept-invalid-http-response", _UNSAFE + "response", ACCEPT_UNSAFE_RESPONSE, BACKEND)

# --- the connection mode: the last of the three words wins, `no option X` takes it back only if it is in force -----

HTTP_MODE: Setting[str] = Setting("http connection mode", "http-keep-alive")


def _connection_mode(name: str) -> None:
    def set_mode(line: Line, proxy: Proxy) -> None:
        if line.args:
            line.fail(f"'option {name}' cannot handle unexpected argument '{line.arg(0)}'.")
        if line.negated or line.is_default:
            if proxy[HTTP_MODE] == name:
                line.set(proxy, HTTP_MODE, HTTP_MODE.default())
        else:
            line.set(proxy, HTTP_MODE, name)

    proxy_keyword("option " + name, args=(0, None), source=MANUAL, negatable=True)(set_mode)


for _name in ("http-keep-alive", "http-server-close", "httpclose"):
    _connection_mode(_name)

# --- redispatch, keep-alive counters --------------------------------------------------------------------------

REDISPATCH: Setting[int | None] = Setting("option redispatch", None)  # every Nth retry; -1: only the last one; 0: off
TCPKA_SETTINGS: dict[str, Setting[int | None]] = {}


@proxy_keyword("option redispatch", sections=BACKEND, args=(0, None), source=MANUAL, negatable=True)
def redispatch(line: Line, proxy: Proxy) -> None:
    """`option redispatch [INTERVAL]`: a retry may go to another server (-1, the default: the last retry)."""
    if line.is_default:
        line.set(proxy, REDISPATCH, None)
    elif line.negated:
        line.set(proxy, REDISPATCH, 0)
    else:
        line.set(proxy, REDISPATCH, line.count(0) if line.args else -1)


def _tcpka(side: str, what: str, sections: frozenset[str]) -> Setting[int | None]:
    name = f"{side}tcpka-{what}"
    setting: Setting[int | None] = Setting(name, None)
    TCPKA_SETTINGS[name] = setting

    def set_count(line: Line, proxy: Proxy) -> None:
        line.set(proxy, setting, line.number(0))

    def set_delay(line: Line, proxy: Proxy) -> None:
        try:
            line.set(proxy, setting, parse_time(line.arg(0), "s", line.warn))
        except UnitError as wrong:
            told = f"unexpected character '{wrong.char}' in argument to <{name}>."
            line.fail(told if wrong.kind == "char" else wrong.words(name))

    usage = f"'{name}' expects an integer value" + ("" if what == "cnt" else " (in seconds)")
    register = proxy_keyword(name, sections=sections, args=1, source=MANUAL, missing=usage)
    register(set_count if what == "cnt" else set_delay)
    return setting


CLITCPKA_CNT = _tcpka("cli", "cnt", FRONTEND)
CLITCPKA_IDLE = _tcpka("cli", "idle", FRONTEND)  # s
CLITCPKA_INTVL = _tcpka("cli", "intvl", FRONTEND)  # s
SRVTCPKA_CNT = _tcpka("srv", "cnt", BACKEND)
SRVTCPKA_IDLE = _tcpka("srv", "idle", BACKEND)  # s
SRVTCPKA_INTVL = _tcpka("srv", "intvl", BACKEND)  # s

# --- log formats by option: the LOGS module reads these ----------------------------------------------------------

LOG_OPTION: Setting[str] = Setting("log format option", "")  # "", httplog, "httplog clf", "httplog json", "tcplog", "tcplog clf", httpslog


def _log_option(name: str, clf: bool) -> None:
    def set_format(line: Line, proxy: Proxy) -> None:
        extra = line.arg(0)
        if extra and (extra != "clf" or not clf) and (name, extra) != ("httplog", "json"):
            supports = f"keyword '{name}' only supports option 'clf'." if clf else ""
            line.fail(supports or f"'option {name}' cannot handle unexpected argument '{extra}'.")
        if proxy.kind == "backend":
            line.warn(f"backend '{proxy.name}' : 'option {name}' directive is ignored in backends.")
            return
        line.set(proxy, LOG_OPTION, f"{name} {extra}".strip())

    proxy_keyword("option " + name, args=(0, None), source=MANUAL)(set_format)


_log_option("httplog", True)
_log_option("tcplog", True)
_log_option("httpslog", False)
