"""Random walks through full servers and their queues, and what persistence makes of servers in every state, beside haproxy.

A walk asks, frees and looks at the counters as a seeded die says; at its end nobody waits, on neither product. Limits, maxqueue,
cookies that name servers and priorities are mixed, since it is their mixture that goes wrong.
"""

from __future__ import annotations

import random

import pytest

from tests.harness.crowd import GLOBAL, Crowd, Story, tell_both
from tests.harness.products import haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "")

FRONT = "frontend web\n bind 127.0.0.1:{web}\n capture cookie SID len 12\n default_backend b\nbackend b\n"
QUEUED = " http-request set-priority-class url_param(c)\n http-request set-priority-offset url_param(o)\n cookie SID insert indirect\n"
LIMITS = {
    "maxconn": " server s1 127.0.0.1:{s1} cookie a maxconn 1\n server s2 127.0.0.1:{s2} cookie b maxconn 2 weight 3\n"
    " server s3 127.0.0.1:{s3} maxconn 1\n",
    "minconn": " fullconn 8\n server s1 127.0.0.1:{s1} cookie a minconn 1 maxconn 4\n"
    " server s2 127.0.0.1:{s2} cookie b minconn 2 maxconn 5 weight 3\n server s3 127.0.0.1:{s3} maxconn 1\n",
    "maxqueue": " server s1 127.0.0.1:{s1} cookie a maxconn 2 maxqueue 1\n"
    " server s2 127.0.0.1:{s2} cookie b maxconn 1 maxqueue 2\n server s3 127.0.0.1:{s3} maxconn 1 backup\n",
}
STEPS = 32
PARTS = ("s1", "s2", "s3", "BACKEND")
COOKIES = ("", "SID=a", "SID=b", "SID=zzz", "SID = b; SID=a")
STATES = {
    "set server b/s1 state maint": "set server b/s1 state ready",
    "set server b/s1 state drain": "set server b/s1 state ready",
    "set weight b/s1 0": "set weight b/s1 100%",
    "set server b/s1 health down": "set server b/s1 health up",
    "set server b/s1 health stopping": "set server b/s1 health up",
}
TOLD = GLOBAL.replace("%ts %rc %sq/%bq", "%tsc %rc %sq/%bq %CC %CS")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SETS = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: SID=own; path=/\r\n\r\nok"


def walk(seed: int) -> Story:
    """The same walk for every product: only what it sees in common decides."""

    async def story(crowd: Crowd) -> None:
        die = random.Random(seed)
        for step in range(STEPS):
            held = [name for name, server in sorted(crowd.servers.items()) if server.held]
            if not held or die.random() < 0.6:
                extra = die.choice(["", "", "", f"?c={die.randint(-5, 5)}", f"?o={die.choice([-3000, 3000, 60000])}"])
                cookie = die.choice(["", "", "", "cookie: SID=a\r\n", "cookie: SID=b\r\n"])
                await crowd.ask(f"/{step}{extra}", fields=cookie)
            else:
                await crowd.free(die.choice(held))
            if step % 8 == 7:
                crowd.note([await crowd.stat("b", part, "scur", "qcur", "slim", "qmax", "smax") for part in PARTS])
        await crowd.free_all()
        crowd.note([await crowd.stat("b", part, "scur", "qcur", "lbtot", "stot", "wretr", "wredis") for part in PARTS])

    return story


async def states(crowd: Crowd) -> None:
    """Every cookie at every state of the server that it names."""
    for number, (there, back) in enumerate(STATES.items()):
        await crowd.command(there)
        for at, cookie in enumerate(COOKIES):
            target = f"/{number}/{at}"
            for server in crowd.servers.values():
                server.replies[target] = [SETS if at % 2 else OK]
            await crowd.send(target, fields=f"cookie: {cookie}\r\n" if cookie else "")
            await crowd.until_answered(target)
        await crowd.command(back)
    crowd.note([await crowd.stat("b", part, "lbtot", "stot", "wretr", "wredis", "econ") for part in PARTS])


@pytest.mark.parametrize(
    ("algorithm", "limits", "seed"),
    [("leastconn", "maxconn", 2), ("leastconn", "maxqueue", 0), ("leastconn", "maxqueue", 2), ("leastconn", "minconn", 4),
     ("leastconn", "minconn", 6), ("roundrobin", "maxqueue", 2), ("first", "maxqueue", 2), ("source", "maxqueue", 0), ("uri", "maxqueue", 0)],
)  # fmt: skip
def test_a_walk(algorithm: str, limits: str, seed: int) -> None:
    config = FRONT + QUEUED + f" balance {algorithm}\n option redispatch\n" + LIMITS[limits]
    theirs, ours = tell_both(haproxy26(), pyhaproxy(), config, walk(seed))
    assert ours == theirs
    assert "-> 200" in "".join(ours)


@pytest.mark.parametrize("options", ["", " option redispatch\n", " option persist\n", " force-persist if TRUE\n"])
@pytest.mark.parametrize("cookie", ["insert indirect nocache", "prefix"])
def test_states(options: str, cookie: str) -> None:
    servers = " server s1 127.0.0.1:{s1} cookie a\n server s2 127.0.0.1:{s2} cookie b\n"
    theirs, ours = tell_both(
        haproxy26(), pyhaproxy(), FRONT + f" cookie SID {cookie}\n{options}{servers}", states, TOLD
    )
    assert ours == theirs
