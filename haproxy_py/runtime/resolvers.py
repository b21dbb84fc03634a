"""`show resolvers` (management manual 9.3)."""

from __future__ import annotations

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer, command


@command("show resolvers", "show resolvers [id]", "dumps counters from all resolvers section and associated name servers")
def show_resolvers(call: Call) -> str:
    """The counters of every nameserver, of all workers."""
    found = call.instance.names.show(call.arg(0))
    if found.level:
        raise Answer(found.text)
    text: str = found.text
    return text
