"""prctl(2) for a process that must be recognised and must not be orphaned, and signals as a descriptor (Linux)."""

from libc.stdint cimport uint32_t

cdef extern from "<sys/prctl.h>" nogil:
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
    int PR_SET_NAME, PR_SET_PDEATHSIG

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int sigemptyset(sigset_t *signals)
    int sigaddset(sigset_t *signals, int signum)

cdef extern from "<sys/signalfd.h>" nogil:
    ctypedef struct signalfd_siginfo "struct signalfd_siginfo":
        uint32_t ssi_signo
    int signalfd(int fd, const sigset_t *signals, int flags)
    int SFD_NONBLOCK, SFD_CLOEXEC

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int fd, void *into, size_t n)

cdef extern from "<errno.h>" nogil:
    int errno


def set_name(bytes name not None) -> None:
    """Set the name (comm) of this process that ps, killall and keepalived look at: 15 bytes at most."""
    cdef char *text = name
    prctl(PR_SET_NAME, <unsigned long>text, 0, 0, 0)


def set_parent_death_signal(int signum) -> None:
    """Be sent `signum` when the parent ends. Any later change of user or group clears it: call this last."""
    prctl(PR_SET_PDEATHSIG, <unsigned long>signum, 0, 0, 0)


def signal_descriptor(signals) -> int:
    """A non-blocking descriptor that is readable when one of `signals` (blocked ones) waits (signalfd(2)). Raises: OSError."""
    cdef sigset_t wanted
    cdef int fd
    sigemptyset(&wanted)
    for signum in signals:
        sigaddset(&wanted, signum)
    fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC)
    if fd < 0:
        raise OSError(errno, "signalfd")
    return fd


def take_signal(int fd) -> int:
    """The next signal of such a descriptor, 0: none waits."""
    cdef signalfd_siginfo told
    if read(fd, &told, sizeof(told)) != sizeof(told):
        return 0
    return <int>told.ssi_signo
