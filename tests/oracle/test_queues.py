"""Queues, limits, retries and redispatch beside the real haproxy: who is served when and where, and what is logged."""

from __future__ import annotations

import time

import pytest

from tests.harness.crowd import GLOBAL, Crowd, Story, tell, tell_both
from tests.harness.products import haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "")

FRONT = "frontend web\n bind 127.0.0.1:{web}\n default_backend b\nbackend b\n"
LISTEN = "listen web\n bind 127.0.0.1:{web}\n maxconn 100\n"
TWO = " server s1 127.0.0.1:{s1} minconn 2 maxconn 6\n server s2 127.0.0.1:{s2} maxconn 4 minconn 2\n"
DEAD = " server d1 127.0.0.1:{dead}\n server d2 127.0.0.1:{dead}\n server s1 127.0.0.1:{s1}\n"
PRIORITIES = " http-request set-priority-class url_param(c)\n http-request set-priority-offset url_param(o)\n"
QUICK = GLOBAL.replace("timeout connect 5s", "timeout connect 100ms")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
REPLIES = {
    "empty": b"",
    "junk": b"JUNK\r\n\r\n",
    "503": b"HTTP/1.1 503 X\r\ncontent-length: 1\r\n\r\nx",
    "404": b"HTTP/1.1 404 X\r\ncontent-length: 1\r\n\r\nx",
}
FETCHES = ("queue(b)", "avg_queue(b)", "connslots(b)", "connslots(c)", "be_conn(b)", "be_conn_free(b)", "be_conn_free(c)", "srv_queue(b/s1)",
           "srv_conn(b/s1)", "srv_conn_free(b/s1)", "srv_conn_free(b/s2)", "nbsrv(b)", "be_sess_rate(b)", "fe_conn(web)", "avg_queue(d)",
           "connslots(d)", "be_conn_free(d)", "nbsrv(d)")  # fmt: skip
FETCHING = (
    "frontend web\n bind 127.0.0.1:{web}\n"
    + "".join(f" http-request set-var(txn.v{n}) {fetch}\n" for n, fetch in enumerate(FETCHES))
    + ' log-format "%HU ' + " ".join(f"%[var(txn.v{n})]" for n in range(len(FETCHES))) + '"\n'
    " use_backend b unless { path /stat }\n default_backend b\n"
    "backend b\n fullconn 10\n server s1 127.0.0.1:{s1} maxconn 2 maxqueue 5\n server s2 127.0.0.1:{s2} maxconn 3 minconn 1\n"
    " server s3 127.0.0.1:{s2} backup\nbackend c\n server s 127.0.0.1:{s1} maxconn 7 maxqueue 4\n server t 127.0.0.1:{s1} disabled\n"
    "backend d\n server s 127.0.0.1:{s1} maxconn 7 disabled\n"
)  # fmt: skip


def alike(config: str, story: Story, base: str = GLOBAL) -> list[str]:
    """Both products tell the same story; it is returned."""
    theirs, ours = tell_both(haproxy26(), pyhaproxy(), config, story, base)
    assert ours == theirs
    return ours


