"""The two prctl(2) calls of a process that must be recognised and must not be orphaned (Linux)."""

cdef extern from "<sys/prctl.h>" nogil:
    int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
    int PR_SET_NAME, PR_SET_PDEATHSIG


def set_name(bytes name not None) -> None:
    """Set the name (comm) of this process that ps, killall and keepalived look at: 15 bytes at most."""
    cdef char *text = name
    prctl(PR_SET_NAME, <unsigned long>text, 0, 0, 0)


def set_parent_death_signal(int signum) -> None:
    """Be sent `signum` when the parent ends. Any later change of user or group clears it: call this last."""
    prctl(PR_SET_PDEATHSIG, <unsigned long>signum, 0, 0, 0)

