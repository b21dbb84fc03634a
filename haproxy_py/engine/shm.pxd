"""What HAProxy's threads share, workers share here: one anonymous shared mapping made before the fork.

Gauges that decide something (current connections, states, queue lengths) are single shared words changed with atomics;
each worker also has a slot of its own with its part of them and its counters, so that a dead worker's part can be given
back exactly. Totals are the sum of the slots plus the `retired` slot (slot 0). Counter names are the statistics CSV's.
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t, int64_t
from haproxy_py.engine.counters cimport Counters
from haproxy_py.engine.waiting cimport Waiter

cdef enum:
    MAX_WORKERS = 64
    SPINS_BEFORE_YIELD = 200

cdef enum ServerState:            # operational, as `srv_op_state` of the servers state file
    SRV_STOPPED = 0
    SRV_STARTING = 1              # slowstart
    SRV_RUNNING = 2
    SRV_STOPPING = 3              # up but refuses new sessions (http 404 with disable-on-404)

cdef enum ServerAdmin:            # bits of `srv_admin_state`
    ADM_FMAINT = 1                # maintenance set by the runtime socket or `disabled`
    ADM_IMAINT = 2                # inherited from a tracked server
    ADM_CMAINT = 4                # `disabled` in the configuration: only a memory of it, it decides nothing
    ADM_FDRAIN = 8
    ADM_IDRAIN = 16
    ADM_RMAINT = 32               # no address yet
    ADM_HMAINT = 64               # its name was set by the runtime socket; decides nothing
    ADM_MAINT = 35                # any of them: no traffic at all, no checks
    ADM_DRAIN = 24
    ADM_OUT = 59

cdef struct RateShared:           # events in a sliding second, see frontends.rates
    uint32_t lock
    uint32_t sec                  # wall second
    uint32_t now                  # events in it
    uint32_t last                 # ... in the one before

cdef enum:                        # rates of the whole process: what is limited
    RATE_CONNECTIONS = 0
    RATE_SESSIONS = 1
    RATE_TLS = 2                  # sessions of TLS listeners
    RATES = 3

cdef struct ProxyShared:
    uint32_t scur
    uint32_t smax
    uint32_t qcur
    uint32_t qmax
    uint32_t rate_max             # of the complete seconds of all workers; slot.peaks() adds the current one
    uint32_t req_rate_max
    uint32_t conn_rate_max
    uint32_t served               # streams on its servers
    uint32_t state                # 0 running, 1 stopped, 2 paused
    uint32_t usable               # servers that may get traffic now (nbsrv)
    uint32_t usable_backup
    uint32_t tot_weight
    uint32_t lock                 # spin lock of the balancer below
    uint32_t generation           # +1 at every change of a server's state or weight
    uint32_t changed              # wall seconds of the last up/down change
    uint32_t downtime
    uint32_t chkdown
    uint32_t first_backup         # 1 + place of the first usable backup, 0: none
    uint32_t pending              # streams in its queue and in those of its servers
    uint32_t freed                # +1 whenever a server with a maxconn has a slot back
    uint32_t fullconn
    RateShared sessions           # rate-limit sessions
    uint32_t queue_lock           # of all these queues: qcur, pending, the heaps
    uint32_t queue_busy           # the lock is held; found set by who has just taken it: its owner died over it
    uint32_t queue_top            # heap of Waiters, those of the backend's queue; 0: empty
    uint32_t queue_served         # streams served out of it so far
    uint64_t queue_ticket         # arrivals in all its queues so far
    int64_t queue_ms              # latest arrival: clocks of workers differ by a turn, the order of arrival must not

cdef struct ServerShared:
    uint32_t scur                 # streams
    uint32_t smax
    uint32_t qcur
    uint32_t qmax
    uint32_t rate_max
    uint32_t used_conns           # connections in use
    uint32_t idle_conns
    uint8_t state                 # ServerState
    uint8_t admin                 # ServerAdmin bits
    uint8_t check_state           # see backends.checks
    uint8_t backup
    uint16_t uweight              # user weight 0..256
    uint16_t iweight
    uint32_t eweight              # effective (after slowstart), scaled by 16 as HAProxy does
    uint32_t maxconn              # 0: none
    uint32_t minconn
    uint32_t maxqueue             # 0: none
    uint32_t health               # rise/fall counter
    uint32_t last_change          # seconds of engine.clock
    uint32_t downtime
    uint32_t chkfail
    uint32_t chkdown
    uint32_t check_status
    uint32_t check_code
    int64_t check_duration        # ms, -1: none yet
    char last_chk[128]            # text, NUL terminated
    uint8_t addr[20]              # engine.addr.Addr
    uint32_t generation           # +1 when addr changes
    int32_t port_offset           # of a port map
    uint8_t port_map              # the client's port plus port_offset is used, not the port of addr
    uint32_t slowstart            # seconds, 0: none
    uint32_t warm_since           # seconds of engine.clock: since then it is SRV_STARTING
    uint8_t ramps                 # its weight grows during slowstart (the algorithm can do that)
    uint8_t throttle              # SRV_STARTING: 1 + percent of maxconn that it may have now; else 0
    uint8_t check_result          # srv_check_result of a servers state file
    uint8_t agent_state           # as check_state, for the agent
    uint32_t agent_health
    uint32_t agent_status         # as check_status, check_code, check_duration, last_chk: of the agent
    uint32_t agent_code
    int64_t agent_duration        # ms, -1: none yet
    char last_agt[128]
    uint32_t ended                # +1 when every stream on it must end: each worker ends its own
    uint32_t end_cause            # ... with this letter in their termination state
    uint32_t errors               # in a row, seen in traffic (`observe`)
    uint32_t hanafail             # how often they reached error-limit
    uint32_t hurry                # +1: check it within fastinter
    uint32_t proxy                # 1 + number of its proxy slot
    uint32_t queue_top            # heap of Waiters: its own queue; 0: empty
    uint32_t queue_served         # streams served out of it so far
    char fqdn[256]                # the name that its address comes from now; NUL terminated, "" none
    char targets[512]             # where its checks go as the runtime socket says, see checks.published.targets
    uint32_t target_moves         # +1 when they change
    int32_t use_ssl               # srv_use_ssl of a servers state file
    uint32_t tls_on               # new connections speak TLS, if it has TLS settings, see backends.use_ssl

cdef struct GlobalShared:
    uint32_t conns                # current connections of the process group
    uint32_t maxconn
    uint32_t stopping
    uint32_t checker              # 1 + slot of the worker that runs the checks
    uint64_t cum_conns
    uint64_t cum_req
    uint32_t waiters              # workers that paused a listener or hold a queue: write to the eventfd on release
    uint32_t alive[MAX_WORKERS + 1]   # pid of the worker in each slot (index: slot, from 1); 0: none
    uint32_t req_id               # unique counter (%rt)
    uint32_t conn_id
    uint32_t fold_seq             # odd while retire() folds: readers of totals try again
    uint32_t maxconn_reached      # times a listener had to wait because of maxconn
    uint32_t servers_used         # rooms for servers given out, see Segment.claim_room
    uint32_t cleared              # +1 at every `clear counters all`: what a worker counted before is not folded
    uint32_t life                 # +1 at every change in a server's life: see backends.follow
    uint32_t resolving            # 1: some worker has begun to look up names
    uint32_t rate_limited         # whether any of rate_limits is set
    uint32_t rate_limits[RATES]   # per second, 0: none
    uint32_t faults               # messages that could not be understood, see stream.faulty
    uint64_t dropped_logs         # messages that could not be sent, of all processes
    uint64_t compression_rate     # bytes per second, 0: no limit
    RateShared rates[RATES]

cdef struct WorkerShared:         # one line per worker: its part of the process-wide gauges
    uint64_t conns                # of GlobalShared.conns
    uint64_t waiting              # of GlobalShared.waiters
    uint64_t heartbeat            # reactor turns or anything that moves; for watchers
    uint32_t letters              # Waiters that other workers granted something, last first; 0: none
    uint32_t waiters_used         # Waiters of this worker that were ever in use
    uint64_t cleared              # value of GlobalShared.cleared when it last set its totals to 0
    uint64_t spare[3]

@cython.final
cdef class Segment:
    """The mapping. Slots are handed out before the fork; rooms for servers added at run time are kept free."""
    cdef char *base
    cdef size_t size
    cdef size_t used
    cdef GlobalShared *shared
    cdef WorkerShared *worker_parts        # array of workers + 1
    cdef WorkerShared *mine                # this worker's
    cdef readonly int workers
    cdef readonly int slot                 # of this process, 1..workers; set after the fork, 0 before
    cdef readonly int wake_fd              # eventfd, one for all
    cdef readonly int server_rooms
    cdef uint32_t *room_taken              # one flag per server room
    cdef char *rooms
    cdef readonly ProxySlot process                     # connections and sessions of all frontends together
    cdef readonly ProxySlot tls                         # sessions: keys made in frontends, requests: handshakes there, connections: keys with servers
    cdef list proxies
    cdef list servers
    cdef list by_room                      # ServerSlot of this process by room, None
    cdef Waiter *waiters                   # from 1; those of worker n follow waiters_each * n
    cdef readonly uint32_t waiters_each
    cdef int letter_fds[MAX_WORKERS + 1]   # eventfd of each worker, -1: none
    cdef void *reserve(self, size_t n) except NULL      # zeroed, 64-byte aligned, before the fork only
    cpdef void attach(self, int slot) noexcept
    cdef void conns_up(self) noexcept                   # GlobalShared.conns and this worker's part of it
    cdef void conns_down(self) noexcept
    cdef void wake_others(self) noexcept                # write to wake_fd
    cdef size_t proxy_bytes(self) noexcept
    cdef size_t server_bytes(self) noexcept
    cdef void clear_slot(self, int slot) noexcept
    cdef void total(self, Counters *array, Counters *out) noexcept
    cdef ServerShared *server_at(self, uint32_t room) noexcept

@cython.final
cdef class ProxySlot:
    """A proxy's part of the segment. frontends.Frontend and backends.Backend hold one each (a listen holds two)."""
    cdef Segment segment
    cdef ProxyShared *shared
    cdef Counters *counters                # array of workers + 1
    cdef Counters *mine                    # this worker's
    cdef readonly str name
    cdef readonly bytes bname
    cdef readonly uint32_t number          # among the proxy slots
    cdef readonly list servers             # ServerSlot, in configuration order
    cdef public object owner               # backends.backend.Backend, or None for a frontend
    cdef public tuple slots_req            # bytes that each capture slot of a frontend holds; None: it has none
    cdef public tuple slots_res
    cdef void retire(self, int slot, uint32_t pid) noexcept

