"""What rules, balancers and logs see of one request or TCP session. stream.* inherits it and does the moving.

Times are monotonic microseconds (0: not reached). Counters and names are those of HAProxy's log format (manual 8.2).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t, int64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.reactor cimport Source
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot

# What a rule set says (rules.rule.RuleSet.run)
cdef enum Verdict:
    V_CONTINUE = 0       # no final rule matched
    V_STOP               # accept / allow: the rest of this set is skipped
    V_DENY               # answer with txn.reply (None: the proxy's page for txn.reply_status); counted as denied
    V_REPLY              # return, redirect: answer with txn.reply
    V_TARPIT             # as V_DENY, after timeout tarpit
    V_REJECT             # close without an answer
    V_SILENT_DROP        # forget the connection without telling the peer
    V_WAIT               # more bytes are needed: call again with the same cursor
    V_YIELD              # suspended (a coroutine); txn.resume() comes
    V_ERROR              # internal error: 500
    V_SERVICE            # txn.service answers in a server's place

# HAProxy's termination codes (manual 8.5)
cdef enum:
    TERM_NONE = 45       # '-'
    LEVEL_SILENT = 255   # Txn.log_level: no line

cdef class Txn:
    # who
    cdef ProxySlot fe
    cdef ProxySlot be                   # None: not chosen (logs show the frontend's name)
    cdef ServerSlot srv                 # None
    cdef Conn client
    cdef Conn server                    # the latest one, even when it is closed or idle again; None: there was none
    cdef Addr src                       # of the client (or what PROXY / set-src said)
    cdef Addr dst
    cdef bytes bind_name                # of the bind line, for %ft and so on
    cdef bint http
    cdef bint ssl_front
    # messages
    cdef Head req
    cdef Head res                       # valid from res_seen on
    cdef bint req_seen
    cdef bint res_seen
    # raw bytes received so far (layer 4 and 6 rules; request body with http-buffer-request)
    cdef const char *payload
    cdef uint32_t payload_len
    cdef bint payload_final             # no more will come (end, or the buffer is full, or inspect-delay has passed)
    # verdict details
    cdef Reply reply
    cdef int reply_status
    cdef object service                 # stream.service.Service that answers in a server's place, None
    cdef bytes applet                   # its name, which logs show where a server's would stand; None
    cdef bint reply_close
    cdef bint soft_rewrites             # strict-mode off: rewrites of this rule set that fail are passed over
    cdef list reply_fields              # [(name, value)] added to the reply, page or not; None: none
    # times
    cdef int64_t accept_wall_us         # accept date (%t)
    cdef uint64_t accept_us             # accept, monotonic
    cdef uint64_t handshake_us          # handshakes done
    cdef uint64_t request_us            # first byte of the request (%tr)
    cdef int64_t request_wall_us
    cdef uint64_t head_us               # whole request head received
    cdef uint64_t queue_us              # left the queue
    cdef uint64_t connect_us            # connected
    cdef uint64_t response_us           # response head received
    cdef uint64_t done_us
    # log facts
    cdef bint asap                      # its line is written with option logasap: %B, %Ta, %Tt and %Tu begin with +
    cdef uint8_t log_level              # set-log-level: 1 + level, LEVEL_SILENT, 0 not set
    cdef uint8_t term_cause             # C S P L R I D U K c s or '-'
    cdef uint8_t term_state             # R Q C H D L T or '-'
    cdef uint8_t cookie_state           # N I D V E O U '-'
    cdef uint8_t set_cookie_state       # N I U P R D '-'
    cdef int status                     # sent to the client; -1: none
    cdef uint64_t bytes_in              # from the client (%U)
    cdef uint64_t bytes_out             # to the client (%B)
    cdef uint32_t retries
    cdef bint redispatched
    cdef uint32_t srv_queue_pos
    cdef uint32_t be_queue_pos
    cdef int32_t prio_class             # of its place in a queue, the smaller goes first; -2047..2047
    cdef int32_t prio_offset            # ms, -524287..524287
    cdef bint sent_once                 # disable-l7-retry
    cdef uint32_t actconn, feconn, beconn, srvconn     # %ac %fc %bc %sc at log time
    cdef uint32_t req_no                # number of the request on its connection, from 1
    cdef uint32_t rt                    # unique counter
    cdef bytes uri                      # captured "GET /path HTTP/1.1" for %r, made only when something logs it; b"<BADREQ>"
    cdef list captures_req              # capture slots, bytes or None; None: no slots
    cdef list captures_res
    cdef bytes req_cookie
    cdef bytes srv_cookie
    cdef bytes unique_id
    cdef object vars                    # dict or None: variables of scopes txn, req, res; sess and proc hang elsewhere
    cdef object user                    # what Python extensions keep here

    cdef bytes id_of(self)                       # unique_id, made when it is first asked for
    cdef void rewrite_failed(self) noexcept      # count a rewrite for which a buffer has no room
    cdef void resume(self) noexcept     # a suspended rule is done: go on (called in the event loop)
