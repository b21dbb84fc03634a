"""Captured fields: slots, lengths, logs."""

from __future__ import annotations

from rulekit import head, load

from haproxy_py.rules.capturekeywords import CAPTURE_COOKIE
from haproxy_py.rules.keywords import HTTP_REQUEST_RULES, HTTP_RESPONSE_RULES
from haproxy_py.rules.logparse import parse_format
from haproxy_py.rules.rule import Rule
from haproxy_py.rules.scope import Scope
from haproxy_py.rules.testing import Trial


def test_slots() -> None:
    front = load("""http-request set-header x-a late
                    capture request header X-A len 3
                    capture request header X-B len 9
                    capture response header Server len 9
                    http-request capture req.hdr(x-c),upper len 5
                    http-request deny if { capture.req.hdr(2) C1 }""").frontend
    trial = Trial(head("/", "X-A: 1", "x-a: 12345", "x-c: c1"), b"HTTP/1.1 200 OK\r\nserver: s\r\n\r\n")
    assert trial.run(front[HTTP_REQUEST_RULES]) == "deny"
    assert trial.run(front[HTTP_RESPONSE_RULES]) == "continue"
    assert trial.render(parse_format("%hr %hs", Scope())) == b"{123||C1} {s}"


def test_cookies() -> None:
    """The last line counts; a name is the beginning of the cookie's text; the first cookie that fits is kept."""
    front = load("""capture cookie OLD len 9
                    http-request deny
                    capture cookie SID= len 5""").frontend
    trial = Trial(head("/", "Cookie: SIDE=1; OLD=2;  SID=ab; SID=cd"), b"HTTP/1.1 200 OK\r\nset-cookie: a=b; SID=1\r\nset-cookie: SID=9; x\r\n\r\n")
    assert [rule.keyword for rule in front[HTTP_REQUEST_RULES]] == ["deny"]
    assert trial.run([Rule(action, None, None) for action in front[CAPTURE_COOKIE]]) == "continue"
    assert trial.render(parse_format("%CC %CS", Scope())) == b"SID=a SID=9"


def test_refused() -> None:
    assert load("capture request header x").alerts() == ["'capture request header' expects 'header' <header_name> 'len' <len>."]
    assert load("capture cookie x len").alerts() == ["'capture' expects 'cookie' <cookie_name> 'len' <len>."]
    assert load("capture foo").alerts() == ["'capture' expects 'cookie' or 'request header' or 'response header'."]
