"""What a stream must know of its proxies, ready for use: numbers, flags and compiled rules. Built by frontends.build and
backends.build; nothing here changes while traffic runs, but for the runtime socket's timeouts and limits.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.shm cimport ProxySlot
from haproxy_py.engine.worker cimport Worker
from haproxy_py.observe.sender cimport LogSender
from haproxy_py.rules.logformat cimport UniqueId
from haproxy_py.rules.rule cimport Action, LogFormat, RuleSet, UseBackend

cdef enum ConnMode:          # how a connection goes on after a request; the stronger of frontend and backend wins
    MODE_KEEPALIVE = 0
    MODE_SERVER_CLOSE = 1
    MODE_CLOSE = 2

cdef class AddrField:
    """option forwardfor / originalto: which field, which addresses not, and whether only when absent."""
    cdef public bytes name
    cdef public bint if_none
    cdef public list networks            # (20 bytes of an Addr, bits) for which nothing is added
    cdef bint excepts(self, Addr *a) noexcept

cdef class HttpConf:
    cdef public int mode                 # ConnMode
    cdef public AddrField forwardfor     # None
    cdef public AddrField originalto
    cdef public bint no_delay
    cdef public bint buffer_request
    cdef public bint pretend_keepalive
    cdef public bint ignore_probes
    cdef public bint lenient             # option accept-unsafe-violations-in-http-request
    cdef public bint lenient_reply       # the same of replies
    cdef public bint use_proxy_header
    cdef public dict errors              # status -> Reply (errorfile and the like); built-in pages otherwise
    cdef public bytes monitor_uri
    cdef public bytes send_name          # http-send-name-header, in lower case; None: not told
    cdef Reply page(self, int status)

cdef class LogPlan:
    """What a frontend logs, how, to whom."""
    cdef public LogSender sender
    cdef public LogFormat format
    cdef public LogFormat error_format   # of what never became a stream; None: format, or words
    cdef public bint dontlognull
    cdef public bint dontlog_normal
    cdef public bint separate_errors
    cdef public bint asap
    cdef public uint32_t uri_room        # tune.http.logurilen: a request line is cut one byte before it
    cdef public bint at_accept           # no format asked for: one line when the connection is taken
    cdef public LogFormat sd             # log-format-sd: structured data of RFC 5424 receivers
    cdef void about_connection(self, Txn t, const char *text) noexcept

cdef class FrontConf:
    cdef public ProxySlot slot
    cdef public bint http
    cdef public object mux                           # stream.session.Mux
    cdef public Worker worker
    cdef public uint64_t timeout_client              # ms, 0: none
    cdef public uint64_t timeout_http_request
    cdef public uint64_t timeout_http_keepalive
    cdef public uint64_t timeout_client_fin
    cdef public uint64_t timeout_client_hs
    cdef public uint64_t timeout_tarpit
    cdef public uint64_t inspect_delay
    cdef public uint32_t maxconn                     # 0xFFFFFFFF: none of its own; 0: nobody comes in
    cdef public uint32_t rate_limit                  # sessions per second, 0: none
    cdef public RuleSet tcp_connection
    cdef public RuleSet tcp_session
    cdef public RuleSet tcp_content
    cdef public RuleSet http_request
    cdef public RuleSet redirects
    cdef public RuleSet http_response
    cdef public RuleSet response_captures     # capture response header: before any http-response rule; None
    cdef public RuleSet http_after
    cdef public object monitor_fail                  # Cond or None
    cdef public ProxySlot twin                       # the back half of a listen; None
    cdef public object service                       # stream.service.Service whose URIs are answered here (stats), None
    cdef public UseBackend use_backend
    cdef public dict backends                        # name -> Backend, for names made at run time
    cdef public object default_backend               # Backend or None
    cdef public HttpConf httpconf
    cdef public LogPlan log                          # None: no logging
    cdef public UniqueId unique_id                   # None: no unique-id-format
    cdef public Action capture_request               # capture cookie: run when cookies are looked at; None
    cdef public Action capture_response
    cdef public bint cookie_logged                   # a listen with a persistence cookie: the log has a word about it
    cdef public bint tcpka
    cdef public int ka_cnt
    cdef public int ka_idle
    cdef public int ka_intvl
    cdef public bint nolinger
    cdef public bint idle_close_on_response
    cdef public list sessions_waiting                # listeners paused because this frontend is full
