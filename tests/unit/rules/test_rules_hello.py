"""ClientHello fetches on hellos that OpenSSL makes, cut at every byte."""

from __future__ import annotations

import ssl

from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import condition, expression


def hello(name: str | None = "www.example.com", alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """The first flight of a TLS client."""
    made = ssl.create_default_context()
    made.check_hostname = False
    if alpn:
        made.set_alpn_protocols(list(alpn))
    sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        made.wrap_bio(received, sent, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return sent.read()


HELLO = hello()


def test_whole() -> None:
    trial = Trial(payload=HELLO, final=False)
    assert trial.value(expression("req.ssl_sni")) == b"www.example.com"
    assert trial.value(expression("req_ssl_sni")) == b"www.example.com"
    assert trial.value(expression("req.ssl_alpn")) == b"h2,http/1.1"
    assert trial.value(expression("req.ssl_hello_type")) == 1
    assert trial.value(expression("req.ssl_ver")) == 0x30004
    assert trial.value(expression("req.ssl_ec_ext")) is True
    assert trial.test(condition("if { req.ssl_ver 3.4 }")) is True
    assert trial.test(condition("if { req_ssl_sni -i WWW.example.com }")) is True


def test_every_cut_waits() -> None:
    sni, kind = expression("req.ssl_sni"), expression("req.ssl_hello_type")
    for n in range(len(HELLO)):
        assert Trial(payload=HELLO[:n], final=False).value(sni) == "wait"
        assert Trial(payload=HELLO[:n], final=True).value(sni) is None
        assert Trial(payload=HELLO[:n], final=False).value(kind) in ("wait", 1)


def test_absent() -> None:
    assert Trial(payload=hello(None, ())).value(expression("req.ssl_sni")) is None
    assert Trial(payload=b"GET / HTTP/1.1\r\n").value(expression("req.ssl_sni")) is None
    assert Trial(payload=b"GET / HTTP/1.1\r\n").value(expression("req.ssl_hello_type")) is None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(HELLO) - 1), st.binary(min_size=1, max_size=4))
def test_damage_is_survived(at: int, change: bytes) -> None:
    damaged = HELLO[:at] + change + HELLO[at + len(change) :]
    for name in ("req.ssl_sni", "req.ssl_alpn", "req.ssl_ver", "req.ssl_cipherlist", "req.ssl_ec_ext"):
        Trial(payload=damaged).value(expression(name))
