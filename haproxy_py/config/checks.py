"""What can only be judged when everything has been read: names, modes, listeners, timeouts (HAProxy's final checks)."""

from __future__ import annotations

from haproxy_py.config.errors import SERVER, Faults, Where
from haproxy_py.config.keywords.forwarding import FORWARDFOR, ORIGINALTO
from haproxy_py.config.keywords.options import HTTP_SWITCHES, LOG_OPTION
from haproxy_py.config.keywords.proxy import DEFAULT_BACKEND, DISABLED, MODE, MONITOR_URI
from haproxy_py.config.keywords.server_names import is_srv
from haproxy_py.config.keywords.server_options import CHECK, CHECK_PORT
from haproxy_py.config.keywords.timeouts import TIMEOUT_CLIENT, TIMEOUT_CONNECT, TIMEOUT_SERVER
from haproxy_py.config.model import Config, Proxy
from haproxy_py.config.registry import whole_file_check

TIMEOUTS = """missing timeouts for {}.
   | While not properly invalid, you will certainly encounter various problems
   | with such a configuration. To fix this, please ensure that all following
   | timeouts are set to a non-zero value: 'client', 'connect', 'server'."""


@whole_file_check
def check_proxies(config: Config, faults: Faults) -> None:
    """Per proxy, in file order."""
    for proxy in config.proxies:
        if proxy[DISABLED]:
            continue
        _listeners(proxy, faults)
        _http_words(proxy, faults)
        _default_backend(proxy, config, faults)
        _timeouts(proxy, faults)
        _servers(proxy, faults)


def _listeners(proxy: Proxy, faults: Faults) -> None:
    if proxy.kind == "frontend" and not proxy.binds:
        faults.warning(f"frontend '{proxy.name}' has no 'bind' directive. Please declare it as a backend if this was intended.")


def _http_words(proxy: Proxy, faults: Faults) -> None:
    """Keywords of HTTP in a proxy that is not: ignored, as HAProxy does."""
    if proxy[MODE] == "http":
        return
    if proxy[MONITOR_URI]:
        faults.warning(f"monitor-uri will be ignored for {proxy.title} (needs 'mode http').")
    options = [setting.name for setting in (FORWARDFOR, ORIGINALTO) if proxy[setting]]
    options += [setting.name for setting, kinds in HTTP_SWITCHES.items() if proxy[setting] and proxy.kind in kinds]
    said = [name for name, _ in proxy.http_words]
    for name in dict.fromkeys(options + said):
        faults.warning(f"'{name}' ignored for {proxy.title} as it requires HTTP mode.")
    if proxy.is_frontend and proxy[LOG_OPTION] in ("httplog", "httplog clf", "httpslog"):
        option = proxy[LOG_OPTION].split(" ")[0]
        told = f"'option {option}' not usable with {proxy.title} (needs 'mode http'). Falling back to 'option tcplog'."
        faults.warning(told, _said(proxy))
        proxy[LOG_OPTION] = "tcplog"


def _said(proxy: Proxy) -> Where:
    """Where its log option was said, be it in its defaults."""
    item: Proxy | None = proxy
    while item is not None and LOG_OPTION not in item.said:
        item = item.parent
    return item.said[LOG_OPTION] if item else proxy.where


def _default_backend(proxy: Proxy, config: Config, faults: Faults) -> None:
    name = proxy[DEFAULT_BACKEND]
    if not name or not proxy.is_frontend:
        return
    target = next((p for p in config.by_name.get(name, ()) if p.is_backend), None)
    if target is None:
        faults.alert(f"Proxy '{proxy.name}': unable to find required default_backend: '{name}'.")
    elif target is proxy:
        faults.alert(f"Proxy '{proxy.name}': loop detected for default_backend: '{name}'.")
    elif proxy[MODE] == "http" and target[MODE] == "tcp":
        faults.alert(
            f"http frontend '{proxy.name}' ({proxy.where}) tries to use incompatible tcp backend '{name}' "
            f"({target.where}) as its default backend (see 'mode')."
        )


def _timeouts(proxy: Proxy, faults: Faults) -> None:
    """A frontend with listeners needs its client's timeout, a backend with servers the other two."""
    lacks_client = proxy.is_frontend and not proxy[TIMEOUT_CLIENT]
    lacks_server = bool(proxy.is_backend and proxy.servers) and not (proxy[TIMEOUT_CONNECT] and proxy[TIMEOUT_SERVER])
    if lacks_client or lacks_server:
        faults.warning(TIMEOUTS.format(proxy.title))


def _servers(proxy: Proxy, faults: Faults) -> None:
    """Server names are unique in their backend; a checked server needs a port to check."""
    seen: dict[str, int] = {}
    own_ports = any(setting.name.startswith(("tcp-check", "http-check")) for setting in proxy.values)
    for server in proxy.servers:
        portless = server.address.family in ("inet", "inet6") and not server.address.port and not server[CHECK_PORT]
        portless = portless and not is_srv(server.address.name or "")
        if server[CHECK] and portless and not own_ports:
            told = f"config: proxy '{proxy.name}': server '{server.name}' has neither service port nor check port."
            faults.alert(told, server.where, SERVER)
        if server.name in seen:
            told = (
                f"{proxy.kind} '{proxy.name}', another server named '{server.name}' was already defined "
                f"at line {seen[server.name]}, please use distinct names."
            )
            faults.alert(told, server.where)
        else:
            seen[server.name] = server.where.line
