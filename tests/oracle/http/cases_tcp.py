"""TCP mode: bytes, half-close, resets, content inspection."""

from tests.harness.case import Case
from tests.harness.wire import Close, End, HalfClose, Pause, Reset, Script, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers

_ECHO: list[Script] = [[Until(b"hello"), b"HELLO", End(), Close()]]
_BIG = b"0123456789abcdef" * 20000

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1 = b"PROXY TCP4 10.9.8.7 10.1.1.1 4242 80\r\n"

# PROXY headers that are wrong, or cut off by the client's end: what the log line says of each
BROKEN: dict[str, bytes] = {
    **{f"z{n}": b"z" * n for n in (1, 4, 6, 12, 15, 16, 20)},
    **{f"v1-cut-{n}": _V1[:n] for n in (1, 5, 6, 8, 9, 10, 11, 20, len(_V1) - 2, len(_V1) - 1)},
    **{f"v2-cut-{n}": (_SIGNATURE + b"\x21\x11\x00\x0c" + b"x" * 12)[:n] for n in (1, 11, 12, 13, 14, 16, 27)},
    "v1-x": b"PROXX ",
    "v1-unknown": b"PROXY UNKNOWN",
    "v1-unknownx": b"PROXY UNKNOWNX\r\n",
    "v1-tcp5": b"PROXY TCP5 1 2 3 4\r\n",
    "v1-lf": _V1.replace(b"\r", b""),
    "v1-no-port": b"PROXY TCP4 10.9.8.7 10.1.1.1 4242\r\n",
    "v1-port": b"PROXY TCP4 10.9.8.7 10.1.1.1 x 80\r\n",
    "v1-family": b"PROXY TCP4 ::1 ::1 4242 80\r\n",
    "v1-long": _V1[:-2] + b" " * 80,
    "v1-words": b"PROXY " + b"a" * 120,
    "v2-version": _SIGNATURE + b"\x31\x11\x00\x0c" + b"x" * 12,
    "v2-command": _SIGNATURE + b"\x22\x11\x00\x0c" + b"x" * 12,
    "v2-datagram": _SIGNATURE + b"\x21\x12\x00\x0c" + b"x" * 12,
    "v2-unspecified": _SIGNATURE + b"\x21\x00\x00\x00",
    "v2-short": _SIGNATURE + b"\x21\x11\x00\x0b" + b"x" * 11,
    "get": b"GET",
    "request": GET,
    "lines": b"\r\nxx",
    "nothing": b"",
}

CASES: list[Case] = [
    *(
        Case(f"tcp-proxy-broken-{name}", "tcp-accept-proxy", [sent, HalfClose(), End()])
        for name, sent in BROKEN.items()
    ),
    Case("tcp-echo", "tcp", [b"hello", Until(b"HELLO"), HalfClose(), End()], _ECHO),
    Case("tcp-client-half", "tcp", [b"hello", HalfClose(), End()], [[Until(b"hello"), End(), b"late", Close()]]),
    Case(
        "tcp-server-half",
        "tcp",
        [b"hello", Until(b"HELLO"), Pause(0.05), b"more", HalfClose()],
        [[Until(b"hello"), b"HELLO", HalfClose(), Until(b"more"), End()]],
    ),
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
    Case(
        "tcp-inspect-ok", "tcp-inspect", [b"abcd", Until(b"hi"), HalfClose()], [[Until(b"abcd"), b"hi", End(), Close()]]
    ),
    Case(
        "tcp-inspect-two",
        "tcp-inspect",
        [b"ab", Pause(0.03), b"cd", Until(b"hi"), HalfClose()],
        [[Until(b"abcd"), b"hi", End(), Close()]],
    ),
    Case("tcp-inspect-close", "tcp-inspect", [b"ab", HalfClose(), End()], [[End()]]),
    Case("tcp-inspect-http", "tcp-inspect-http", [GET, DONE], answers(OK)),
    Case("tcp-inspect-nothttp", "tcp-inspect-http", [b"\x16\x03\x01\x00\x10junkjunk", End()], answers(OK)),
    Case("tcp-conn-reject", "tcp-reject-conn", [b"x", End()], ignore=("clients",)),
    Case(
        "tcp-route-a",
        "tcp-route",
        [b"Abc", Until(b"one")],
        [[Until(b"Abc"), b"one", Close()]],
        [[Until(b"Bbc"), b"two", Close()]],
    ),
    Case(
        "tcp-route-b",
        "tcp-route",
        [b"Bbc", Until(b"two")],
        [[Until(b"Abc"), b"one", Close()]],
        [[Until(b"Bbc"), b"two", Close()]],
    ),
    Case("tcp-nolinger", "tcp-nolinger", [b"hello", End()], [[Until(b"hello"), b"HELLO", Close()]]),
    Case("tcp-proxy-v1", "tcp-v1", [b"hello", Until(b"HELLO"), HalfClose(), End()], _ECHO),
    Case(
        "tcp-accept-proxy",
        "tcp-accept-proxy",
        [b"PROXY TCP4 10.9.8.7 10.1.1.1 4242 80\r\nhello", Until(b"HELLO"), HalfClose(), End()],
        _ECHO,
    ),
    Case("tcp-accept-proxy-bad", "tcp-accept-proxy", [b"hello and a lot of other text", End()], _ECHO),
    Case("tcp-http-inspect", "tcp-http-inspect", [GET, DONE], answers(OK)),
    Case("tcp-http-inspect-short", "tcp-http-inspect", [b"GE", Pause(0.4)], answers(OK)),
]
