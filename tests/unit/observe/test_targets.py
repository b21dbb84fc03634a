"""`log` lines: what they mean and what HAProxy says about wrong ones (its words, recorded from 2.6)."""

from __future__ import annotations

import pytest

from haproxy_py.config.errors import ConfigError
from haproxy_py.observe.targets import LogTarget, parse_target


def parse(text: str) -> LogTarget:
    return parse_target(text.split(" "), {"HOST": "192.0.2.9"}, "or global")


@pytest.mark.parametrize(
    "text, family, host, port",
    [
        ("127.0.0.1 local0", "inet", "127.0.0.1", 514),
        ("127.0.0.1:5140 local0", "inet", "127.0.0.1", 5140),
        ("[::1]:515 local0", "inet6", "::1", 515),
        ("udp@127.0.0.1 local0", "inet", "127.0.0.1", 514),
        ("$HOST:99 local0", "inet", "192.0.2.9", 99),
        (":514 local0", "inet", "", 514),
        ("/dev/log local0", "unix", "/dev/log", 0),
        ("uxdg@/dev/log local0", "unix", "/dev/log", 0),
        ("abns@x local0", "abns", "x", 0),
        ("stdout local0", "fd", "1", 0),
        ("stderr local0", "fd", "2", 0),
        ("fd@7 local0", "fd", "7", 0),
    ],
)
def test_addresses(text: str, family: str, host: str, port: int) -> None:
    found = parse(text).address
    assert (found.family, found.host, found.port) == (family, host, port)


def test_every_word() -> None:
    found = parse("127.0.0.1 len 2000 format rfc5424 sample 1,4-5:10 local7 err crit")
    assert (found.length, found.format, found.ranges, found.sample) == (2000, "rfc5424", ((1, 1), (4, 5)), 10)
    assert (found.facility, found.level, found.least) == (23, 3, 2)


def test_defaults() -> None:
    found = parse("127.0.0.1 daemon")
    assert (found.length, found.format, found.ranges, found.facility, found.level, found.least) == (1024, None, (), 3, 7, 0)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("127.0.0.1", "log : expects <address> and <facility> or global as arguments"),
        ("127.0.0.1 nothing", "log : unknown log facility 'nothing'"),
        ("127.0.0.1 local0 bogus", "log : unknown optional log level 'bogus'"),
        ("127.0.0.1 local0 info bogus", "log : unknown optional minimum log level 'bogus'"),
        ("127.0.0.1 local0 info notice extra", "log : cannot handle unexpected argument 'extra'"),
        ("127.0.0.1 len 79 local0", "log : invalid log length '79', must be between 80 and 65535"),
        ("127.0.0.1 len abc local0", "log : invalid log length 'abc', must be between 80 and 65535"),
        ("127.0.0.1 len", "log : invalid log length '', must be between 80 and 65535"),
        ("127.0.0.1 format xx local0", "log : unknown log format 'xx'"),
        ("127.0.0.1 format raw", "log : unknown log facility ''"),
        ("127.0.0.1 sample 1 local0", "log : Missing sample size"),
        ("127.0.0.1 sample 1:0 local0", "log : wrong sample size '0' for sample range '1'"),
        ("127.0.0.1 sample 0:2 local0", "log : wrong sample range '0'"),
        ("127.0.0.1 sample 3-1:3 local0", "log : wrong sample range '3-1'"),
        ("127.0.0.1 sample 1-2,2:3 local0", "log : ranges are overlapping"),
        (
            "127.0.0.1 sample 3:2 local0",
            "log : sample size 2 should be greater or equal to 3 the maximum of the high ranges limits",
        ),
        ("127.0.0.1:70000 local0", "log : invalid port '70000'"),
        ("127.0.0.1:1-2 local0", "log : port range not permitted here in '127.0.0.1:1-2'"),
        ("fd@x local0", "log : file descriptor 'x' is not a valid integer in 'fd@x'"),
        ("backend@x local0", "log : address type 'backend@' in 'backend@x' is known to HAProxy, not supported yet"),
    ],
)
def test_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.text == complaint
