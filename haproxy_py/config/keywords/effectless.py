"""Global keywords without a meaning here: knobs of HAProxy's own internals. Accepted, and listed once for the user.

They are consulted only for words that nobody registered, so that a feature which gives one a meaning just registers it.
"""

from __future__ import annotations

from haproxy_py.config import known
from haproxy_py.config.errors import Faults
from haproxy_py.config.model import Config, Global, Setting
from haproxy_py.config.registry import whole_file_check

ACCEPTED: Setting[list[str]] = Setting("accepted, no effect", list)

WORDS = frozenset(
    {
        "busy-polling", "cpu-affinity", "cpu-map", "cpu-policy", "cpu-set", "debug.counters",
        "expose-deprecated-directives", "expose-experimental-directives", "force-cfg-parser-pause",
        "harden.reject-privileged-ports.quic", "httpclient.resolvers.disabled",
        "httpclient.resolvers.id", "httpclient.resolvers.prefer", "httpclient.retries", "httpclient.ssl.ca-file",
        "httpclient.ssl.verify", "httpclient.timeout.connect", "insecure-setuid-wanted",
        "limited-quic", "max-threads-per-group", "maxcompcpuusage", "maxcomprate", "maxpipes", "maxzlibmem",
        "no-memory-trimming", "noepoll", "noevports", "nogetaddrinfo", "nokqueue", "noktls", "nopoll",
        "numa-cpu-mapping", "ocsp-update.maxdelay", "ocsp-update.mindelay", "prealloc-fd", "profiling.memory",
        "profiling.tasks", "quick-exit", "set-dumpable", "shm-stats-file",
        "shm-stats-file-max-objects", "ssl-mode-async", "stress-level", "thread-group", "thread-groups",
        "warn-blocked-traffic-after",
    }
)  # fmt: skip
NEGATABLE = frozenset({"busy-polling", "set-dumpable", "numa-cpu-mapping"})


def accepts(word: str) -> bool:
    """Whether a global keyword is one of these: the list, and every tune.* that HAProxy knows."""
    return word in WORDS or (word.startswith("tune.") and word in known.words("cfg-global"))


def accept(word: str, globals_: Global) -> None:
    """Remember it for the list."""
    if word not in globals_[ACCEPTED]:
        globals_[ACCEPTED].append(word)


@whole_file_check
def tell(config: Config, faults: Faults) -> None:
    """One line for all of them."""
    words: list[str] = config.globals[ACCEPTED]
    if words:
        faults.notice(f"accepted, no effect: {', '.join(sorted(words))}.")
