"""agent-check, agent-port, agent-addr, agent-inter, agent-send (manual 5.2)."""

from __future__ import annotations

from haproxy_py.config.address import parse_address, resolve
from haproxy_py.config.errors import SERVER, ConfigError, Faults
from haproxy_py.config.keywords.server_options import delay
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Server, Setting
from haproxy_py.config.registry import server_option, whole_file_check
from haproxy_py.config.units import leading_int

AGENT_CHECK: Setting[bool] = Setting("agent-check", False)
AGENT_PORT: Setting[int] = Setting("agent-port", 0)
AGENT_ADDR: Setting[str] = Setting("agent-addr", "")  # IP text; "": the server's
AGENT_INTER: Setting[int] = Setting("agent-inter", 2000)  # ms
AGENT_SEND: Setting[bytes] = Setting("agent-send", b"")
MANUAL = "manual 5.2"


@server_option("agent-check", source=MANUAL)
def agent_check(line: Line, server: Server, at: int) -> int:
    """`agent-check`: an agent is asked."""
    server[AGENT_CHECK] = True
    return at + 1


@server_option("no-agent-check", source=MANUAL)
def no_agent_check(line: Line, server: Server, at: int) -> int:
    """Takes back what default-server said."""
    server[AGENT_CHECK] = False
    return at + 1


def _word(line: Line, at: int, complaint: str) -> str:
    if at + 1 >= len(line.words) or not line.words[at + 1]:
        line.fail(complaint)
    return line.words[at + 1]


@server_option("agent-port", source=MANUAL)
def agent_port(line: Line, server: Server, at: int) -> int:
    """`agent-port N`: where the agent listens."""
    server[AGENT_PORT] = leading_int(_word(line, at, "'agent-port' expects a port number as argument.")) & 0xFFFF
    return at + 2


@server_option("agent-addr", source=MANUAL)
def agent_addr(line: Line, server: Server, at: int) -> int:
    """`agent-addr IP|NAME`: where the agent is, the server's address by default."""
    text = _word(line, at, "'agent-addr' expects an address as argument.")
    try:
        server[AGENT_ADDR] = resolve(parse_address(text, line.config.env, port="none")).host or ""
    except ConfigError:
        line.fail(f"parsing agent-addr failed. Check if '{text}' is correct address..")
    return at + 2


@server_option("agent-inter", source=MANUAL)
def agent_inter(line: Line, server: Server, at: int) -> int:
    """`agent-inter DELAY`: from one question to the next."""
    server[AGENT_INTER] = delay(line, _word(line, at, "'agent-inter' expects a delay as argument."), "agent-inter", server.name)
    return at + 2


@server_option("agent-send", source=MANUAL)
def agent_send(line: Line, server: Server, at: int) -> int:
    """`agent-send TEXT`: what the agent is told first."""
    server[AGENT_SEND] = _word(line, at, "'agent-send' expects a string as argument.").encode("utf-8", "surrogateescape")
    return at + 2


@whole_file_check
def check_agents(config: Config, faults: Faults) -> None:
    """An agent has a port."""
    for proxy in config.proxies:
        for server in proxy.servers if proxy.is_backend else ():
            if server[AGENT_CHECK] and not server[AGENT_PORT]:
                told = f"server {server.name} does not have agent port. Agent check has been disabled."
                faults.alert(f"'server {proxy.name}/{server.name}' : {told}", server.where, SERVER)
