"""`use-server`, `force-persist`, `ignore-persist`, `persist rdp-cookie` (manual 4.2), and what only the whole file tells.

`cookie` itself is in config.keywords.cookie. Complaints are HAProxy's.
"""

from __future__ import annotations

from backends.dynamic_cookie import dynamic_cookie
from backends.persistence import Condition, Switch
from haproxy_py.config.errors import ConfigError, Faults
from haproxy_py.config.keywords.cookie import COOKIE, DYNAMIC_KEY, SERVER_COOKIE
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.keywords.server_options import DISABLED
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, DEFAULTS, proxy_keyword, whole_file_check
from haproxy_py.rules.acl import condition
from haproxy_py.rules.actionset import is_condition
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.rule import LogFormat
from haproxy_py.rules.scope import Scope

USE_SERVER: Setting[list[Switch]] = Setting("use-server", list, inherit=False)
PERSIST_RULES: Setting[list[Condition]] = Setting("force-persist", list, inherit=False)
PERSIST_RDP: Setting[str] = Setting("persist rdp-cookie", "")  # the cookie's name, "": not asked for
MANUAL = "manual 4.2"
RDP_USAGE = "persist rdp-cookie(name)' requires an rdp cookie name."


@proxy_keyword("use-server", sections=BACKEND - DEFAULTS, args=(0, None), source=MANUAL)
def use_server(line: Line, proxy: Proxy) -> None:
    """`use-server NAME|FORMAT if|unless CONDITION`: the first that holds names the server."""
    name = line.arg(0)
    if not name:
        line.fail("'use-server' expects a server name.")
    _needs_condition(line, "use-server", 1)
    scope = Scope.of(line, proxy, "use-server")
    made_if = condition(line.args[1:], scope, "switching rule")
    made = _format(line, name, scope) if "%" in name else None
    proxy[USE_SERVER].append(Switch(name if made is None else None, made, made_if))


def _format(line: Line, text: str, scope: Scope) -> LogFormat:
    try:
        return parse_format(text, scope, http=True)
    except FormatError as error:
        told = f"use-server rule failed to parse log-format '{text}' : {error}."
        raise ConfigError(told, line.where, "Parsing [{}]; ") from None


def _needs_condition(line: Line, word: str, at: int) -> None:
    if not is_condition(line.arg(at)):
        line.fail(f"'{word}' requires either 'if' or 'unless' followed by a condition.")


def _persist_rule(word: str, force: bool) -> None:
    def add_rule(line: Line, proxy: Proxy) -> None:
        _needs_condition(line, word, 0)
        scope = Scope.of(line, proxy, "be tcp-request content")
        proxy[PERSIST_RULES].append(Condition(force, condition(line.args, scope, f"a '{word}' rule")))

    proxy_keyword(word, sections=BACKEND - DEFAULTS, args=(0, None), source=MANUAL)(add_rule)


_persist_rule("force-persist", True)
_persist_rule("ignore-persist", False)


@proxy_keyword("persist", sections=BACKEND, args=(0, None), source=MANUAL)
def persist(line: Line, proxy: Proxy) -> None:
    """`persist rdp-cookie[(NAME)]`."""
    method = line.arg(0)
    if not method:
        line.fail("missing persist method.")
    if not method.startswith("rdp-cookie"):
        line.fail("unknown persist method.")
    name = "msts" if method == "rdp-cookie" else method.removeprefix("rdp-cookie(").removesuffix(")")
    if method != "rdp-cookie" and (not method.startswith("rdp-cookie(") or not method.endswith(")") or not name):
        line.fail(RDP_USAGE)
    if method != "rdp-cookie" and line.arg(1):
        line.fail(f"'persist' cannot handle unexpected argument '{line.arg(1)}'.")
    line.set(proxy, PERSIST_RDP, name)


@whole_file_check
def check_persistence(config: Config, faults: Faults) -> None:
    """Names of use-server rules, cookies without HTTP, made-up cookies that are equal."""
    for proxy in config.proxies:
        names = {server.name for server in proxy.servers}
        for rule in proxy[USE_SERVER]:
            if rule.name is not None and rule.name not in names:
                faults.alert(f"{proxy.title} : unable to find server '{rule.name}' referenced in a 'use-server' rule.")
        if proxy.is_backend and proxy[MODE] != "http":
            _without_http(proxy, faults)
        elif proxy.is_backend:
            _dynamic_twins(proxy, faults)


def _without_http(proxy: Proxy, faults: Faults) -> None:
    if proxy[COOKIE]:
        faults.warning(f"cookie will be ignored for {proxy.title} (needs 'mode http').")
    for server in proxy.servers:
        if server[SERVER_COOKIE]:
            faults.warning(f"{proxy.title} : ignoring cookie for server '{server.name}' as HTTP mode is disabled.")


def _dynamic_twins(proxy: Proxy, faults: Faults) -> None:
    """Servers whose dynamic cookies are equal; those that are disabled may not have their address yet."""
    cookie = proxy[COOKIE]
    if cookie is None or "dynamic" not in cookie.switches or not proxy[DYNAMIC_KEY]:
        return
    seen: set[str] = set()
    for server in proxy.servers:
        value = server[SERVER_COOKIE] or _made_up(proxy, server)
        if server[DISABLED] or not value:
            continue
        if value in seen and not server[SERVER_COOKIE]:
            faults.warning(
                f"We generated two equal cookies for two different servers.\nPlease change the secret key for '{proxy.name}'."
            )
        seen.add(value)


def _made_up(proxy: Proxy, server: Server) -> str:
    key = proxy[DYNAMIC_KEY].encode("utf-8", "surrogateescape")
    return dynamic_cookie(key, server.address.host or "", server.address.port).decode("ascii")
