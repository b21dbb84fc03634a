"""curl through the proxy to the demo servers: what a person would try first."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.ports import Reservation, listening_ports
from tests.harness.products import ROOT, Product

QUICKSTART = ROOT / "etc/quickstart.cfg"
START_SECONDS = 20
pytestmark = pytest.mark.timeout(60)


class Demo:
    """`python -m haproxy_py.demo` and a proxy with etc/quickstart.cfg in front of it."""

    def __init__(self, product: Product) -> None:
        with Reservation() as ports:
            numbers = [ports.take() for _ in range(3)]
            self.port = numbers[0]
            self.env = dict(zip(("PORT", "DEMO_PORT_1", "DEMO_PORT_2"), map(str, numbers), strict=True))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "haproxy_py.demo"], env=os.environ | self.env, cwd=ROOT, stdout=subprocess.DEVNULL
            )
            os.environ.update(self.env)
            try:
                self.wait_servers(set(numbers[1:]))
                self.running = product.start(QUICKSTART.read_text(), [self.port])
            except BaseException:
                self.close()
                raise

    def wait_servers(self, numbers: set[int]) -> None:
        """Poll until both demo servers listen."""


        end = time.monotonic() + START_SECONDS
        while not numbers <= listening_ports():
            assert time.monotonic() < end and self.process.poll() is None, "the demo servers did not start"
            time.sleep(0.01)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        for name in self.env:
            os.environ.pop(name, None)
        self.process.terminate()
        self.process.wait(10)
        if hasattr(self, "running"):
            self.running.stop()


@pytest.fixture(scope="module")
def demo(product: Product) -> Iterator[Demo]:
    started = Demo(product)
    yield started
    started.close()


def curl(*args: str) -> str:
    """What curl prints; a failure of curl fails the test with its words."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", *args],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_servers_take_turns(demo: Demo) -> None:
    answers = [curl(demo.url("/")) for _ in range(4)]
    assert sorted(set(answers)) == ["server one: GET /\n", "server two: GET /\n"]
    assert answers[0] != answers[1] and answers[:2] == answers[2:]


def test_one_connection_serves_many_requests(demo: Demo) -> None:
    said = curl("--write-out", "%{num_connects}\n", demo.url("/a"), demo.url("/b"), demo.url("/c")).splitlines()
    assert [line.rpartition("/")[2] for line in said[::2]] == ["a", "b", "c"]
    assert said[1::2] == ["1", "0", "0"], "connections that curl opened for each request"


def test_head_has_no_body(demo: Demo) -> None:
    said = curl("--head", demo.url("/"))
    assert said.startswith("HTTP/1.1 200") and said.endswith("\n\n")
    assert "content-length: 19" in said.lower()


def test_an_upload_with_expect(demo: Demo, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(os.urandom(3_000_000))
    said = curl("--upload-file", str(body), "--header", "Expect: 100-continue", demo.url("/put"))
    assert said.endswith("PUT /put, 3000000 bytes of body\n")


def test_a_chunked_upload(demo: Demo, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(os.urandom(1_000_000))
    said = curl("--upload-file", str(body), "--header", "Transfer-Encoding: chunked", demo.url("/chunked"))
    assert said.endswith("PUT /chunked, 1000000 bytes of body\n")


def test_http_1_0(demo: Demo) -> None:
    assert curl("--http1.0", demo.url("/old")).endswith("GET /old\n")


def test_a_form_is_posted(demo: Demo) -> None:
    assert curl("--data", "a=1&b=2", demo.url("/form")).endswith("POST /form, 7 bytes of body\n")
