"""Lists of backends and servers (management manual 9.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backends import state
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import server_of
from haproxy_py.runtime.registry import Answer, command


def number_of(instance: Any, name: str) -> int:
    """`id` of a proxy: said in the configuration, else its place, from 2 as HAProxy counts (1 is the runtime socket's)."""
    return 2 + next(i for i, proxy in enumerate(instance.config.proxies) if proxy.is_backend and proxy.name == name)


def asked(call: Call) -> list[Any]:
    """The backends of `[backend]`. Raises: Answer."""
    backends: dict[str, Any] = call.instance.backends
    if not call.args:
        return list(backends.values())
    if call.arg(0) not in backends:
        raise Answer("Can't find backend.\n")
    return [backends[call.arg(0)]]


@command("show backend", "show backend", "list backends in the current running config")
def show_backend(call: Call) -> Iterator[str]:
    """Names."""
    yield "# name\n"
    for name in call.instance.backends:
        yield f"{name}\n"


@command("show servers conn", "show servers conn [<backend>]", "dump server connections status (all or for a single backend)")
def show_servers_conn(call: Call) -> Iterator[str]:
    """Connections of all workers: in use, idle."""
    workers = call.instance.segment.workers
    backends = asked(call)
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
            used = now["used_conns"]
            yield (
                f"{backend.name}/{server.name} {number}/{server.slot.puid} {host or '-'} {port} - {server.purge_ms} {used} {used} "
                f"{used} 0 {now['idle_conns']} {limit} {now['idle_conns']}{' 0' * workers}\n"
            )


@command("get weight", "get weight <bk>/<srv>", "report a server's current weight")
def get_weight(call: Call) -> str:
    """The user's weight and the initial one."""
    now = server_of(call).slot.gauges()
    return f"{now['uweight']} (initial {now['iweight']})\n"
