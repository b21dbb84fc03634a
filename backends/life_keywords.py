"""Words of server lines about a server's life: slowstart, track, what live traffic tells (manual 5.2)."""

from __future__ import annotations

from haproxy_py.config.errors import SERVER, Faults
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.keywords.server_options import CHECK, delay
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Server, Setting
from haproxy_py.config.registry import server_option, whole_file_check
from haproxy_py.config.units import leading_int

SLOWSTART: Setting[int] = Setting("slowstart", 0)  # seconds, 0: none
TRACK: Setting[str] = Setting("track", "")  # "[backend/]server"
OBSERVE: Setting[str] = Setting("observe", "")  # layer4, layer7
ERROR_LIMIT: Setting[int] = Setting("error-limit", 10)
ON_ERROR: Setting[str] = Setting("on-error", "fail-check")
ON_MARKED_DOWN: Setting[str] = Setting("on-marked-down", "")
ON_MARKED_UP: Setting[str] = Setting("on-marked-up", "")
MANUAL = "manual 5.2"


@server_option("slowstart", args=1, source=MANUAL)
def slowstart(line: Line, server: Server, at: int) -> int:
    """`slowstart DELAY`: how long a server that comes back takes to its full weight; whole seconds, rounded up."""
    text = line.words[at + 1]
    server[SLOWSTART] = 0 if text.lstrip("0") == "" else (delay(line, text, "slowstart", server.name) + 999) // 1000
    return at + 2


@server_option("track", args=1, source=MANUAL)
def track(line: Line, server: Server, at: int) -> int:
    """`track [BACKEND/]SERVER`: its state is that of another one."""
    server[TRACK] = line.words[at + 1]
    return at + 2


@server_option("observe", args=1, source=MANUAL)
def observe(line: Line, server: Server, at: int) -> int:
    """`observe none|layer4|layer7`: what traffic is watched for errors."""
    mode = line.words[at + 1]
    if mode not in ("none", "layer4", "layer7"):
        line.fail(f"'observe' expects one of 'none', 'layer4', 'layer7' but got '{mode}'.")
    server[OBSERVE] = "" if mode == "none" else mode
    return at + 2


@server_option("error-limit", args=1, source=MANUAL)
def error_limit(line: Line, server: Server, at: int) -> int:
    """`error-limit N`: so many errors in a row call for on-error."""
    value = leading_int(line.words[at + 1])
    if value <= 0:
        line.fail("error-limit has to be > 0..")
    server[ERROR_LIMIT] = value
    return at + 2


@server_option("on-error", args=1, source=MANUAL)
def on_error(line: Line, server: Server, at: int) -> int:
    """`on-error fastinter|fail-check|sudden-death|mark-down`."""
    mode = line.words[at + 1]
    if mode not in ("fastinter", "fail-check", "sudden-death", "mark-down"):
        line.fail(
            f"'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{mode}'."
        )
    server[ON_ERROR] = mode
    return at + 2


@server_option("on-marked-down", args=1, source=MANUAL)
def on_marked_down(line: Line, server: Server, at: int) -> int:
    """`on-marked-down shutdown-sessions`."""
    if line.words[at + 1] != "shutdown-sessions":
        line.fail(f"'on-marked-down' expects 'shutdown-sessions' but got '{line.words[at + 1]}'.")
    server[ON_MARKED_DOWN] = line.words[at + 1]
    return at + 2


@server_option("on-marked-up", args=1, source=MANUAL)
def on_marked_up(line: Line, server: Server, at: int) -> int:
    """`on-marked-up shutdown-backup-sessions`."""
    if line.words[at + 1] != "shutdown-backup-sessions":
        line.fail(f"'on-marked-up' expects 'shutdown-backup-sessions' but got '{line.words[at + 1]}'.")
    server[ON_MARKED_UP] = line.words[at + 1]
    return at + 2


@whole_file_check
def check_lives(config: Config, faults: Faults) -> None:
    """Servers that track one that is not there, not checked, or themselves in the end; layer7 outside of HTTP."""
    links: dict[Server, Server] = {}
    for proxy in config.proxies:
        for server in proxy.servers if proxy.is_backend else ():
            told = _fault(config, proxy, server, links)
            if told:
                faults.alert(f"'server {proxy.name}/{server.name}' : {told}", server.where, SERVER)


def _fault(config: Config, proxy: Proxy, server: Server, links: dict[Server, Server]) -> str:
    if server[OBSERVE] == "layer7" and proxy[MODE] != "http":
        return "'layer7' can only be used in http proxies.."
    if not server[TRACK]:
        return ""
    if server[CHECK]:
        return "unable to enable checks and tracking at the same time!"
    backend, slash, name = server[TRACK].rpartition("/")
    where = config.backend(backend) if slash else proxy
    if where is None:
        return f"unable to find required proxy '{backend}' for tracking."
    found = next((other for other in where.servers if other.name == name), None)
    if found is None:
        return f"unable to find required server '{name}' for tracking."
    title = f"{where.name}/{found.name}"
    if not (found[CHECK] or found[TRACK] or _asks_agent(found)):
        return f"unable to use {title} for tracking as it does not have any check nor agent enabled."
    if server in _chain(found, links):
        return f"unable to track {title} as it belongs to a tracking chain looping back to {proxy.name}/{server.name}."
    links[server] = found
    return ""


def _asks_agent(server: Server) -> bool:
    return any(setting.name == "agent-check" and value for setting, value in server.values.items())


def _chain(server: Server | None, links: dict[Server, Server]) -> list[Server]:
    """A server, the one it tracks, and so on."""
    found: list[Server] = []
    while server is not None:
        found.append(server)
        server = links.get(server)
    return found
