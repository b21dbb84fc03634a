"""Log messages on their way: LogSender composes one for each receiver, LogOutput gathers and sends them."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.reactor cimport Reactor, TurnHook
from haproxy_py.engine.shm cimport Segment
from haproxy_py.engine.sys cimport iovec, msghdr, sockaddr_storage, socklen_t

cdef extern from "<sys/socket.h>" nogil:
    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

cdef enum:
    LOG_EMERG = 0
    LOG_ALERT = 1
    LOG_CRIT = 2
    LOG_ERR = 3
    LOG_WARNING = 4
    LOG_NOTICE = 5
    LOG_INFO = 6
    LOG_DEBUG = 7
    PENDING = 64               # messages gathered at most
    ARENA = 262144             # and bytes

cdef enum LogFormatName:       # order of observe.targets.FORMATS
    LF_LOCAL = 0
    LF_RFC3164
    LF_RFC5424
    LF_PRIORITY
    LF_SHORT
    LF_TIMED
    LF_ISO
    LF_RAW

cdef struct Receiver:
    sockaddr_storage addr
    socklen_t addr_len         # 0: a descriptor
    int fd                     # of a descriptor
    uint8_t family             # slot of LogOutput.sockets
    uint8_t format
    uint8_t facility
    uint8_t level
    uint8_t least
    uint32_t number            # from 1, for the alarm
    uint32_t length
    uint32_t sample            # 0: every message
    uint64_t *seen             # messages so far, of all workers
    uint32_t ranges
    uint32_t *range            # low, high pairs from 1
    uint64_t dropped
    void *ring                 # observe.ring.Ring, borrowed from LogSender.rings; NULL: none

cdef class LogOutput(TurnHook):
    cdef int sockets[3]        # inet, inet6, unix; -1: not open
    cdef char *arena
    cdef uint32_t used
    cdef uint32_t count
    cdef uint32_t start[PENDING]
    cdef uint32_t size[PENDING]
    cdef Receiver *receiver[PENDING]
    cdef mmsghdr messages[PENDING]
    cdef iovec vectors[PENDING]
    cdef Reactor reactor
    cdef Segment segment       # where losses of all processes are counted; None
    cdef int64_t second        # of the texts below
    cdef char date[16]         # "Nov 22 16:38:44 "
    cdef char iso[32]          # "2026-11-22T16:38:44"
    cdef char zone[8]          # "+00:00"
    cdef readonly int pid
    cdef readonly uint64_t sent
    cdef readonly uint64_t dropped
    cdef public object alarm   # None, or called once with a text when a receiver fails for good
    cdef int64_t clock(self) noexcept                          # wall microseconds; keeps the texts fresh
    cdef char *room(self, Receiver *r, uint32_t n) noexcept    # arena for a message of at most n bytes, NULL: dropped
    cdef void commit(self, uint32_t n) noexcept
    cdef void drop(self, Receiver *r, int err) noexcept
    cdef int socket_of(self, Receiver *r) noexcept
    cdef uint32_t send_group(self, uint32_t first) noexcept
    cdef uint32_t write_group(self, uint32_t first) noexcept
    cdef void flush(self) noexcept
    cdef bint deferred(self) noexcept                          # inside of a turn: its end will flush

cdef class LogSender(TurnHook):
    cdef readonly LogOutput output
    cdef readonly list targets                 # observe.targets.LogTarget
    cdef Receiver *receivers
    cdef list rings                            # what receivers point to
    cdef list shared                           # memory of sampled receivers' counts, one for all workers
    cdef uint32_t count
    cdef bytes tag
    cdef object hostname                       # bytes, None: not sent
    cdef int pid                               # of the texts below
    cdef bytes local_mid                       # "tag[pid]: "
    cdef bytes rfc3164_mid                     # "host tag[pid]: "
    cdef bytes rfc5424_mid                     # "host tag pid - "
    cdef void send(self, int level, const char *line, uint32_t n) noexcept
    cdef void send_sd(self, int level, const char *sd, uint32_t sd_len, const char *line, uint32_t n) noexcept
    cdef void into_ring(self, Receiver *r, int level, const char *sd, uint32_t sd_len, const char *line, uint32_t n) noexcept
    cdef bint wants(self, Receiver *r, int level) noexcept
    cdef uint32_t header(self, Receiver *r, int level, const char *sd, uint32_t sd_len, char *out, uint32_t room) noexcept
    cdef uint32_t header_size(self, Receiver *r, uint32_t sd_len) noexcept
