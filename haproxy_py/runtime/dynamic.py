"""Servers that come and go at run time: `add server`, `del server` (management manual 9.3).

A new server takes a room of the shared segment. Every process then makes its own objects on that room, the supervisor first,
so that later workers have it as well. Its shared part is filled once. A room is given out again when every worker has said
that it has forgotten the server.
"""

from __future__ import annotations

from typing import Any

from backends import life_keywords, state
from backends.build import build_server, where_it_is
from backends.hash_settings import dynamic, server_added
from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.keywords import server as server_words
from haproxy_py.config.keywords import server_options as words
from haproxy_py.config.keywords.cookie import SERVER_COOKIE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Server
from haproxy_py.rules.scope import REFERENCES
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import backend_of, cut, server_of
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import INFO, Answer, Level, command

PINNED = "This server cannot be removed at runtime due to other configuration elements pointing to it.\n"
NOT_IN_MAINTENANCE = "Only servers in maintenance mode can be deleted.\n"
BUSY = "Server still has connections attached to it, cannot remove it.\n"
STATIC = "Backend must use a dynamic load balancing to support dynamic servers.\n"
TWICE = "Already exists a server with the same name in backend.\n"
REFUSED = frozenset({
    "init-addr", "resolvers", "resolve-opts", "resolve-prefer", "resolve-net", "redir", "namespace", "stick", "non-stick",
    "socks4",
})  # fmt: skip


def proxy_of(instance: Any, backend: str) -> Proxy:
    """The configured backend."""
    found = instance.config.backend(backend)
    assert found is not None
    return found  # type: ignore[no-any-return]


def read(instance: Any, backend: str, given: list[str]) -> Server:
    """A server's words behind its backend, without the settings of `default-server`. Raises: Answer."""
    proxy = proxy_of(instance, backend)
    plain = Proxy(Where("", 0), kind="backend", name=backend, values=dict(proxy.values))
    line = Line(["server", *given], Where("(null)", 0), Faults(), instance.config, plain)
    title = f"'server {backend}/{given[0] if given else ''}' : "
    try:
        if len(given) < 2:
            line.fail(f"'server' {server_words.USAGE}")
        bad = server_words._BAD_NAME.search(given[0])
        if bad:
            line.fail(f"character '{bad.group()}' is not permitted in server name '{given[0]}'.")
        for word in given[2:]:
            if word in REFUSED:
                line.fail(f"'{word}' option is not accepted for dynamic server")
        if "enabled" in given[2:]:
            line.fail("'enabled' option is not accepted for dynamic server")
        made = server_words.made(line, plain, given[0], given[1], 2 + 1)
    except ConfigError as wrong:
        raise Answer(wrong.text.removeprefix(title) + "\n") from None
    return made


def free_number(instance: Any, backend: str, item: Server) -> int:
    """`id` of a new server: the one asked for, or the lowest that is free. Raises: Answer: it is taken."""
    taken = {server.slot.puid: server for server in instance.backends[backend].servers}
    asked = item[server_words.ID]
    if asked is None:
        return next(n for n in range(1, len(taken) + 2) if n not in taken)
    if asked in taken:
        where = instance.life.servers[taken[asked].slot].item.where
        raise Answer(f"'id' : custom id {asked} already used at {where.file or '(null)'}:{where.line} ('server {taken[asked].name}').\n")
    return asked


@operation("add server", change=True)
def add_here(instance: Any, backend: str, given: list[str], room: int, number: int) -> None:
    """This process has it from here on."""
    proxy, made = proxy_of(instance, backend), instance.backends[backend]
    item = read(instance, backend, given)
    server = build_server(
        instance.config, proxy, item, number, made, instance.worker, instance.segment, room=room, admin=state.FMAINT
    )
    made.servers.append(server)
    made.balancer.append(server.slot)
    server_added(made.balancer, item, server.slot)
    if item[SERVER_COOKIE]:
        server.cookie, server.own_cookie = item[SERVER_COOKIE].encode("utf-8", "surrogateescape"), True
    if made.balancer.by_load:
        server.watcher = made.balancer
    instance.statistics.parts.items[room] = item
    instance.life.attach(proxy, item, server.slot)
    if item[words.CHECK]:
        instance.checker.add(proxy, item, server.slot)