@cython.final
cdef class ServerSlot:
    cdef Segment segment
    cdef readonly int room                 # index of its room in the segment
    cdef ServerShared *shared
    cdef Counters *counters
    cdef Counters *mine
    cdef ProxySlot proxy
    cdef readonly str name
    cdef readonly bytes bname
    cdef readonly int puid                 # id
    cdef public uint32_t place             # its number in the balancer of its proxy
    cdef public object owner               # backends.server.Server
    cdef void retire(self, int slot) noexcept

cdef inline bint server_usable(ServerShared *s) noexcept nogil:
    """May get new traffic: up, not in maintenance or drain, weight not 0."""
    return s.state != SRV_STOPPED and s.state != SRV_STOPPING and not s.admin & ADM_OUT and s.eweight > 0

cdef inline uint32_t server_limit(ServerShared *s, uint32_t load, uint32_t fullconn) noexcept nogil:
    """How many streams it takes while its backend has `load` of `fullconn` (manual 5.2, minconn); 0: any number."""
    cdef uint64_t limit = s.maxconn
    if limit == 0:
        return 0
    if s.minconn and s.minconn < limit and load < fullconn:
        limit = limit * load / fullconn
        if limit < s.minconn:
            limit = s.minconn
    if s.throttle:                         # slowstart: its share, and never nothing
        limit = limit * (s.throttle - 1) / 100
        return <uint32_t>limit if limit else 1
    return <uint32_t>limit

cdef void spin_lock(uint32_t *lock) noexcept nogil
cdef void spin_unlock(uint32_t *lock) noexcept nogil
cdef void gauge_up(uint32_t *shared, uint32_t *peak, uint64_t *mine) noexcept nogil
cdef void gauge_down(uint32_t *shared, uint64_t *mine) noexcept nogil
