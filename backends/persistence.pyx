"""Persistence: rules and cookies that name a server, and the cookies that tell a client which one it has (manual 4.2, 8.5).

A Persistence belongs to one backend and is None there when nothing asks for it. It decides from the stream's heads and says
so in ServerUser.wanted and .persist; Backend.assign() and the retries obey. Servers that are down (or in maintenance) are
named only with `option persist` or force-persist; drained ones and those of weight 0 are.
"""

from libc.stdint cimport uint8_t, uint32_t, int32_t, int64_t
from libc.string cimport memchr, memcpy, memset
from haproxy_py.engine.message cimport Field, Head, F_DROP, H_COOKIE, H_SET_COOKIE, M_POST
from haproxy_py.engine.rdp cimport rdp_cookie
from haproxy_py.engine.shm cimport ProxySlot, ADM_MAINT, SRV_STOPPED
from haproxy_py.engine.sys cimport AF_INET
from haproxy_py.engine.txn cimport TERM_NONE
from haproxy_py.rules.rule cimport Cond, LogFormat
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE
from backends.cacheable cimport cacheable
from haproxy_py.engine.cookies cimport (
    Edit, Pair, end_field, from_date64, is_named, keep_pair, leave_out, next_pair, put_pair, put_raw, put_value, put_without,
    take_attributes, to_date64,
)
from backends.server cimport (
    PERSIST_ASSIGNED, PERSIST_DIRECT, PERSIST_FORCED, PERSIST_FOUND, PERSIST_IGNORED, Server, ServerUser,
)

from backends.dynamic_cookie import dynamic_cookie
from backends.state import address

cdef enum:
    DAY = 86400
    VALUE_ROOM = 16                # what dates add to a cookie, and more
    N = 78                         # letters of the log (manual 8.5)

MODES = {"rewrite": CK_REWRITE, "insert": CK_INSERT, "prefix": CK_PREFIX, "indirect": CK_INDIRECT, "nocache": CK_NOCACHE,
         "postonly": CK_POSTONLY, "preserve": CK_PRESERVE, "dynamic": CK_DYNAMIC}


cdef class CookiePlan:
    def __init__(self, bytes name not None, *, modes=(), uint32_t maxidle=0, uint32_t maxlife=0, bytes attributes=b"",
                 bytes key=None) -> None:
        """modes: words of MODES; others, which only shape the attributes, do not count here."""
        self.name = name
        self.modes = sum(MODES.get(word, 0) for word in modes)
        self.maxidle = maxidle
        self.maxlife = maxlife
        self.attributes = attributes
        self.key = key if self.modes & CK_DYNAMIC else None


cdef class Switch:
    def __init__(self, str name, LogFormat format, Cond cond) -> None:
        """name: of a server; None: the format gives it for each stream."""
        self.name = name
        self.format = format
        self.cond = cond


cdef class Condition:
    def __init__(self, bint force, Cond cond) -> None:
        self.force = force
        self.cond = cond


