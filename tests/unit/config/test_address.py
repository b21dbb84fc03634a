"""Written addresses (manual 11.1)."""

from __future__ import annotations

import pytest

from haproxy_py.config.address import parse_listen, parse_server, parse_source, resolve
from haproxy_py.config.errors import ConfigError

ENV = {"IP": "192.0.2.1", "PORT": "8080"}


@pytest.mark.parametrize(
    ("text", "family", "host", "name", "low", "high"),
    [
        (":80", "inet", "", None, 80, 80),
        ("*:80", "inet", "", None, 80, 80),
        ("0.0.0.0:80", "inet", "0.0.0.0", None, 80, 80),
        ("127.1:80", "inet", "127.0.0.1", None, 80, 80),
        (":8000-8009", "inet", "", None, 8000, 8009),
        ("[::1]:80", "inet6", "::1", None, 80, 80),
        ("::1:80", "inet6", "::1", None, 80, 80),
        (":::80", "inet6", "::", None, 80, 80),
        ("[::]:80", "inet6", "::", None, 80, 80),
        ("ipv6@:80", "inet6", "::", None, 80, 80),
        ("ipv4@*:80", "inet", "", None, 80, 80),
        ("ipv6@host.example:80", "inet6", None, "host.example", 80, 80),
        ("host.example:80", "inet", None, "host.example", 80, 80),
        ("/run/x.sock", "unix", "/run/x.sock", None, 0, 0),
        ("unix@x.sock", "unix", "x.sock", None, 0, 0),
        ("abns@name", "abns", "name", None, 0, 0),
        ("fd@3", "fd", "3", None, 0, 0),
        ("$IP:$PORT", "inet", "192.0.2.1", None, 8080, 8080),
        ("${IP}:${PORT}", "inet", "192.0.2.1", None, 8080, 8080),
        ("$NO:80", "inet", "", None, 80, 80),
    ],
)
def test_listen(text: str, family: str, host: str | None, name: str | None, low: int, high: int) -> None:
    (a,) = parse_listen(text, ENV)
    assert (a.family, a.host, a.name, a.port, a.port_high) == (family, host, name, low, high)


def test_comma_list() -> None:
    assert [a.port for a in parse_listen(":80,127.0.0.1:81,/x", ENV)] == [80, 81, 0]
    assert [a.port for a in parse_listen(":80,", ENV)] == [80]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("80", "missing port specification in '80'"),
        (":", "missing port specification in ':'"),
        (":0", "invalid port '0'"),
        (":65536", "invalid port '65536'"),
        (":x", "invalid character 'x' in port number 'x' in ':x'"),
        (":9-8", "invalid port range '9-8'"),
        (":+5", "port offset not permitted here in ':+5'"),
        ("$NO", "'$NO' resolves to an empty address (environment variable missing?)"),
        (",", "'' resolves to an empty address (environment variable missing?)"),
        ("1.2.3.400:80", "invalid address: '1.2.3.400' in '1.2.3.400:80'"),
        ("[::1:80", "invalid address: '[::1' in '[::1:80'"),
        ("ipv4@[::1]:80", "invalid address: '[::1]' in 'ipv4@[::1]:80'"),
        ("ipv6@1.2.3.4:80", "invalid address: '1.2.3.4' in 'ipv6@1.2.3.4:80'"),
        ("fd@x", "file descriptor 'x' is not a valid integer in 'fd@x'"),
        ("udp@:53", "dgram-type address not acceptable in 'udp@:53'"),
        ("quic4@:443", "address type 'quic4@' in 'quic4@:443' is known to HAProxy, not supported yet"),
        ("sockpair@3", "address type 'sockpair@' in 'sockpair@3' is known to HAProxy, not supported yet"),
        ("/" + "x" * 200, f"socket path '/{'x' * 200}' too long (max 107)"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_listen(text, ENV)
    assert caught.value.text == told


def test_server() -> None:
    """Servers may lack a port or shift the client's."""
    assert (parse_server("192.0.2.1", ENV).has_port, parse_server("192.0.2.1:80", ENV).has_port) == (False, True)
    assert parse_server("192.0.2.1:+10", ENV).relative == 10
    assert parse_server("192.0.2.1:-10", ENV).relative == -10
    with pytest.raises(ConfigError, match="port range not permitted here"):
        parse_server("192.0.2.1:80-90", ENV)
    assert parse_source("192.0.2.1:80-90", ENV).port_high == 90


def test_resolve() -> None:
    """Names become addresses; what has none is refused in HAProxy's words."""
    assert resolve(parse_server("localhost:80", ENV), "ipv4").host == "127.0.0.1"
    plain = parse_server("192.0.2.1:80", ENV)
    assert resolve(plain) is plain
