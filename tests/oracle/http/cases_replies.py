"""Replies that rules choose: pages of rules, authentication; levels of log lines; which server a request is told."""

from base64 import b64encode

from tests.harness.case import Case
from tests.harness.wire import HEAD, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get

_WHO = {"none": None, "bob": b"bob:x", "al": b"al:secret", "al-wrong": b"al:secreT", "eve": b"eve:y", "nobody": b"zed:x", "empty": b":", "no-colon": b"bob"}


def _asks(who: bytes | None, target: bytes) -> bytes:
    return get(b"authorization: Basic " + b64encode(who), target=target) if who is not None else get(target=target)


CASES: list[Case] = [
    *(Case(f"return-page-{name}", "return-pages", [get(target=b"/" + name.encode()), Until(b"\r\n\r\n")], [])
      for name in ("length", "close", "old", "tokens", "default", "deny", "page", "both")),
    Case("return-page-null", "return-pages", [get(target=b"/null")], []),
    *(Case(f"rule-auth-{name}", "auth", [_asks(who, b"/a")], answers(OK)) for name, who in _WHO.items()),
    *(Case(f"rule-auth-admin-{name}", "auth", [_asks(_WHO[name], b"/admin")], answers(OK)) for name in ("bob", "al", "eve")),
    Case("rule-auth-ask", "auth", [get(target=b"/ask"), Until(b"</html>\n"), get(target=b"/ask")], []),
    Case("rule-auth-head", "auth", [get(target=b"/ask", method=b"HEAD")], []),
    Case("rule-auth-bearer", "auth", [get(b"authorization: Bearer abc")], []),
    Case("rule-auth-spaces", "auth", [get(b"authorization: basic   Ym9iOng=")], answers(OK)),
    Case("rule-auth-padding", "auth", [get(b"authorization: Basic Ym9iOng")], []),
    Case("log-set-level-debug", "set-log-level", [get(target=b"/debug"), DONE, GET], answers(OK, OK)),
    Case("log-set-level-silent", "set-log-level", [get(target=b"/silent"), DONE, GET], answers(OK, OK)),
    Case("log-set-level-err", "set-log-level", [GET], [[HEAD, b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno"]]),
    Case("log-set-level-debug-502", "set-log-level", [get(target=b"/debug")], [[HEAD, b"junk\r\n\r\n"]]),
    *(Case(f"log-cookie-more-{i}", "log-cookie-more", [get(*lines)], [[HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n" + reply + b"\r\nok"]])
      for i, (lines, reply) in enumerate([
          ((b"cookie: a=b; SID=1; SID=2",), b"set-cookie: X=1\r\nset-cookie: SID=9; path=/\r\nset-cookie: SID=8\r\n"),
          ((b"cookie: SIDE=1", b"cookie:  SID=x ;b"), b"set-cookie: a=b; SID=9\r\n"),
          ((b"cookie: SID=0123456789012345678901234567890123456789",), b"set-cookie:  SID=0123456789012345678901234567890123456789; x\r\n"),
      ])),
    Case("monitor-fail-down", "monitor-fail-if", [get(b"x-down: yes", b"x-up: yes", target=b"/alive")], []),
    Case("monitor-fail-not-up", "monitor-fail-if", [get(target=b"/alive")], []),
    Case("monitor-fail-fine", "monitor-fail-if", [get(b"x-up: yes", target=b"/alive")], []),
    Case("field-send-name-close", "send-name-close", [GET], answers(OK)),
    Case("field-send-name-fake", "send-name-close", [get(b"X-Srv: me")], answers(OK)),
]  # fmt: skip
