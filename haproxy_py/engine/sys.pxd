"""System calls and C library functions of the data plane, declared once (Linux)."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

cdef extern from "Python.h":
    pass

cdef extern from "<sys/types.h>" nogil:
    ctypedef long ssize_t
    ctypedef long long loff_t

cdef extern from "<errno.h>" nogil:
    int errno
    int EAGAIN, EINTR, EINPROGRESS, ECONNREFUSED, ECONNRESET, EPIPE, ENOTCONN, EISCONN
    int EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE, ECONNABORTED, EINVAL, ETIMEDOUT, EALREADY, EBADF

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        void *ptr
        int fd
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLET, EPOLLEXCLUSIVE

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    cdef struct itimerspec:
        timespec it_interval
        timespec it_value
    int clock_gettime(int clock, timespec *ts)
    int CLOCK_MONOTONIC, CLOCK_REALTIME

cdef extern from "<sys/timerfd.h>" nogil:
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, itimerspec *new, itimerspec *old)
    int TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int initval, int flags)
    int EFD_NONBLOCK, EFD_CLOEXEC

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len
    ssize_t writev(int fd, iovec *iov, int count)

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        unsigned short sa_family
    cdef struct sockaddr_storage:
        unsigned short ss_family
    cdef struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    int socket(int domain, int type, int protocol)
    int accept4(int fd, sockaddr *addr, socklen_t *len, int flags)
    int connect(int fd, sockaddr *addr, socklen_t len)
    int bind(int fd, sockaddr *addr, socklen_t len)
    int getsockname(int fd, sockaddr *addr, socklen_t *len)
    int getpeername(int fd, sockaddr *addr, socklen_t *len)
    int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
    int setsockopt(int fd, int level, int name, void *value, socklen_t len)
    int shutdown(int fd, int how)
    ssize_t recv(int fd, void *buf, size_t len, int flags)
    ssize_t send(int fd, void *buf, size_t len, int flags)
    ssize_t sendmsg(int fd, msghdr *msg, int flags)
    int AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC
    int SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC
    int SOL_SOCKET, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF
    int SHUT_RD, SHUT_WR, SHUT_RDWR
    int MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE, MSG_PEEK, MSG_TRUNC

cdef extern from "<netinet/in.h>" nogil:
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct in6_addr:
        uint8_t s6_addr[16]
    cdef struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    cdef struct sockaddr_in6:
        unsigned short sin6_family
        uint16_t sin6_port
        uint32_t sin6_flowinfo
        in6_addr sin6_addr
        uint32_t sin6_scope_id
    int IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6
    uint16_t htons(uint16_t v)
    uint16_t ntohs(uint16_t v)
    uint32_t htonl(uint32_t v)
    uint32_t ntohl(uint32_t v)

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY, TCP_QUICKACK, TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_DEFER_ACCEPT
    int TCP_FASTOPEN, TCP_USER_TIMEOUT, TCP_MAXSEG

cdef extern from "<sys/un.h>" nogil:
    cdef struct sockaddr_un:
        unsigned short sun_family
        char sun_path[108]

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int af, void *src, char *dst, socklen_t size)
    int inet_pton(int af, const char *src, void *dst)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    int pipe2(int *fds, int flags)
    ssize_t read(int fd, void *buf, size_t count)
    ssize_t write(int fd, void *buf, size_t count)
    int getpid()
    long sysconf(int name)

cdef extern from "<fcntl.h>" nogil:
    ssize_t splice(int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t len, unsigned int flags)
    int fcntl(int fd, int cmd, ...)
    unsigned int SPLICE_F_MOVE, SPLICE_F_NONBLOCK, SPLICE_F_MORE
    int F_SETPIPE_SZ, F_GETPIPE_SZ, O_NONBLOCK, O_CLOEXEC

cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t n, const void *needle, size_t m)
    void *memrchr(const void *s, int c, size_t n)

cdef extern from *:
    """
    #include <stdint.h>
    #define ha_load(p)        __atomic_load_n((p), __ATOMIC_RELAXED)
    #define ha_store(p, v)    __atomic_store_n((p), (v), __ATOMIC_RELAXED)
    #define ha_add(p, v)      __atomic_add_fetch((p), (v), __ATOMIC_RELAXED)
    #define ha_post(p, v)     __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
    #define ha_cas32(p, o, n) __sync_bool_compare_and_swap((p), (o), (n))
    #define ha_likely(x)      __builtin_expect(!!(x), 1)
    #define ha_unlikely(x)    __builtin_expect(!!(x), 0)
    #if defined(__x86_64__) || defined(__i386__)
    static inline void ha_pause(void) { __builtin_ia32_pause(); }
    #else
    static inline void ha_pause(void) { __asm__ __volatile__("" ::: "memory"); }
    #endif
    """
    uint32_t ha_load32 "ha_load"(uint32_t *p) nogil
    uint64_t ha_load64 "ha_load"(uint64_t *p) nogil
    void ha_store32 "ha_store"(uint32_t *p, uint32_t v) nogil
    void ha_store64 "ha_store"(uint64_t *p, uint64_t v) nogil
    uint32_t ha_add32 "ha_add"(uint32_t *p, int v) nogil
    uint32_t ha_post32 "ha_post"(uint32_t *p, int v) nogil    # an add that nothing passes
    uint64_t ha_add64 "ha_add"(uint64_t *p, int64_t v) nogil
    bint ha_cas32(uint32_t *p, uint32_t o, uint32_t n) nogil
    bint likely "ha_likely"(bint x) nogil
    bint unlikely "ha_unlikely"(bint x) nogil
    void ha_pause() nogil
