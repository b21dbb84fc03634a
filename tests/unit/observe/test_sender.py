"""Headers, cutting, levels, samples and delivery of log messages (manual 3.1 log; RFC 3164, RFC 5424)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from haproxy_py.config.errors import ConfigError
from haproxy_py.observe import sender as sender_module
from haproxy_py.observe.sender import LogOutput, LogSender
from haproxy_py.observe.targets import FORMATS, LogTarget, parse_target

PID = os.getpid()
DATE = rb"[A-Z][a-z]{2} [ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
ISO = rb"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}[+-][0-9]{2}:[0-9]{2}"
HEADERS = {
    "local": rb"<150>%b tag\[%d\]: " % (DATE, PID),
    "rfc3164": rb"<150>%b localhost tag\[%d\]: " % (DATE, PID),
    "rfc5424": rb"<150>1 %b - tag %d - - " % (ISO, PID),
    "priority": rb"<150>",
    "short": rb"<6>",
    "timed": rb"<6>%b " % ISO,
    "iso": rb"%b " % ISO,
    "raw": rb"",
}


class Syslog:
    """A UDP receiver."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.port = self.socket.getsockname()[1]

    def target(self, options: str) -> LogTarget:
        return parse_target([f"127.0.0.1:{self.port}", *options.split()], {}, "")

    def read(self) -> bytes:
        return self.socket.recv(70000)

    def empty(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    made = Syslog()
    yield made
    made.socket.close()


@pytest.mark.parametrize("form", FORMATS)
def test_header_of_each_format(syslog: Syslog, form: str) -> None:
    LogSender([syslog.target(f"format {form} local2")], "tag").log(6, "some text\n")
    assert re.fullmatch(HEADERS[form] + rb"some text\n", syslog.read())


@pytest.mark.parametrize("form", FORMATS)
def test_len_cuts_before_the_line_end(syslog: Syslog, form: str) -> None:
    LogSender([syslog.target(f"len 80 format {form} local2")], "tag").log(6, b"x" * 200)
    message = syslog.read()
    assert len(message) == 81 and message.endswith(b"x\n") and re.match(HEADERS[form] + rb"x", message)


def test_hostname_changes_the_default_format(syslog: Syslog) -> None:
    targets = [syslog.target("local0"), syslog.target("format local local0"), syslog.target("format rfc5424 local0")]
    LogSender(targets, "t", "myhost").log(5, "x", "[a@1 b=\"c\"]")
    assert re.fullmatch(rb"<133>%b myhost t\[%d\]: x\n" % (DATE, PID), syslog.read())
    assert re.fullmatch(rb"<133>%b t\[%d\]: x\n" % (DATE, PID), syslog.read())
    assert re.fullmatch(rb"<133>1 %b myhost t %d - \[a@1 b=\"c\"\] x\n" % (ISO, PID), syslog.read())


def test_level_filters_and_least_caps(syslog: Syslog) -> None:
    made = LogSender([syslog.target("format priority local0 notice err")])
    for level in range(8):
        made.log(level, "x")
    assert [syslog.read() for _ in range(6)] == [b"<131>x\n"] * 4 + [b"<132>x\n", b"<133>x\n"]
    assert syslog.empty()


def test_sample_takes_its_numbers(syslog: Syslog) -> None:
    made = LogSender([syslog.target("format raw sample 1,3-4:5 local0")])
    for number in range(1, 11):
        made.log(6, str(number))
    assert [syslog.read() for _ in range(6)] == [b"1\n", b"3\n", b"4\n", b"6\n", b"8\n", b"9\n"]
    assert syslog.empty()


def test_descriptor_and_its_len(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    made = LogSender([parse_target([f"fd@{writer}", *["len", "80", "format", "raw", "local0"]], {}, "")])
    made.log(6, "y" * 100)
    made.log(6, "short")
    assert os.read(reader, 1000) == b"y" * 79 + b"\n" + b"short\n"
    os.close(reader)
    os.close(writer)


def test_a_full_pipe_drops_and_never_waits() -> None:
    reader, writer = os.pipe()
    made = LogSender([parse_target([f"fd@{writer}", *["len", "4096", "format", "raw", "local0"]], {}, "")])
    for _ in range(40):
        made.log(6, "z" * 5000)
    assert made.dropped == [24]               # a pipe holds 16 pages
    assert os.read(reader, 4096) == b"z" * 4095 + b"\n"
    os.close(reader)
    os.close(writer)


def test_unix_socket_and_abstract_name(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    for address, word in ((path, path), (f"\0pyhaproxy-test-{PID}", f"abns@pyhaproxy-test-{PID}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(address)
            receiver.settimeout(20)
            LogSender([parse_target([word, "format", "raw", "local0"], {}, "")]).log(6, "hello")
            assert receiver.recv(100) == b"hello\n"


def test_absent_socket_is_counted_and_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    output = LogOutput()
    output.alarm = told.append
    made = LogSender([parse_target([str(tmp_path / "absent"), "local0"], {}, "")], to=output)
    made.log(6, "a")
    made.log(6, "b")
    assert made.dropped == [2] and output.dropped == 2 and output.sent == 0
    assert told == ["sendmsg()/writev() failed in logger #1: No such file or directory (errno=2)"]


def test_many_receivers_keep_their_order(syslog: Syslog) -> None:
    made = LogSender([syslog.target("format raw local0"), syslog.target("format short local0")])
    for number in range(100):
        made.log(6, str(number))
    for number in range(100):
        assert (syslog.read(), syslog.read()) == (b"%d\n" % number, b"<6>%d\n" % number)


def test_a_child_writes_its_own_process_id(syslog: Syslog) -> None:
    made = LogSender([syslog.target("local0")], "t")
    made.log(6, "parent")
    child = os.fork()
    if child == 0:
        made.log(6, "child")
        os._exit(0)
    os.waitpid(child, 0)
    assert b" t[%d]: parent\n" % PID in syslog.read()
    assert b" t[%d]: child\n" % child in syslog.read()
    assert sender_module.output.pid == PID


def test_names_are_looked_up(syslog: Syslog) -> None:
    LogSender([parse_target([f"localhost:{syslog.port}", "format", "raw", "local0"], {}, "")]).log(6, "x")
    assert syslog.read() == b"x\n"
    with pytest.raises(ConfigError, match="invalid address: 'name.invalid' in 'name.invalid'"):
        LogSender([parse_target(["name.invalid", "local0"], {}, "")])


def test_a_full_disk_is_counted_and_told_once() -> None:
    told: list[str] = []
    output = LogOutput()
    output.alarm = told.append
    full = os.open("/dev/full", os.O_WRONLY)
    made = LogSender([parse_target([f"fd@{full}", "format", "raw", "local0"], {}, "")] * 2, to=output)
    for _ in range(3):
        made.log(6, "text")
    os.close(full)
    assert made.dropped == [3, 3] and output.dropped == 6
    assert told == ["sendmsg()/writev() failed in logger #1: No space left on device (errno=28)"]
