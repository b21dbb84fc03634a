"""The same questions to HAProxy 2.8's exporter and to ours: heads, families in their order with their words, labels, refusals.

What 2.8 does not know (metrics of later versions, `metrics`, `desc`, `extra-counters`) is left out; values are compared where
traffic alone decides them.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask
from tests.oracle.test_stats_page import Origin, dechunk, get, head_of, say

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

CONFIG = """
global
    nbthread 1
    stats socket {folder}/s level admin
defaults
    mode http
    timeout connect 1s
    timeout client 9s
    timeout server 9s
    retries 0
frontend web
    bind 127.0.0.1:{web} name li
    option socket-stats
    use_backend %[path,word(1,/)]
frontend pm
    bind 127.0.0.1:{pm}
    http-request use-service prometheus-exporter if {{ path /metrics }}
listen t
    mode tcp
    bind 127.0.0.1:{tcp} name x\\"y
    server ts 127.0.0.1:{origin}
backend ok
    server s1 127.0.0.1:{origin}
    server s4 127.0.0.1:{origin} weight 0
    server s5 127.0.0.1:{origin} backup maxconn 3 maxqueue 9
backend off
    server s1 127.0.0.1:{origin} disabled
    server s2 127.0.0.1:{origin} disabled check
backend refuse
    server s1 127.0.0.1:{nobody}
backend red
    http-request redirect location /x
    server s1 127.0.0.1:{origin}
backend empty
"""
QUERIES = (
    "", "?scope=", "?scope", "?scope=*", "?scope=global", "?scope=frontend", "?scope=backend", "?scope=server", "?scope=listener",
    "?scope=sticktable", "?scope=nobody", "?scope=global&scope=server", "?scope=server&scope=", "?scope=&scope=server",
    "?scope=%73erver", "?scope=ser+ver", "?scope=Server", "?%73cope=server", "?SCOPE=server", "?no-maint", "?no-maint=1",
    "?no-maint&scope=server", "?no-maint&scope=backend", "?foo=bar&scope=server", "?&&scope=server", "?scope=server&", "?=x", "?&",
    "?scope=server&scope=nobody", "??scope=server", "?scope=server&scope=*", "?scope=*&scope=nobody",
)  # fmt: skip
LATER = re.compile(
    "haproxy_resolver_|_request_duration_seconds|zlib_memory|failed_resolutions|build_info|max_memory_bytes|total_warnings"
    "|patterns_|process_node"
    "|(frontend|backend|server)_current_session_rate|server_active|server_backup|server_http_requests_total"
)
METHODS = ("HEAD", "POST", "PUT", "OPTIONS", "DELETE", "NONE")
VALUES = re.compile(
    r"haproxy_\w+_(?:bytes_in_total|http_responses_total|sessions_total|errors_total|agg_\w+|weight|queue_limit|status)\{.*"
)


class Scraped:
    """What one product said. replies: by question; ages: (`lastsess` is -1, `downtime` counts) of each row."""

    def __init__(self, product: Product) -> None:
        with Reservation() as taken, Reservation() as nobody, tempfile.TemporaryDirectory() as folder:
            ports = {name: taken.take() for name in ("web", "pm", "tcp")}
            origin, closed = Origin(), nobody.take()
            text = CONFIG.format(**ports, origin=origin.port, nobody=closed, folder=folder)
            with product.start(text, ports.values()):
                for path in ("/ok", "/off", "/refuse", "/red", "/empty", "/nowhere"):
                    get(ports["web"], path)
                self.replies = {query: get(ports["pm"], "/metrics" + query) for query in QUERIES}
                self.replies |= {name: get(ports["pm"], "/metrics?scope=global", method=name) for name in METHODS}
                self.replies["head of a refusal"] = get(ports["pm"], "/metrics?scope=nobody", method="HEAD")
                self.replies["1.0"] = get(ports["pm"], "/metrics?scope=nobody", version="1.0")
                self.replies["form"] = say(
                    ports["pm"], b"POST /metrics?scope=global HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"
                )
                self.ages = waited(Path(folder, "s"))
            origin.sock.close()


def waited(path: Path) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Rows some time behind the start: the server in maintenance has been down for seconds by then."""
    end = time.monotonic() + 20
    while True:
        text = ask(path, "show stat").decode().removeprefix("# ")
        rows = {(r["pxname"], r["svname"]): r for r in csv.DictReader(io.StringIO(text.strip()))}
        found = {key: (r["lastsess"] in ("", "-1"), r["downtime"] not in ("", "0")) for key, r in rows.items()}
        if found[("off", "s2")][1] or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Scraped, Scraped]]:
    with ThreadPoolExecutor(2) as pool:  # most of it is waiting
        theirs, ours = pool.map(Scraped, (haproxy28(), pyhaproxy()))
    yield theirs, ours


def lines(reply: bytes) -> list[str]:
    """The body without values and without what 2.8 does not know."""
    body = dechunk(reply) if b"chunked" in reply.partition(b"\r\n\r\n")[0] else reply.partition(b"\r\n\r\n")[2]
    found = (line for line in body.decode().split("\n") if not LATER.search(line))
    return [line if line.startswith("#") else re.sub(r" [-0-9.NaN]+$", "", line) for line in found]


@pytest.mark.parametrize("query", [*QUERIES, *METHODS, "head of a refusal", "1.0", "form"])
def test_same_reply(both: tuple[Scraped, Scraped], query: str) -> None:
    theirs, ours = (one.replies[query] for one in both)
    assert head_of(ours) == head_of(theirs)
    assert lines(ours) == lines(theirs)


def test_same_values(both: tuple[Scraped, Scraped]) -> None:
    theirs, ours = (VALUES.findall(dechunk(one.replies[""]).decode()) for one in both)
    scraper = re.compile('proxy="pm"')
    assert [line for line in ours if not scraper.search(line)] == [line for line in theirs if not scraper.search(line)]


def test_same_ages(both: tuple[Scraped, Scraped]) -> None:
    theirs, ours = (one.ages for one in both)
    assert ours == theirs
