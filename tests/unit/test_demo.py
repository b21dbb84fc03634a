"""The demo servers: each says who it is, both end with the command that they accompany."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from haproxy_py import demo

ROOT = Path(__file__).resolve().parents[2]
ENV = os.environ | {"DEMO_PORT_1": "0", "DEMO_PORT_2": "0"}


async def said(request: bytes) -> bytes:
    """Everything that a demo server answers to these bytes, until it closes."""
    server = await demo.serve("one", 0)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    return answer


@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"server one: GET /\n"),
        (b"GET /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"server one: GET /b\n"),
        (b"HEAD / HTTP/1.0\r\n\r\n", b""),
        (b"PUT /p HTTP/1.0\r\ncontent-length: 4\r\n\r\nbody", b"server one: PUT /p, 4 bytes of body\n"),
    ],
)
def test_an_answer(request_bytes: bytes, body: bytes) -> None:
    answer = asyncio.run(said(request_bytes))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n" + body) and b"x-server: one\r\n" in answer


def test_garbage_closes_the_connection() -> None:
    assert asyncio.run(said(b"\x00\x01\x02\r\n\r\n")) == b""


def test_the_commands_exit_status_is_ours() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "haproxy_py.demo", sys.executable, "-c", "raise SystemExit(7)"],
        cwd=ROOT, env=ENV, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 7
    assert done.stdout.decode().count("demo server") == 2


def test_a_signal_ends_both_sides() -> None:
    command = [sys.executable, "-c", "import time; print('running', flush=True); time.sleep(60)"]
    process = subprocess.Popen([sys.executable, "-m", "haproxy_py.demo", *command], cwd=ROOT, env=ENV, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        while b"running" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read() == b"", "the command's end of the pipe is closed: it is gone"
