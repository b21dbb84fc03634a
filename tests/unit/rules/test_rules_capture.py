"""Captured fields: slots, lengths, logs."""

from __future__ import annotations

import pytest

from haproxy_py.config.model import Proxy
from haproxy_py.engine.shm import ProxySlot, Segment
from haproxy_py.rules.capturekeywords import CAPTURE_COOKIE
from haproxy_py.rules.keywords import HTTP_REQUEST_RULES, HTTP_RESPONSE_RULES
from haproxy_py.rules.logparse import parse_format
from haproxy_py.rules.rule import Rule
from haproxy_py.rules.scope import Scope
from haproxy_py.rules.slots import REQUEST_SLOTS, RESPONSE_SLOTS
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import head, load


def _slot(front: Proxy, name: str = "unit") -> ProxySlot:
    """A frontend's part of a segment, with its capture slots."""
    made = Segment(1, proxies=1, servers=0).proxy(name)
    made.slots_req, made.slots_res = tuple(front[REQUEST_SLOTS]), tuple(front[RESPONSE_SLOTS])
    return made


def test_slots() -> None:
    front = load("""http-request set-header x-a late
                    capture request header X-A len 3
                    capture request header X-B len 9
                    capture response header Server len 9
                    declare capture request len 2
                    http-request capture req.hdr(x-c),upper len 5
                    http-request capture path id 2
                    http-request capture path id 9
                    http-request deny if { capture.req.hdr(3) C1 }""").frontend
    trial = Trial(head("/way", "X-A: 1", "x-a: 12345", "x-c: c1"), b"HTTP/1.1 200 OK\r\nserver: s\r\n\r\n", fe=_slot(front))
    assert trial.run(front[HTTP_REQUEST_RULES]) == "deny"
    assert trial.run(front[HTTP_RESPONSE_RULES]) == "continue"
    assert trial.render(parse_format("%hr %hs", Scope())) == b"{123||/w|C1} {s}"


def test_later_capture_wins_unless_it_has_no_value() -> None:
    front = load("""declare capture request len 9
                    http-request capture req.hdr(a) id 0
                    http-request capture req.hdr(none) id 0
                    http-request set-header x %[req.hdr(b),capture-req(0)]
                    http-request set-header y %[req.hdr(b),capture-req(1)]""").frontend
    trial = Trial(head("/", "a: 1", "b: 2"), fe=_slot(front))
    assert trial.run(front[HTTP_REQUEST_RULES]) == "continue"
    assert trial.render(parse_format("%hr %[req.hdr(x)] <%[req.hdr(y)]>", Scope())) == b"{2} 2 <->"


def test_nothing_captured_shows_empty_slots() -> None:
    slot = _slot(load("declare capture request len 1\ndeclare capture response len 1").frontend)
    assert Trial(head("/"), fe=slot).render(parse_format("%hr%hs", Scope())) == b"{}{}"
    assert Trial(payload=b"x", fe=slot).render(parse_format("%hr%hs", Scope())) == b""


def test_line_is_that_which_came() -> None:
    front = load("http-request set-method PUT\nhttp-request set-uri /b\nhttp-request set-header x %[capture.req.method]:%[capture.req.uri]").frontend
    trial = Trial(head("/a"), fe=_slot(front))
    assert trial.run(front[HTTP_REQUEST_RULES]) == "continue"
    assert trial.render(parse_format("%[req.hdr(x)]", Scope())) == b"GET:/a"


def test_cookies() -> None:
    """The last line counts; a name is the beginning of the cookie's text; the first cookie that fits is kept."""
    front = load("""capture cookie OLD len 9
                    http-request deny
                    capture cookie SID= len 5""").frontend
    trial = Trial(head("/", "Cookie: SIDE=1; OLD=2;  SID=ab; SID=cd"), b"HTTP/1.1 200 OK\r\nset-cookie: a=b; SID=1\r\nset-cookie: SID=9; x\r\n\r\n")
    assert [rule.keyword for rule in front[HTTP_REQUEST_RULES]] == ["deny"]
    assert trial.run([Rule(action, None, None) for action in front[CAPTURE_COOKIE]]) == "continue"
    assert trial.render(parse_format("%CC %CS", Scope())) == b"SID=a SID=9"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("capture request header x", "'capture request header' expects 'header' <header_name> 'len' <len>."),
        ("capture cookie x len", "'capture' expects 'cookie' <cookie_name> 'len' <len>."),
        ("capture foo", "'capture' expects 'cookie' or 'request header' or 'response header'."),
        ("declare capture request len 5x", "'declare capture': cannot parse the length '5x'."),
        ("http-request capture path id 3", "Proxy 'f': unable to find capture id '3' referenced by http-request capture rule."),
    ],
)
def test_refused(line: str, told: str) -> None:
    assert load(line).alerts() == [told]
