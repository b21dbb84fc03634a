"""Log lines: formats, filters, captures, headers of the syslog message."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, HalfClose, Pause, Reset
from tests.oracle.http.shorthand import DONE, GET, GET10, OK, answers, get, ok, reply

_UA = get(b"user-agent: curl/7.88.1", b"cookie: SID=abcdefghijklmnop; x=y", target=b"/a?b=c")

CASES: list[Case] = [
    Case("log-null-nothing", "log-null", [HalfClose()], []),
    Case("log-null-reset", "log-null", [Reset()], []),
    Case("log-null-bytes", "log-null", [b"G", HalfClose()], []),
    Case("log-null-blank", "log-null", [b"\r\n", HalfClose()], []),
    Case("log-null-normal", "log-null", [GET, DONE, HalfClose()], answers(OK)),
    Case("log-normal-ok", "log-normal", [GET], answers(OK)),
    Case("log-normal-404", "log-normal", [GET], answers(reply(b"404 No", b"content-length: 0"))),
    Case("log-normal-500", "log-normal", [GET], answers(reply(b"500 No", b"content-length: 0"))),
    Case("log-normal-cut", "log-normal", [GET], [[HEAD, reply(b"200 OK", b"content-length: 5"), Close()]]),
    Case("log-separate-200", "log-separate", [GET], answers(OK)),
    Case("log-separate-404", "log-separate", [GET], answers(reply(b"404 No", b"content-length: 0"))),
    Case("log-separate-500", "log-separate", [GET], answers(reply(b"500 No", b"content-length: 0"))),
    Case("log-separate-bad", "log-separate", [b"junk\r\n\r\n"], []),
    Case("log-separate-cut", "log-separate", [GET], [[HEAD, reply(b"200 OK", b"content-length: 5"), Close()]]),
    Case("log-captures", "log-capture", [_UA, DONE, GET], [[HEAD, ok(b"server: nginx/1.22.1 (Debian)"), HEAD, OK]]),
    Case("log-captures-odd", "log-capture", [get(b"user-agent: {|}\"\xe9")], [[HEAD, ok(b"server: a\"b\x7fc|d}")]]),
    Case("log-captures-first", "log-capture-first", [GET, DONE], [[HEAD, ok(b"server: own")]]),
    Case("log-captures-twice", "log-capture", [get(b"user-agent: a", b"user-agent: b")], answers(OK)),
    Case("log-cookie-req", "log-cookie", [_UA], [[HEAD, ok(b"set-cookie: SID=new; path=/")]]),
    Case("log-cookie-none", "log-cookie", [GET], answers(OK)),
    Case("log-tcp-in-http", "log-tcp", [GET, DONE, HalfClose()], answers(OK)),
    Case("log-off", "log-none", [GET], answers(OK)),
    Case("log-default-http", "log-plain", [GET], answers(OK)),
    Case("log-default-tcp", "log-plain-tcp", [GET, DONE, HalfClose()], answers(OK)),
    Case("log-own-format", "log-format", [_UA], answers(OK)),
    Case("log-asap", "log-asap", [GET], [[HEAD, reply(b"200 OK", b"content-length: 6"), Pause(0.05), b"abcdef"]]),
    Case("log-clf", "log-httpclf", [_UA], answers(OK)),
    Case("log-rfc5424", "log-rfc5424", [GET], answers(OK)),
    Case("log-tagged", "log-tag", [GET], answers(OK)),
    Case("log-own-target", "log-level", [GET], answers(OK)),
    Case("log-length-1024", "plain", [get(target=b"/" + b"x" * 2000)], answers(OK)),
    Case("log-uri-odd", "plain", [get(target=b"/\"a|b{}\\")], answers(OK)),
    Case("log-method-odd", "plain", [get(method=b"FOO")], answers(OK)),
    Case("log-10", "plain", [GET10], answers(OK)),
]
