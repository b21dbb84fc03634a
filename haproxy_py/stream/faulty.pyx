"""What could not be understood, for `show errors` (management manual 9.3): the last one of each proxy and direction.

Each process keeps those that it has seen; who asks takes the latest of all. Only messages that are refused come here.
"""

from libc.stdint cimport uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport ADDR_TEXT, addr_text
from haproxy_py.engine.shm cimport ProxySlot, Segment, ServerSlot
from haproxy_py.stream.session cimport Session

cdef dict kept = {}         # (ProxySlot, whether it is a response) -> the record


cdef void keep_fault(ProxySlot proxy, ProxySlot other, object server, Session s, const char *buf, uint32_t n, uint32_t at) noexcept:
    """Keep a message in its proxy's place. An error in here costs the record, never the stream."""
    cdef char text[ADDR_TEXT]
    cdef int size = addr_text(&s.src, text)
    cdef uint32_t event
    try:
        event = sys.ha_add32(&s.worker.segment.shared.faults, 1) - 1
        source = text[:size].decode("ascii") if size > 0 else "unix"
        kept[proxy, other is not None] = {
            "proxy": proxy.name, "response": other is not None, "other": other.name if other is not None else "",
            "server": (<ServerSlot>server).name if server is not None else "",
            "server_id": (<ServerSlot>server).puid if server is not None else -1, "event": event,
            "source": f"{source}:{s.src.port}", "at_us": s.worker.reactor.wall_us, "size": s.worker.buffers.size,
            "position": at, "bytes": buf[:n].decode("latin-1"),
        }
    except Exception:
        return


def faults(slots: list) -> list:
    """The records of these proxies in this process."""
    return [record for (slot, _), record in kept.items() if slot in slots]


def events(Segment segment not None) -> int:
    """How many there were, in all workers."""
    return sys.ha_load32(&segment.shared.faults)


def forget(list slots not None) -> None:
    """These proxies are gone."""
    for key in [key for key in kept if key[0] in slots]:
        del kept[key]
