"""`show servers state [<backend>]`: the text of a servers state file (management manual 9.3)."""

from __future__ import annotations

from collections.abc import Iterator

from backends import state_file
from haproxy_py.engine import clock
from haproxy_py.runtime.anonymous import hidden, hidden_ip
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import command
from haproxy_py.runtime.servers import asked


@command("show servers state", "show servers state [<backend>]", "dump volatile server information (all or for a single backend)")
def show_servers_state(call: Call) -> Iterator[str]:
    """Every server of all backends, or of one."""
    life = call.instance.life.servers
    chosen = [life[server.slot] for backend in asked(call) for server in backend.servers]
    names = None
    if key := call.client.anonymous_key:
        names = state_file.Names(lambda text: hidden(key, text), lambda text: hidden_ip(key, text))
    return state_file.lines(chosen, call.instance.statistics.parts.iid, int(clock.now()), names)
