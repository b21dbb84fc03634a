"""TCP mode: bytes, half-close, resets, content inspection."""

from tests.harness.case import Case
from tests.harness.wire import Close, End, HalfClose, Pause, Reset, Script, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers

_ECHO: list[Script] = [[Until(b"hello"), b"HELLO", End(), Close()]]
_BIG = b"0123456789abcdef" * 20000

CASES: list[Case] = [
    Case("tcp-echo", "tcp", [b"hello", Until(b"HELLO"), HalfClose(), End()], _ECHO),
    Case("tcp-client-half", "tcp", [b"hello", HalfClose(), End()], [[Until(b"hello"), End(), b"late", Close()]]),
    Case("tcp-server-half", "tcp", [b"hello", Until(b"HELLO"), Pause(0.05), b"more", HalfClose()], [[Until(b"hello"), b"HELLO", HalfClose(), Until(b"more"), End()]]),
    Case("tcp-server-closes", "tcp", [b"hello", End()], [[Until(b"hello"), b"HELLO", Close()]]),
    Case("tcp-server-resets", "tcp", [b"hello", End()], [[Until(b"hello"), Pause(0.02), Reset()]]),
    Case("tcp-client-resets", "tcp", [b"hello", Pause(0.05), Reset()], [[Until(b"hello"), End()]]),
    Case("tcp-client-closes", "tcp", [b"hello", Until(b"HELLO"), Close()], _ECHO),
    Case("tcp-server-speaks", "tcp", [Until(b"banner"), b"x", HalfClose()], [[b"banner", Until(b"x"), End(), Close()]]),
    Case("tcp-nothing", "tcp", [HalfClose()], [[End(), Close()]]),
    Case("tcp-nothing-null", "tcp-null", [HalfClose()], [[End(), Close()]]),
    Case("tcp-reset-nothing", "tcp-null", [Pause(0.03), Reset()], [[End(), Close()]]),
    Case("tcp-big-up", "tcp", [_BIG, HalfClose(), End()], [[End(), b"got", Close()]]),
    Case("tcp-big-down", "tcp", [b"go", End()], [[Until(b"go"), _BIG, Close()]]),
    Case("tcp-refused", "tcp-retry", [b"hello", End()], []),
    Case("tcp-refused-quiet", "tcp-retry", [End()], []),
    Case("tcp-inspect-ok", "tcp-inspect", [b"abcd", Until(b"hi"), HalfClose()], [[Until(b"abcd"), b"hi", End(), Close()]]),
    Case("tcp-inspect-two", "tcp-inspect", [b"ab", Pause(0.03), b"cd", Until(b"hi"), HalfClose()], [[Until(b"abcd"), b"hi", End(), Close()]]),
    Case("tcp-inspect-close", "tcp-inspect", [b"ab", HalfClose(), End()], [[End()]]),
    Case("tcp-inspect-http", "tcp-inspect-http", [GET, DONE], answers(OK)),
    Case("tcp-inspect-nothttp", "tcp-inspect-http", [b"\x16\x03\x01\x00\x10junkjunk", End()], answers(OK)),
    Case("tcp-conn-reject", "tcp-reject-conn", [b"x", End()], []),
    Case("tcp-route-a", "tcp-route", [b"Abc", Until(b"one")], [[Until(b"Abc"), b"one", Close()]], [[Until(b"Bbc"), b"two", Close()]]),
    Case("tcp-route-b", "tcp-route", [b"Bbc", Until(b"two")], [[Until(b"Abc"), b"one", Close()]], [[Until(b"Bbc"), b"two", Close()]]),
    Case("tcp-nolinger", "tcp-nolinger", [b"hello", End()], [[Until(b"hello"), b"HELLO", Close()]]),
    Case("tcp-proxy-v1", "tcp-v1", [b"hello", Until(b"HELLO"), HalfClose(), End()], _ECHO),
    Case("tcp-accept-proxy", "tcp-accept-proxy", [b"PROXY TCP4 10.9.8.7 10.1.1.1 4242 80\r\nhello", Until(b"HELLO"), HalfClose(), End()], _ECHO),
    Case("tcp-accept-proxy-bad", "tcp-accept-proxy", [b"hello and a lot of other text", End()], _ECHO),
    Case("tcp-http-inspect", "tcp-http-inspect", [GET, DONE], answers(OK)),
    Case("tcp-http-inspect-short", "tcp-http-inspect", [b"GE", Pause(0.4)], answers(OK)),
]
