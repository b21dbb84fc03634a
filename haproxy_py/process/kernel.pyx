"""prctl(2) for a process that must be recognised and must not be orphaned, and signals as a descriptor (Linux)."""

from libc.stdint cimport uint32_t

cdef extern from "<sys/prctl.h>" nogil:
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
    int PR_SET_NAME, PR_SET_PDEATHSIG, PR_SET_KEEPCAPS

cdef extern from *:
    """
    #include <sys/syscall.h>
    #include <unistd.h>
    #include <linux/capability.h>
    static int set_caps(unsigned int mask)
    {
        struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2] = { { mask, mask, 0 }, { 0, 0, 0 } };
        return (int)syscall(SYS_capset, &head, data);
    }
    """
    int set_caps(unsigned int mask) nogil

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


def keep_capabilities(bint on) -> None:
    """Whether giving up user 0 leaves the permitted capabilities (prctl(2), PR_SET_KEEPCAPS)."""
    prctl(PR_SET_KEEPCAPS, <unsigned long>on, 0, 0, 0)


def set_capabilities(uint32_t mask) -> None:
    """Have exactly the capabilities of the bits of `mask`, effective at once (capabilities(7)). Raises: OSError."""
    if set_caps(mask) < 0:
        raise OSError(errno, "capset")


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
