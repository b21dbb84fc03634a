"""Fetches: expression -> value, as the manual says and haproxy 2.8 answered."""

from __future__ import annotations

import pytest

from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import expression, head

REQUEST = head(
    "/a/b?a=1&b=2&a=3", "Host: h.example:8080", "X: a, b", 'X: "q,q",c', "Cookie: c=1; d=2; c=3", "N: 12",
    "F: 192.0.2.7, bad, 2001:db8::1",
)  # fmt: skip
RESPONSE = b"HTTP/1.1 404 Not Found\r\nServer: x\r\nSet-Cookie: s=1; path=/\r\nSet-Cookie: u=2\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("method", b"GET"),
        ("path", b"/a/b"),
        ("pathq", b"/a/b?a=1&b=2&a=3"),
        ("query", b"a=1&b=2&a=3"),
        ("url", b"/a/b?a=1&b=2&a=3"),
        ("base", b"h.example:8080/a/b"),
        ("baseq", b"h.example:8080/a/b?a=1&b=2&a=3"),
        ("req.ver", b"1.1"),
        ("req.proto_http", True),
        ("req.hdr(x)", b"c"),
        ("req.hdr(X,1)", b"a"),
        ("req.hdr(x,-2)", b'"q,q"'),
        ("req.hdr(x,9)", None),
        ("req.fhdr(x)", b'"q,q",c'),
        ("req.fhdr(x,1)", b"a, b"),
        ("req.hdr_cnt(x)", 4),
        ("req.fhdr_cnt(x)", 2),
        ("req.hdr(nope)", None),
        ("req.hdr_val(n)", 12),
        ("req.hdr_ip(f)", "2001:db8::1"),
        ("req.hdr_ip(f,1)", "192.0.2.7"),
        ("req.hdr_ip(f,2)", None),
        ("req.hdr_names", b"host,x,x,cookie,n,f"),
        ("hdr(host)", b"h.example:8080"),
        ("req.cook(c)", b"3"),
        ("cook(d)", b"2"),
        ("req.cook_cnt(c)", 2),
        ("req.cook_val(d)", 2),
        ("cook(zz)", None),
        ("url_param(a)", b"1"),
        ("urlp(b)", b"2"),
        ("urlp(B,,i)", b"2"),
        ("urlp_val(b)", 2),
        ("urlp(zz)", None),
        ("src", "192.0.2.1"),
        ("src_port", 40000),
        ("dst_port", 80),
        ("ssl_fc", False),
        ("ssl_fc_sni", None),
        ("int(-5)", -5),
        ("str(a b)", b"a b"),
        ("bool(true)", True),
        ("always_false", False),
        ("ipv4(192.0.2.9)", "192.0.2.9"),
        ("ipv6(2001:db8::2)", "2001:db8::2"),
        ("bin(6162)", b"ab"),
        ("var(txn.none)", None),
        ("var(txn.none,dflt)", b"dflt"),
        ("status", None),
        ("capture.req.method", b"GET"),
        ("capture.req.uri", b"/a/b?a=1&b=2&a=3"),
        ("http_first_req", True),
        ("wait_end", True),
    ],
)
def test_request(text: str, value: object) -> None:
    assert Trial(REQUEST).value(expression(text)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("status", 404),
        ("res.hdr(server)", b"x"),
        ("res.ver", b"1.1"),
        ("res.cook(s)", b"1"),
        ("scook(u)", b"2"),
        ("scook(path)", None),
        ("shdr_cnt(server)", 1),
        ("res.hdr_names", b"server,set-cookie,set-cookie"),
    ],
)
def test_response(text: str, value: object) -> None:
    assert Trial(REQUEST, RESPONSE).value(expression(text)) == value


def test_every_occurrence() -> None:
    trial = Trial(REQUEST)
    assert trial.values(expression("req.hdr(x)")) == [b"a", b"b", b'"q,q"', b"c"]
    assert trial.values(expression("req.fhdr(x)")) == [b"a, b", b'"q,q",c']
    assert trial.values(expression("req.hdr_ip(f)")) == ["192.0.2.7", "2001:db8::1"]
    assert trial.values(expression("cook(c)")) == [b"1", b"3"]
    assert trial.values(expression("urlp(a)")) == [b"1", b"3"]


def test_targets_without_path() -> None:
    assert Trial(head("*", "Host: a", method="OPTIONS")).value(expression("path")) is None
    assert Trial(head("http://h/p?q", "Host: h")).value(expression("path")) == b"/p"
    assert Trial(head("http://192.0.2.5:81/p", "Host: 192.0.2.5:81")).value(expression("url_ip")) == "192.0.2.5"


def test_payload() -> None:
    trial = Trial(payload=b"SSH-2.0-x\r\n", final=False)
    assert trial.value(expression("req.payload(0,7)")) == b"SSH-2.0"
    assert trial.value(expression("req.payload(0,99)")) == "wait"
    assert trial.value(expression("req.len")) == 11
    assert trial.value(expression("wait_end")) == "wait"
    assert Trial(payload=b"\0\3abcd").value(expression("req.payload_lv(0,2)")) == b"abc"
    assert Trial(payload=b"ab").value(expression("req.payload(0,3)")) is None


def test_http_inside_tcp() -> None:
    whole = head("/x", "Host: a")
    assert Trial(payload=whole, final=False).value(expression("path")) == b"/x"
    assert Trial(payload=whole[:9], final=False).value(expression("req.proto_http")) == "wait"
    assert Trial(payload=b"\x16\x03\x01", final=False).value(expression("req.proto_http")) is None
