"""A server's name, SRV record and port as a state file had them (manual 4.2, load-server-state-from-file)."""

from __future__ import annotations

from backends import state
from backends.life import ServerLife
from backends.state_file import Row
from haproxy_py.config.keywords.server_names import RESOLVERS, is_srv


def resume_name(one: ServerLife, row: Row) -> str:
    """Take name and port. Returns a complaint: another SRV record than the configuration's, and nothing of it is used; "" else."""
    name = one.item.address.name or ""
    if is_srv(name) and row.srvrecord not in ("-", name):
        return (
            f"SRV record mismatch between configuration ('{name}') and state file ('{row.srvrecord}) for server '{one.slot.name}'. "
            "Previous state not applied"
        )
    if (
        RESOLVERS in one.item
        and row.fqdn != "-"
        and (row.srvrecord == name if is_srv(name) else name and row.admin & state.HMAINT)
    ):
        state.set_fqdn(one.slot, row.fqdn)  # of its record; or set by the runtime socket
    if is_srv(name) and row.port:
        state.set_port_map(one.slot, False, 0)  # the record has a port
    _take_port(one, row.port)
    return ""


def _take_port(one: ServerLife, port: int) -> None:
    host, now = state.address(one.slot)
    mapped, _ = state.port_map(one.slot)
    if not port or host == "unix" or mapped or now == port:
        return
    if host:
        state.move(one.slot, host, port)
    elif one.item.address.family not in ("unix", "abns", "fd"):
        state.forget_address(one.slot, port)
