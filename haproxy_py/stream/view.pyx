"""What a worker's streams are doing, for the runtime socket: plain values, read at once (management manual 9.3, show sess)."""

from libc.stdint cimport uint64_t
from haproxy_py.engine.addr cimport Addr, ADDR_TEXT, addr_text
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.shm cimport ServerSlot
from haproxy_py.engine.worker cimport Worker
from haproxy_py.stream.relay cimport Relay
from haproxy_py.stream.session cimport Session, Stream
from backends.server cimport Server

cdef enum:
    AF_INET = 2
    AF_INET6 = 10
    SLOT_SHIFT = 48           # a number tells worker and place: unique among all workers


cdef uint64_t number_of(Worker worker, void *stream) noexcept:
    return (<uint64_t>worker.segment.slot << SLOT_SHIFT) | (<uint64_t>stream & ((<uint64_t>1 << SLOT_SHIFT) - 1))


cdef str address_text(Addr *a):
    """As `src=` shows it: HOST:PORT or unix:1."""
    cdef char text[ADDR_TEXT]
    cdef int n
    if a.family != AF_INET and a.family != AF_INET6:
        return "unix:1"
    n = addr_text(a, text)
    return f"{text[:n].decode('ascii')}:{a.port}"


cdef long left_ms(Conn c, uint64_t now) noexcept:
    """Milliseconds until the timer of a connection runs out, -1: it has none."""
    if c is None or not c.timer.deadline:
        return -1
    return <long>(c.timer.deadline - now) if c.timer.deadline > now else 0


cdef dict one_row(Worker worker, Session s, Stream t, uint64_t now_us, uint64_t now_ms):
    cdef Conn back = (<Relay>t).sconn if isinstance(t, Relay) else None
    return {
        "number": number_of(worker, <void *>t),
        "proto": "tcpv6" if s.src.family == AF_INET6 else "tcpv4" if s.src.family == AF_INET else "unix_stream",
        "src": address_text(&s.src),
        "fe": s.front.slot.name,
        "be": t.be.name if t.be is not None else "<NONE>",
        "srv": t.srv.name if t.srv is not None else "<none>",
        "age": int((now_us - t.accept_us) // 1000000) if t.accept_us and now_us > t.accept_us else 0,
        "wall_us": s.accept_wall_us,
        "http": t.http,
        "request": t.rt,
        "retries": t.retries,
        "state": (<Relay>t).state if isinstance(t, Relay) else 0,
        "bytes_in": t.bytes_in,
        "bytes_out": t.bytes_out,
        "client_fd": s.fd,
        "client_ms": left_ms(s, now_ms),
        "server_fd": back.fd if back is not None else -1,
        "server_ms": left_ms(back, now_ms),
        "server_addr": address_text(&back.dst) if back is not None else "",
        "door": s.door.bind_name.decode("utf-8", "replace") if s.door.bind_name else "?",
        "tls": s.tls is not None,
    }


def table(Worker worker not None) -> list:
    """A dict for each stream, newest first. Idle keep-alive connections have none, as in HAProxy."""
    cdef list found = []
    cdef void *p = worker.newest_session
    cdef Session s
    worker.reactor.tick()
    while p != NULL:
        s = <Session>p
        if s.stream is not None:
            found.append(one_row(worker, s, s.stream, worker.reactor.now_us, worker.reactor.now_ms))
        p = s.older
    return found


cdef void end(Session s) noexcept:
    """As HAProxy ends a stream: 502 or 503 as long as nothing of a reply has come, else the connection is cut."""
    cdef Stream t = s.stream
    s.reactor.tick()
    t.server_ended(c'K')


def kill(Worker worker not None, number: int) -> bool:
    """End the stream of this number, cause K; whether this worker has it."""
    cdef void *p = worker.newest_session
    cdef Session s
    while p != NULL:
        s = <Session>p
        if s.stream is not None and number_of(worker, <void *>s.stream) == number:
            end(s)
            return True
        p = s.older
    return False


def kill_on(Worker worker not None, Server server not None) -> int:
    """End every stream that is on this server, in this worker; how many."""
    cdef void *p = worker.newest_session
    cdef Session s
    cdef list found = []
    while p != NULL:
        s = <Session>p
        if s.stream is not None and s.stream.srv is server.slot:
            found.append(s)
        p = s.older
    for s in found:
        end(s)
    return len(found)