@operation("del server", change=True)
def delete_here(instance: Any, backend: str, name: str, room: int) -> None:
    """This process has it no more."""
    made = instance.backends[backend]
    server = next((s for s in made.servers if s.name == name and s.slot.room == room), None)
    if server is None:
        return
    made.balancer.remove(server.slot)
    made.servers.remove(server)
    instance.checker.remove(server.slot)
    instance.life.remove(server.slot)
    instance.statistics.parts.forget(room)
    instance.segment.forget_server(server.slot)


@command("add server", "add server <bk>/<srv>", "create a new server", level=Level.ADMIN)
async def add_server(call: Call) -> None:
    """`add server B/S ADDRESS [option]...`: in maintenance, its check disabled."""
    backend, name = cut(call.arg(0))
    made = backend_of(call.instance, backend)
    if not dynamic(proxy_of(call.instance, made.name)):
        raise Answer(STATIC)
    backend, given = made.name, [name, *call.args[1:]]
    item = read(call.instance, backend, given)
    number = free_number(call.instance, backend, item)
    if any(server.name == name for server in made.servers):
        raise Answer(TWICE)
    _check_track(call.instance, item)
    try:
        where_it_is(item)
    except ConfigError as wrong:
        raise Answer(f"{wrong.text}\n") from None
    try:
        room = call.instance.segment.claim_room()
    except MemoryError as wrong:
        raise Answer(f"{wrong}\n") from None
    try:
        await call.service.everywhere("add server", backend, given, room, number)
    except Answer:
        if all(server.slot.room != room for server in made.servers):
            call.instance.segment.free_room(room)
        raise
    raise Answer("New server registered.\n", INFO)


def _check_track(instance: Any, item: Server) -> None:
    """`track` names a server of the configuration. Raises: Answer."""
    wanted = item[life_keywords.TRACK]
    if wanted and item[words.CHECK]:
        raise Answer("unable to enable checks and tracking at the same time!\n")
    backend, _, name = wanted.rpartition("/")
    if wanted and instance.life.find(backend, name) is None:
        raise Answer(f"unable to find required server '{name}' for tracking.\n")


@operation("close idle")
def close_idle(instance: Any) -> None:
    """The idle connections of this process with servers in maintenance."""
    instance.follower.look_again()
    instance.follower.follow()


def removable(instance: Any, server: Any) -> str:
    """Why a server cannot be deleted, in HAProxy's words; "" when it can."""
    one = instance.life.servers[server.slot]
    told = f"{one.proxy.name}/{server.name}"
    names = {each.name for each in instance.config.globals[REFERENCES] if each.kind == "srv"}  # rules could not let go of it
    if one.trackers or told in names:
        return PINNED
    now = server.slot.gauges()
    if not now["admin"] & state.MAINT:
        return NOT_IN_MAINTENANCE
    return BUSY if now["scur"] or now["qcur"] or now["used_conns"] or now["idle_conns"] else ""


@command("del server", "del server <bk>/<srv>", "remove a dynamically added server", level=Level.ADMIN)
async def del_server(call: Call) -> None:
    """`del server B/S`: in maintenance, without connections, and nothing points to it."""
    server = server_of(call)
    backend, name = server.backend.name, server.name
    why = removable(call.instance, server)
    if why == BUSY and server.slot.gauges()["idle_conns"]:  # clients with a cookie leave some behind in maintenance too
        await call.service.everywhere("close idle")
        why = removable(call.instance, server)
    if why:
        raise Answer(why)
    room = server.slot.room
    await call.service.everywhere("del server", backend, name, room)
    call.instance.segment.free_room(room)
    raise Answer("Server deleted.\n", INFO)
