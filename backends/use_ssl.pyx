"""Whether a server is spoken to by TLS: fixed when its line is read, changed by `set server B/S ssl on|off` and state files.

It lies in the segment, so all workers and those to come know it. Where a server has no TLS settings nothing can change.
"""

cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ServerSlot


def begin(ServerSlot slot not None, int written) -> None:
    """As its line says: 1 `ssl`, -1 `no-ssl`, 0 neither (srv_use_ssl of a servers state file)."""
    slot.shared.use_ssl = written
    slot.shared.tls_on = written > 0


def restore(ServerSlot slot not None, int written) -> None:
    """What a state file says, before there are connections. Any other number than the present one and 0 stands for TLS, as in HAProxy."""
    if written != slot.shared.use_ssl:
        slot.shared.use_ssl = written
        slot.shared.tls_on = written != 0


def change(ServerSlot slot not None, bint on) -> None:
    """From the next connection on; every worker closes its idle ones, whether anything has changed or not, as HAProxy does."""
    restore(slot, on)
    sys.ha_add32(&slot.shared.generation, 1)
    sys.ha_add32(&slot.proxy.shared.generation, 1)
    sys.ha_add32(&slot.segment.shared.life, 1)


def shown(ServerSlot slot not None) -> int:
    """srv_use_ssl of a servers state file."""
    return slot.shared.use_ssl


def speaks(ServerSlot slot not None) -> bool:
    """New connections to it speak TLS."""
    return slot.shared.tls_on