cdef class Persistence:
    def __init__(self, ProxySlot slot not None, list servers not None, *, CookiePlan cookie=None, list switches=None,
                 list conditions=None, bytes rdp=None, bint anyway=False) -> None:
        self.slot = slot
        self.servers = servers
        self.cookie = cookie
        self.switches = switches
        self.conditions = conditions
        self.rdp = rdp
        self.anyway = anyway
        self.look_again()

    # ------------------------------------------------------------------ servers by cookie and by name

    cdef void look_again(self) noexcept:
        """Servers came, went or moved: their cookies and names anew."""
        cdef Server s
        cdef Switch rule
        self.by_cookie = {}
        self.by_name = {}
        self.count = len(self.servers)
        self.last = self.servers[self.count - 1] if self.count else None
        for s in self.servers:
            self.by_name.setdefault(s.name, s)
            if self.stale(s):
                self.make_cookie(s)
            if s.cookie is not None:
                self.by_cookie.setdefault(s.cookie, []).append(s)
        for rule in self.switches or ():
            rule.server = self.by_name.get(rule.name)

    cdef bint others(self) noexcept:
        """Whether servers were added or deleted since: new ones come last."""
        cdef Py_ssize_t n = len(self.servers)
        return n != self.count or (n > 0 and self.servers[n - 1] is not self.last)

    cdef bint stale(self, Server s) noexcept:
        """Whether its cookie stands for an address that it had before."""
        return (self.cookie is not None and self.cookie.key is not None and not s.own_cookie
                and s.cookie_generation != s.slot.shared.generation)

    cdef void make_cookie(self, Server s) noexcept:
        host, port = address(s.slot)
        s.cookie_generation = s.slot.shared.generation
        s.cookie = dynamic_cookie(self.cookie.key, host, port) or None

    def refresh(self) -> None:
        """Make up cookies for servers that have moved since, without waiting for a request (for the statistics)."""
        if self.cookie is not None and self.cookie.key is not None:
            self.look_again()

    def rekey(self, bytes key) -> None:
        """A new secret for made-up cookies in this process; None: none are made (management manual, dynamic-cookie)."""
        cdef Server s
        if self.cookie is None:
            return
        self.cookie.key = key
        for s in self.servers:
            if not s.own_cookie:
                s.cookie = None
                s.cookie_generation = s.slot.shared.generation - 1
        self.look_again()

    cdef list servers_of(self, bytes value):
        """Servers with this cookie, in configuration order; None: there is none."""
        cdef Server s
        cdef object found = self.by_cookie.get(value)
        cdef bint old = self.others()
        if self.cookie.key is not None and not old:
            for s in self.servers if found is None else found:
                old = old or self.stale(s)
        if old:
            self.look_again()
            found = self.by_cookie.get(value)
        return found

    cdef Server server_named(self, str name):
        if self.others():
            self.look_again()
        return self.by_name.get(name)

    # ------------------------------------------------------------------ which server

    cdef void judge(self, ServerUser u) noexcept:
        """The first force-persist or ignore-persist rule that holds counts."""
        cdef Condition rule
        if u.http:
            u.cookie_state = u.set_cookie_state = N if self.logs_cookie() else TERM_NONE
        for rule in self.conditions or ():
            if rule.cond.test(u) > 0:
                u.persist |= PERSIST_FORCED if rule.force else PERSIST_IGNORED
                return

    cdef bint logs_cookie(self) noexcept:
        return self.cookie is not None and self.cookie.modes & CK_LOGGED

    cdef void denied(self, ServerUser u) noexcept:
        """As HAProxy, whose log names the server of the cookie even then."""
        if self.cookie is not None and u.wanted is None:
            self.request_cookies(u)
            if u.wanted is not None:
                u.srv = u.wanted.slot

    cdef void choose(self, ServerUser u) noexcept:
        if self.switches is not None:
            self.apply_switches(u)
        if self.cookie is not None and u.http:
            self.request_cookies(u)
        if self.rdp is not None and u.wanted is None:
            self.apply_rdp(u)

    cdef bint alive(self, Server s) noexcept:
        return s.slot.shared.state != SRV_STOPPED and not s.slot.shared.admin & ADM_MAINT

    cdef bint reachable(self, ServerUser u, Server s) noexcept:
        return self.anyway or u.persist & PERSIST_FORCED or self.alive(s)

    cdef void apply_switches(self, ServerUser u) noexcept:
        """use-server: the first rule that holds and whose server is there. An unknown name ends the search."""
        cdef Switch rule
        cdef Server s
        cdef char *text
        cdef int n
        if self.others():
            self.look_again()
        for rule in self.switches:
            if rule.cond.test(u) <= 0:
                continue
            s = rule.server
            if rule.format is not None:
                text = page()
                n = rule.format.render(u, text, SCRATCH_SIZE)
                s = self.server_named(text[:n].decode("utf-8", "surrogateescape"))
                if s is None:
                    return
            if self.reachable(u, s):
                u.wanted = s
                u.persist |= PERSIST_DIRECT | PERSIST_ASSIGNED
                return

    cdef void apply_rdp(self, ServerUser u) noexcept:
        """persist rdp-cookie: "ADDRESS.PORT.0000", both numbers in network order read as the machine's own."""
        cdef const char *value = NULL
        cdef uint32_t n = 0, ip, port
        cdef Server s
        if u.payload == NULL or rdp_cookie(u.payload, u.payload_len, <const char *>self.rdp, <uint32_t>len(self.rdp),
                                           &value, &n) <= 0:
            return
        parts = value[:n].split(b".")
        if len(parts) < 3 or not (parts[0].isdigit() and parts[1].isdigit()) or len(parts[0]) > 10 or len(parts[1]) > 10:
            return
        ip = <uint32_t>(<int64_t>int(parts[0]) & 0xFFFFFFFF)
        port = <uint32_t>(int(parts[1]) & 0xFFFF)
        port = (port & 0xFF) << 8 | port >> 8
        for s in self.servers:
            if s.is_at(AF_INET, <const char *>&ip, 4, port) and (self.anyway or self.alive(s)):
                u.wanted = s
                u.persist |= PERSIST_DIRECT
                return

    cdef void moved(self, ServerUser u) noexcept:
        if u.cookie_state == c'V':
            u.cookie_state = c'D'

    # ------------------------------------------------------------------ the request's cookies

    cdef void request_cookies(self, ServerUser u) noexcept:
        cdef Head h = u.req
        cdef int i = h.find_id(H_COOKIE, 0)
        while i >= 0:
            self.request_field(u, i)
            i = h.find_id(H_COOKIE, i + 1)
        if not self.cookie.modes & CK_LOGGED:
            u.cookie_state = TERM_NONE

    cdef void request_field(self, ServerUser u, int index) noexcept:
        """One cookie field: look for our cookie, and take out what the server shall not see."""
        cdef Head h = u.req
        cdef CookiePlan plan = self.cookie
        cdef Pair c
        cdef Edit e
        cdef uint32_t split
        memset(&c, 0, sizeof(c))
        memset(&e, 0, sizeof(e))
        c.first = True
        e.field = h.fields[index].value
        e.length = h.fields[index].value_len
        e.out = h.alloc(e.length + 2)
        if e.out == NULL:
            return
        while next_pair(e.field, e.length, &c, True):
            if c.name < e.length and e.field[c.name] == c'$':
                if not e.leaving:
                    put_raw(&e, &c)
            elif c.equal == c.next or not is_named(e.field, &c, <const char *>plan.name, <uint32_t>len(plan.name)):
                keep_pair(&e, &c)
            else:
                split = self.read_value(u, e.field + c.value, c.value_end - c.value)
                if plan.modes & CK_PREFIX and split < c.value_end - c.value:
                    put_without(&e, &c, c.value + split + 1)
                elif plan.modes & (CK_INSERT | CK_INDIRECT) == (CK_INSERT | CK_INDIRECT):
                    leave_out(&e)
                else:
                    put_pair(&e, &c)
        if not e.changed:
            return
        h.touch()
        if end_field(&e):
            h.set_value(index, e.out, e.used)
        else:
            h.fields[index].flags |= F_DROP

    cdef uint32_t read_value(self, ServerUser u, const char *p, uint32_t n) noexcept:
        """A value of our cookie: find the server. Returns: how many bytes of it name the server."""
        cdef const char *bar
        cdef uint32_t split = n
        cdef uint8_t late = 0
        cdef int64_t date
        bar = <const char *>memchr(p, c'~' if self.cookie.modes & CK_PREFIX else c'|', n) if n else NULL
        if bar != NULL:
            split = <uint32_t>(bar - p)
        if bar != NULL and not self.cookie.modes & CK_PREFIX:
            bar += 1
            if p + n - bar >= 5:
                date = from_date64(bar)
                if date > 0:
                    u.cookie_last = <int32_t>date
            bar = <const char *>memchr(bar, c'|', p + n - bar) if bar < p + n else NULL
            if bar != NULL and p + n - bar > 5:
                date = from_date64(bar + 1)
                if date > 0:
                    u.cookie_first = <int32_t>date
        late = self.outdated(u)
        if late:
            u.cookie_state = late
            u.cookie_first = u.cookie_last = 0
            split = 0
        self.find_server(u, p[:split])
        return split

    cdef uint8_t outdated(self, ServerUser u) noexcept:
        """E, O: its dates forbid to follow the cookie (manual 4.2, maxidle, maxlife); 0: they do not. The clock of the
        dates steps by four seconds; one more than a day ahead is not believed."""
        cdef int64_t now = u.worker.reactor.wall_us // 1000000
        cdef int32_t age = <int32_t>(now - u.cookie_first)
        if u.cookie_first and self.cookie.maxlife and (age > <int32_t>self.cookie.maxlife or -age > DAY):
            return c'O'
        age = <int32_t>(now - u.cookie_last)
        if u.cookie_last and self.cookie.maxidle and (age > <int32_t>self.cookie.maxidle or -age > DAY):
            return c'E'
        return 0

    cdef void find_server(self, ServerUser u, bytes value) noexcept:
        """The first server with this cookie that may be used. A state that an earlier cookie gave is only bettered."""
        cdef Server s
        cdef object found = None
        if value and u.wanted is None and not u.persist & PERSIST_IGNORED:
            found = self.servers_of(value)
        for s in found or ():
            if self.reachable(u, s):
                u.cookie_state = c'V' if self.alive(s) else c'D'
                u.persist |= PERSIST_DIRECT
                u.wanted = s
                return
            u.cookie_state = c'D'
        if u.cookie_state == N:
            u.cookie_state = c'U' if u.persist & PERSIST_IGNORED or u.wanted is not None else c'I'

    # ------------------------------------------------------------------ the response's cookies

    cdef void reply(self, ServerUser u) noexcept:
        cdef int64_t now = u.worker.reactor.wall_us // 1000000
        if self.cookie is None or not u.http:
            return
        self.response_cookies(u, 0)
        self.response_cookies(u, 1)
        if self.wants_cookie(u, now):
            self.insert_cookie(u, now)
        if not self.cookie.modes & CK_LOGGED:
            u.set_cookie_state = TERM_NONE

    cdef void response_cookies(self, ServerUser u, int id) noexcept:
        """Every Set-Cookie (id 0) or Set-Cookie2 (1)."""
        cdef Head h = u.res
        cdef int i = h.find_id(H_SET_COOKIE, 0) if id == 0 else h.find("set-cookie2", 11, 0)
        while i >= 0:
            self.response_field(u, i, id == 1)
            i = h.find_id(H_SET_COOKIE, i + 1) if id == 0 else h.find("set-cookie2", 11, i + 1)

    cdef void response_field(self, ServerUser u, int index, bint folded) noexcept:
        """The server sets our cookie: rewrite it, put the server's name in front, or leave it out (manual 4.2, cookie)."""
        cdef Head h = u.res
        cdef CookiePlan plan = self.cookie
        cdef bytes own = u.target.cookie
        cdef Pair c
        cdef Edit e
        memset(&c, 0, sizeof(c))
        memset(&e, 0, sizeof(e))
        c.first = True
        e.field = h.fields[index].value
        e.length = h.fields[index].value_len
        e.out = h.alloc(e.length + 2 + (<uint32_t>len(own) + 1 if own is not None else 0))
        if e.out == NULL:
            return
        while next_pair(e.field, e.length, &c, folded):
            take_attributes(e.field, e.length, &c, folded)
            if (c.equal == c.value_end or u.persist & PERSIST_IGNORED
                    or not is_named(e.field, &c, <const char *>plan.name, <uint32_t>len(plan.name))):
                keep_pair(&e, &c)
                continue
            u.persist |= PERSIST_FOUND
            u.set_cookie_state = c'P'
            if plan.modes & CK_PRESERVE:
                put_pair(&e, &c)
            elif plan.modes & CK_INSERT or (plan.modes & CK_INDIRECT and u.persist & PERSIST_DIRECT):
                u.set_cookie_state = c'D'
                leave_out(&e)
            elif own is not None and plan.modes & (CK_REWRITE | CK_PREFIX):
                u.set_cookie_state = c'R'
                put_value(&e, &c, <const char *>own, <uint32_t>len(own), plan.modes & CK_PREFIX)
            else:
                put_pair(&e, &c)
        if not e.changed:
            return
        h.touch()
        if end_field(&e):
            h.set_value(index, e.out, e.used)
        else:
            h.fields[index].flags |= F_DROP

    cdef bint wants_cookie(self, ServerUser u, int64_t now) noexcept:
        """Whether the client must be told: a server it has not named, or a date in its cookie that is not what it should be."""
        cdef CookiePlan plan = self.cookie
        if not plan.modes & CK_INSERT or u.persist & PERSIST_IGNORED:
            return False
        if plan.modes & CK_PRESERVE and u.persist & PERSIST_FOUND:
            return False
        if plan.modes & CK_POSTONLY and u.req.method != M_POST:
            return False
        if not u.persist & PERSIST_DIRECT:
            return True
        if plan.maxidle or u.cookie_last:
            if not u.cookie_last or u.cookie_last - now < 0:
                return True
        return (plan.maxlife != 0) != (u.cookie_first != 0)

    cdef void insert_cookie(self, ServerUser u, int64_t now) noexcept:
        """A server without a cookie (a backup, mostly) makes the client forget the one it has."""
        cdef CookiePlan plan = self.cookie
        cdef Head h = u.res
        cdef bytes own
        cdef char dates[VALUE_ROOM]
        cdef int n = 0
        if self.stale(u.target):
            self.look_again()
        own = u.target.cookie
        if own is None:
            text = plan.name + b"=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/" + plan.attributes
        else:
            if plan.maxidle or plan.maxlife:
                dates[0] = c'|'
                to_date64(now, dates + 1)
                n = 6
                if plan.maxlife:
                    dates[6] = c'|'
                    to_date64(u.cookie_first if u.cookie_first else now, dates + 7)
                    n = 12
            text = plan.name + b"=" + own + dates[:n] + b"; path=/" + plan.attributes
        h.add("set-cookie", 10, <const char *>(<bytes>text), <uint32_t>len(text))
        u.set_cookie_state = c'U' if own is not None and u.persist & PERSIST_DIRECT else c'I'
        if plan.modes & CK_NOCACHE and cacheable(u):
            h.add("cache-control", 13, "private", 7)
