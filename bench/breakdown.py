"""Where the time of one request goes: `python -m bench.breakdown [--line NAME] [--seconds N]`.

Needs Linux `perf` (`apt-get install linux-perf`) beside what bench.run needs. Samples one worker under load and adds the
samples up by part: the kernel by system call, our own modules by room. Prints a Markdown table.
"""

import argparse
import collections
import re
import subprocess
import sys
import threading
from pathlib import Path

from bench import loads
from bench.lines import LINES
from bench.rig import Rig

FREQUENCY = 4000
# Substring of a module's file name -> the part of the table; the first that fits counts.
ROOMS = (
    (("h1_", "http1", "message"), "parsing and writing heads"),
    (("/rules/", "sample", "matchers", "acl", "cond", "logformat", "logaliases", "fetches", "converters", "actions"), "rules and log formats"),
    (("channel",), "moving bodies"),
    (("/stream/", "http.c", "relay", "session", "tcp.c", "forward", "pages"), "the request's states, counters"),
    (("server.c", "backend.c", "roundrobin", "balancers", "base.c", "shm"), "server choice, pool, shared counters"),
    (("reactor", "timers", "conn.c", "buffers", "worker.c", "txn", "addr"), "reactor, timers, sockets"),
    (("sender",), "log sending"),
    (("tls", "libssl", "libcrypto"), "TLS"),
    (("loop.c", "uvloop"), "uvloop"),
    (("libpython", "python3"), "Python's interpreter and objects"),
    (("libc.so", "ld-linux", "vdso", "libm.so"), "C library"),
)
CALLS = {
    "recv": ("recvfrom", "sock_recvmsg", "tcp_recvmsg"), "send": ("sendto", "sendmsg", "tcp_sendmsg"),
    "epoll_wait": ("epoll_wait", "epoll_pwait", "ep_send_events"), "splice": ("splice",), "accept, close": ("accept4", "close", "shutdown"),
}  # fmt: skip


def part_of(module: str, stack: str) -> str:
    """The row of a sample: by system call for the kernel's, else by room."""
    if "kernel" in module:
        for call, words in CALLS.items():
            if any(word in stack for word in words):
                return f"kernel: {call}"
        return "kernel: other"
    return next((room for words, room in ROOMS if any(word in module for word in words)), "other")


def samples(data: Path) -> collections.Counter[str]:
    """Samples by part of a perf.data file."""
    text = subprocess.run(
        ["perf", "script", "-i", str(data), "-F", "ip,sym,dso"], capture_output=True, text=True, check=True
    ).stdout
    found: collections.Counter[str] = collections.Counter()
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.strip()]
        if lines:
            top = re.search(r"\(([^()]*)\)\s*$", lines[0])
            found[part_of(top.group(1) if top else "", block)] += 1
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="where the time of one request goes")
    parser.add_argument("--line", default="small", choices=[line.name for line in LINES])
    parser.add_argument("--seconds", type=float, default=3.0)
    words = parser.parse_args()
    line = next(each for each in LINES if each.name == words.line)
    rig = Rig(1, 0)
    try:
        site = rig.site()
        group = rig.start("pyhaproxy", line.kind, site)
        loads.run(line.work, site.port, 1.0, rig.folder, rig.load_cpu)
        data = rig.folder / "perf.data"
        pids = ",".join(str(pid) for pid in group.pids())
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-g", "-p", pids, "-o", str(data)]
        recorder = threading.Timer(
            0.5, subprocess.run, [[*command, "--", "sleep", str(words.seconds)]], {"capture_output": True}
        )
        recorder.start()
        before = group.cpu_seconds()
        done = loads.run(line.work, site.port, words.seconds + 1.0, rig.folder, rig.load_cpu)
        per_request = (group.cpu_seconds() - before) * 1e6 / max(1, done.requests)
        recorder.join()
        found = samples(data)
        group.stop()
    except FileNotFoundError as missing:
        print(f"bench.breakdown: {missing.filename} is not installed", file=sys.stderr)
        return 1
    finally:
        rig.close()
    total = sum(found.values()) or 1
    print(f"{line.name}: {per_request:.2f} microseconds of CPU per request\n")
    print("| part | share | microseconds |\n|---|---|---|")
    for part, n in found.most_common():
        print(f"| {part} | {100 * n / total:.1f} % | {per_request * n / total:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