def asking(*targets: str, columns: tuple[str, ...] = ()) -> Story:
    """All targets one after the other, then the servers answer until nobody is left."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(*targets)
        crowd.note([len(server.held) for server in crowd.servers.values()])
        await crowd.free_all()
        if columns:
            crowd.note(await crowd.stat("b", "BACKEND", *columns))

    return story


def numbered(count: int) -> list[str]:
    return [f"/{n}" for n in range(count)]


def test_the_order_of_arrival_positions_and_counters() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.ask(*numbered(6))
        crowd.note(await crowd.stat("b", "s1", "scur", "qcur", "qmax", "slim", "qlimit", "smax", "lbtot"))
        crowd.note(await crowd.stat("b", "BACKEND", "scur", "qcur", "qmax", "slim", "lbtot"))
        await crowd.free_all()
        crowd.note(await crowd.stat("b", "BACKEND", "scur", "qcur", "qmax", "lbtot", "stot"))

    told = alike(FRONT + " server s1 127.0.0.1:{s1} maxconn 1 maxqueue 3\n server s2 127.0.0.1:{s2} maxconn 1\n", story)
    assert "/5 s2 200 -- 0 0/4" in told


@pytest.mark.parametrize("full", [5, 12, 30])
def test_dynamic_limits(full: int) -> None:
    alike(FRONT + f" fullconn {full}\n" + TWO, asking(*numbered(14)))


@pytest.mark.parametrize(
    "config", [LISTEN.replace("100", "101"), FRONT.replace(" default_b", " maxconn 95\n default_b"), FRONT]
)
def test_fullconn_is_a_tenth_of_what_may_come(config: str) -> None:
    alike(
        config + " server s1 127.0.0.1:{s1} minconn 1 maxconn 10\n",
        asking(*numbered(13)),
        GLOBAL.replace("maxconn 500", "maxconn 88"),
    )


@pytest.mark.parametrize(
    "targets",
    [("/a?c=5", "/b?c=-5", "/c", "/d?c=5", "/e?c=-3000", "/f?c=-2047", "/g?c=9999", "/h?c=2047", "/i?c=x"),
     ("/a?o=5000", "/b?o=-5000", "/c", "/d?o=1000", "/g?o=500000"), ("/a?o=5000&c=1", "/b?o=-5000&c=1", "/c?o=90000", "/d?o=-1000&c=2", "/e")],
    ids=["class", "offset", "both"],
)  # fmt: skip
def test_priorities(targets: tuple[str, ...]) -> None:
    alike(FRONT + PRIORITIES + " server s1 127.0.0.1:{s1} maxconn 1\n", asking("/first", *targets))


def test_a_timeout_in_the_queue() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.ask("/1", "/2", "/3")
        await crowd.until_answered("/2", "/3")
        await crowd.free_all()
        crowd.note(await crowd.stat("b", "s1", "econ", "scur"))
        crowd.note(await crowd.stat("b", "BACKEND", "econ", "scur", "qcur", "hrsp_5xx"))

    told = alike(FRONT + " timeout queue 400ms\n server s1 127.0.0.1:{s1} maxconn 1\n", story)
    assert "/2 <NOSRV> 503 sQ 0 0/1" in told


def test_a_server_that_goes_and_comes_with_a_queue() -> None:
    async def story(crowd: Crowd) -> None:
        await crowd.ask(*numbered(6))
        await crowd.command("set server b/s1 state maint")
        await crowd.free("s1")
        await crowd.free("s2")
        await crowd.command("set server b/s1 state ready")
        await crowd.free_all()

    servers = " server s1 127.0.0.1:{s1} maxconn 1\n server s2 127.0.0.1:{s2} maxconn 1\n"
    # positions are left out: HAProxy counts one less for a stream that a returning server takes
    alike(FRONT + " option redispatch\n" + servers, story, GLOBAL.replace(" %sq/%bq", ""))


def test_when_all_servers_are_down_nobody_waits() -> None:
    """HAProxy 2.8 and later; 2.6 lets them wait for timeout queue."""

    async def story(crowd: Crowd) -> None:
        await crowd.ask(*numbered(4))
        await crowd.command("set server b/s1 state maint")
        await crowd.ask("/down")
        await crowd.free("s1")

    told = tell(pyhaproxy(), FRONT + " server s1 127.0.0.1:{s1} maxconn 1\n", story)
    assert told[:6] == ["s1 got /0", "/1 -> 503", "/2 -> 503", "/3 -> 503", "/down -> 503", "/0 -> 200"]
    assert told[6:] == [
        "/0 s1 200 -- 0 0/0",
        *(f"/{n} <NOSRV> 503 SC 0 0/1" for n in (1, 2, 3)),
        "/down <NOSRV> 503 SC 0 0/0",
    ]


def test_rate_limit_holds_and_loses_nobody() -> None:
    async def story(crowd: Crowd) -> None:
        start = time.monotonic()
        for target in numbered(9):
            crowd.servers["s1"].replies[target] = [OK]
        await crowd.send(*numbered(9))
        await crowd.until_answered(*numbered(9))
        crowd.note(time.monotonic() - start > 0.5)
        crowd.told = sorted(crowd.told)

    config = FRONT.replace(" default_b", " rate-limit sessions 5\n default_b") + " server s1 127.0.0.1:{s1}\n"
    assert "True" in alike(config, story)


@pytest.mark.parametrize("algorithm", ["roundrobin", "leastconn", "first"])
@pytest.mark.parametrize("option", ["", "option redispatch", "option redispatch 2"])
def test_redispatch(algorithm: str, option: str) -> None:
    story = asking("/0", "/1", columns=("econ", "wretr", "wredis"))
    alike(FRONT + f" {option}\n balance {algorithm}\n retries 3\n" + DEAD, story, QUICK)


@pytest.mark.parametrize(
    "words", ["conn-failure", "empty-response", "junk-response", "503 404", "all-retryable-errors"]
)
def test_retry_on(words: str) -> None:
    async def story(crowd: Crowd) -> None:
        for kind, reply in REPLIES.items():
            for path, method, body in (("/get", "GET", b""), ("/post", "POST", b"x=1"), ("/never", "POST", b"x=1")):
                target = f"{path}/{kind}"
                crowd.servers["s1"].replies[target] = [reply, OK, OK]
                await crowd.ask(target, method=method, body=body)
            crowd.note(await crowd.stat("b", "BACKEND", "econ", "wretr", "wredis", "hrsp_2xx", "hrsp_4xx", "hrsp_5xx"))

    never = " http-request disable-l7-retry if { path_beg /never }\n"
    alike(FRONT + f" retries 2\n retry-on {words}\n{never} server s1 127.0.0.1:{{s1}}\n", story)


def test_fetches_about_queues() -> None:
    alike(FETCHING, asking(*numbered(6), "/stat"))
