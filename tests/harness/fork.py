"""A part of a test in a process of its own."""

import os
from collections.abc import Callable


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; its exit status (0 done, 1 raised, -n killed by signal n)."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
