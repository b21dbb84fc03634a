"""Servers on the runtime socket: state, weight, address, health, agent, limits, lists (management manual 9.3).

What is done is done by backends.commands and backends.relocate, in shared memory: for all workers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from backends import commands, relocate, retarget, state
from backends.commands import Answer as Result
from haproxy_py.runtime.anonymous import hidden, hidden_ip
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import backend_of, server_of
from haproxy_py.runtime.registry import Answer, Level, command

USAGE = (
    "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | "
    "fqdn | health | ssl | state | weight\n"
)


def tell(result: Result) -> None:
    """Pass on what was answered. Raises: Answer, unless there is nothing to say."""
    if result.text:
        raise Answer(result.text, result.level)


# set server


def _address(call: Call, slot: Any) -> Result:
    port = call.arg(4) if call.arg(3) == "port" else None
    return relocate.set_addr(call.instance.life, slot, call.arg(2), port)


def _agent_setting(call: Call, slot: Any) -> Result:
    return retarget.set_agent(slot, call.arg(1), call.args[2:])


def _check_setting(call: Call, slot: Any) -> Result:
    return retarget.set_check(slot, call.arg(1), call.args[2:])


def _tls_setting(call: Call, slot: Any) -> Result:
    return commands.set_ssl(call.instance.life, slot, call.arg(2))


SETTINGS: dict[str, Callable[[Call, Any], Result]] = {
    "state": lambda call, slot: commands.set_admin(call.instance.life, slot, call.arg(2)),
    "weight": lambda call, slot: commands.set_weight(call.instance.life, slot, call.arg(2)),
    "health": lambda call, slot: commands.set_health(call.instance.life, slot, call.arg(2)),
    "agent": lambda call, slot: commands.set_agent(call.instance.life, slot, call.arg(2)),
    "addr": _address,
    "agent-addr": _agent_setting,
    "agent-port": _agent_setting,
    "agent-send": _agent_setting,
    "check-addr": _check_setting,
    "check-port": _check_setting,
    "fqdn": lambda call, slot: call.instance.names.set_fqdn(slot, call.arg(2)),
    "ssl": _tls_setting,
}


@command("set server", "set server <bk>/<srv> [opts]", "change a server's state, weight, address or ssl", level=Level.ADMIN)
def set_server(call: Call) -> None:
    """`set server B/S WHAT VALUE`."""
    slot = server_of(call).slot
    setting = SETTINGS.get(call.arg(1))
    if setting is None:
        raise Answer(USAGE)
    tell(setting(call, slot))


@command("set weight", "set weight <bk>/<srv>  (DEPRECATED)", "change a server's weight (use 'set server' instead)", level=Level.ADMIN)
def set_weight(call: Call) -> None:
    """`set weight B/S WEIGHT`."""
    slot = server_of(call).slot
    tell(commands.set_weight(call.instance.life, slot, call.arg(1)))


@command("get weight", "get weight <bk>/<srv>", "report a server's current weight")
def get_weight(call: Call) -> str:
    """The user's weight and the initial one."""
    return commands.get_weight(server_of(call).slot).text


@command("set maxconn server", "set maxconn server <bk>/<srv>", "change a server's maxconn setting", level=Level.ADMIN)
def set_maxconn(call: Call) -> None:
    """`set maxconn server B/S N`."""
    slot = server_of(call).slot
    tell(commands.set_maxconn(call.instance.life, slot, call.arg(1)))


# enable and disable


def _switch(name: str, usage: str, about: str, act: Callable[[Any, Any], Result]) -> None:
    @command(name, usage, about, level=Level.ADMIN)
    def switch(call: Call) -> None:
        tell(act(call.instance.life, server_of(call).slot))


_switch("enable server", "enable server  (DEPRECATED)", "enable a disabled server (use 'set server' instead)", commands.enable_server)
_switch(
    "disable server", "disable server (DEPRECATED)", "disable a server for maintenance (use 'set server' instead)",
    commands.disable_server,
)  # fmt: skip
_switch("enable health", "enable health", "enable health checks", lambda life, slot: commands.set_check(life, slot, True))
_switch("disable health", "disable health", "disable health checks", lambda life, slot: commands.set_check(life, slot, False))
_switch("enable agent", "enable agent", "enable agent checks", lambda life, slot: commands.set_agent_check(life, slot, True))
_switch("disable agent", "disable agent", "disable agent checks", lambda life, slot: commands.set_agent_check(life, slot, False))


# lists


def asked(call: Call) -> list[Any]:
    """The backends of `[backend]`. Raises: Answer."""
    if call.args:
        return [backend_of(call.instance, call.arg(0), "Can't find backend.\n")]
    return list(call.instance.backends.values())


def number_of(instance: Any, name: str) -> int:
    """The id of a backend."""
    parts = instance.statistics.parts
    found = next((p for p in parts.proxies if p.is_backend and p.name == name), None)
    return parts.iid(found) if found is not None else 0


@command("show backend", "show backend", "list backends in the current running config")
def show_backend(call: Call) -> Iterator[str]:
    """Names."""
    yield "# name\n"
    for name in call.instance.backends:
        yield f"{name}\n"


@command("show servers conn", "show servers conn [<backend>]", "dump server connections status (all or for a single backend)")
def show_servers_conn(call: Call) -> Iterator[str]:
    """Connections of all workers: in use, idle."""
    return _connections(call, asked(call))


def _connections(call: Call, backends: list[Any]) -> Iterator[str]:
    workers, key = call.instance.segment.workers, call.client.anonymous_key
    yield (
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur "
        f"idle_per_thr[{workers}]\n"
    )
    for backend in backends:
        number = number_of(call.instance, backend.name)
        for server in backend.servers:
            now = server.slot.gauges()
            host, port = state.address(server.slot)
            limit = -1 if server.pool_max >= 0xFFFFFFFF else server.pool_max
            used, idle = now["used_conns"], now["idle_conns"]
            yield (
                f"{hidden(key, backend.name)}/{hidden(key, server.name)} {number}/{server.slot.puid} "
                f"{hidden_ip(key, '-' if host in ('', 'unix') else host)} {port} - {server.purge_ms} {used} {used} "
                f"{used} 0 {idle} {limit} {idle}{' 0' * workers}\n"
            )
