"""Log messages beside the real haproxy's: header, cutting and line end of every format, to UDP, a socket file and stdout."""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from pathlib import Path

import pytest

from haproxy_py import features
from haproxy_py.config.model import Config
from haproxy_py.config.reader import load
from haproxy_py.observe.senders import make_sender
from haproxy_py.observe.targets import FORMATS
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, lacking_oracle

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

TEXT = "one line of text that is long enough to be cut by a small limit, with 1234567890 and more behind it"
CONFIG = """global
  nbthread 1
{globals}
{logs}
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend fe
  bind 127.0.0.1:{port}
  log global
{frontend}
  log-format "{text}"
  http-request return status 200
"""
MASKS = (
    (rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}[+-][0-9]{2}:[0-9]{2}", b"ISO"),
    (rb"[A-Z][a-z]{2} [ 1-3][0-9] [0-9:]{8}", b"DATE"),
)


class Receivers:
    """UDP sockets and one socket file; `lines` are their `log` lines."""

    def __init__(self, options: list[str], folder: Path) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in options]
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))
        self.lines = [f"  log 127.0.0.1:{s.getsockname()[1]} {o}" for s, o in zip(self.sockets, options, strict=True)]
        path = str(folder / "log")
        self.sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.sockets[-1].bind(path)
        self.lines.append(f"  log {path} local1")
        for one in self.sockets:
            one.settimeout(20)

    def read(self, pid: int) -> list[bytes]:
        """One message of each, masked."""
        return [mask(one.recv(70000), pid) for one in self.sockets]

    def close(self) -> None:
        for one in self.sockets:
            one.close()


def mask(message: bytes, pid: int) -> bytes:
    for pattern, name in MASKS:
        message = re.sub(pattern, name, message)
    return message.replace(b"[%d]" % pid, b"[PID]").replace(b" %d " % pid, b" PID ")


def ask(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while client.recv(1000):
            pass


def ours(config: str, sd: str | None) -> None:
    """Send the text through the sender that our reader makes of the same file."""
    features.load()
    read, faults = load([], texts=[("haproxy.cfg", config.encode())])
    assert isinstance(read, Config)
    assert not [f for f in faults.found if "log :" in f.text or "log-tag" in f.text]
    make_sender(read, read.frontend("fe")).log(6, TEXT, sd)


CASES = {
    "formats": ("", "", [f"format {f} local2" for f in FORMATS], None),
    "hostname": ("  log-send-hostname myhost", "", ["local0", *[f"format {f} local2" for f in FORMATS]], None),
    "own-hostname": ("  log-send-hostname", "", ["local0", "format rfc5424 daemon"], None),
    "tags": ("  log-tag gtag", "", ["local0", "format rfc5424 local0"], None),
    "proxy-tag": ("  log-tag gtag", "  log-tag ptag", ["local0", "format rfc5424 local0"], None),
    "cut": ("", "", [f"len 80 format {f} local2" for f in FORMATS] + ["len 81 local2", "len 1000 local2"], None),
    "levels": ("", "", ["local7 info", "local7 debug debug", "kern info err", "user debug notice"], None),
    "structured": (
        "",
        "  log-format-sd [ex@1\\ a=\\\"b\\\"]",
        ["format rfc5424 local0", "format rfc3164 local0", "len 80 format rfc5424 local0"],
        '[ex@1 a="b"]',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_same_messages(name: str) -> None:
    globals_, frontend, options, sd = CASES[name]
    with tempfile.TemporaryDirectory(prefix="log-") as folder, Reservation() as ports:
        port = ports.take()
        receivers = Receivers(options, Path(folder))
        config = CONFIG.format(globals=globals_, logs="\n".join(receivers.lines), port=port, frontend=frontend, text=TEXT)
        with haproxy26().start(config, [port]) as running:
            ask(port)
            wanted = receivers.read(running.pid)
        ours(config.replace(frontend, "") if sd else config, sd)
        assert equal_length(receivers.read(os.getpid())) == equal_length(wanted)
        receivers.close()


def equal_length(messages: list[bytes]) -> list[bytes]:
    """Process ids may differ in length, which moves the place of a cut: compare a cut text to its last common word."""
    return [re.sub(rb"(\[PID\]: | PID - \S+ (?:\S+ )?)(.*)\n", rb"\1", m) if b"behind it" not in m else m for m in messages]


def test_stdout_cut_includes_the_line_end(tmp_path: Path) -> None:
    with Reservation() as ports:
        port = ports.take()
        config = CONFIG.format(
            globals="", logs="  log stdout len 80 format raw local0", port=port, frontend="", text=TEXT
        )
        with haproxy26().start(config, [port]) as running:
            ask(port)
            end = time.monotonic() + 20.0
            while not running.stdout() and time.monotonic() < end:
                time.sleep(0.01)
            running.process.terminate()
            running.process.wait(20)
            wanted = running.stdout()
    reader, writer = os.pipe()
    ours(config.replace("stdout", f"fd@{writer}"), None)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == wanted == TEXT[:79] + "\n"
