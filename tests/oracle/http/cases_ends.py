"""How a session can end: every pair of letters of manual 8.5 that a client and a server can bring about, in HTTP and TCP mode,
in the clear, with TLS in front and with TLS to the server. What is compared above all is the log line."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, Deaf, End, HalfClose, On, Pause, Reset, Script, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get, ok, once, reply
from tests.oracle.http.templates import TEMPLATES
from tests.oracle.http.templates_ends import ENDS, KINDS

Row = tuple[str, Script, list[Script]]

_PUT = get(b"content-length: 5", method=b"PUT")
_CHUNKED = get(b"transfer-encoding: chunked", method=b"PUT")
_UP = get(b"connection: upgrade", b"upgrade: foo")
_SWITCH = reply(b"101 S", b"connection: upgrade", b"upgrade: foo")
_HELD: list[Script] = [[HEAD, Pause(0.6), OK], [HEAD, OK]]
_BIG = b"x" * 16_000_000


def _path(path: bytes) -> list[bytes]:
    return [get(target=path)]


HTTP: dict[str, Row] = {
    # normal
    "ok": ("plain:", [GET, DONE], answers(OK)),
    "ok-close": ("plain:", [get(b"connection: close"), End()], answers(OK)),
    "ok-put": ("plain:", [_PUT + b"hello", DONE], answers(OK)),
    "ok-404": ("plain:", [GET], answers(reply(b"404 No", b"content-length: 0"))),
    "ok-500": ("plain:", [GET], answers(reply(b"500 No", b"content-length: 0"))),
    "ok-until-close": ("plain:", [GET, End()], once(reply(b"200 OK", body=b"abc"))),
    "ok-asap": ("asap:", [GET, DONE], answers(OK)),
    # the request
    "nothing": ("plain:", [HalfClose(), End()], []),
    "nothing-reset": ("plain:", [Reset()], []),
    "nothing-late": ("request:", [End()], []),
    "part": ("plain:", [b"GET / HT", HalfClose(), End()], []),
    "part-reset": ("plain:", [b"GET / HT", Pause(0.3), Reset()], []),
    "part-late": ("request:", [b"GET / HT", End()], []),
    "junk": ("plain:", [b"junk\r\n\r\n", End()], []),
    "second-part": ("plain:", [GET, DONE, b"GET", HalfClose(), End()], answers(OK)),
    "second-junk": ("plain:", [GET, DONE, b"junk\r\n\r\n", End()], answers(OK)),
    # answered by rules
    "deny": ("deny:", _path(b"/deny"), []),
    "deny-429": ("deny:", _path(b"/429"), []),
    "reject": ("deny:", [*_path(b"/reject"), End()], []),
    "drop": ("deny:", [*_path(b"/drop"), Pause(0.1)], []),
    "return": ("deny:", _path(b"/return"), []),
    "redirect": ("deny:", _path(b"/go"), []),
    "auth": ("deny:", _path(b"/auth"), []),
    "tarpit": ("deny:", [*_path(b"/tarpit"), End()], []),
    "tarpit-leave": ("deny:", [*_path(b"/tarpit"), Pause(0.05), HalfClose(), End()], []),
    "tarpit-reset": ("deny:", [*_path(b"/tarpit"), Pause(0.05), Reset()], []),
    "content-reject": ("content:", [*_path(b"/reject"), End()], []),
    "content-drop": ("content:", [*_path(b"/drop"), Pause(0.1)], []),
    "content-ok": ("content:", [GET, DONE], answers(OK)),
    "deny-response": ("denyres:", [GET], answers(reply(b"404 No", b"content-length: 0"))),
    "return-response": ("denyres:", [GET], answers(reply(b"405 No", b"content-length: 0"))),
    "content-response": ("contentres:", [GET], answers(OK)),
    # towards the server
    "no-server": ("plain:none", [GET], []),
    "refused": ("plain:dead", [GET], []),
    "hangs": ("plain:full", [GET, Until(b"</html>")], []),
    "hangs-leave": ("plain:late", [GET, Pause(0.05), HalfClose(), End()], []),
    "hangs-reset": ("plain:late", [GET, Pause(0.05), Reset()], []),
    "queue-late": ("plain:queue", [GET, Pause(0.05), On(1), GET, Until(b"</html>"), On(0), DONE], _HELD),
    "queue-leave": ("abort:queue", [GET, Pause(0.05), On(1), GET, Pause(0.05), HalfClose(), End(), On(0), DONE], _HELD),
    "queue-reset": ("abort:queue", [GET, Pause(0.05), On(1), GET, Pause(0.05), Reset(), On(0), DONE], _HELD),
    # the reply's head
    "empty": ("plain:", [GET], [[HEAD, Close()]]),
    "resets": ("plain:", [GET], [[HEAD, Pause(0.05), Reset()]]),
    "half-head": ("plain:", [GET], once(b"HTTP/1.1 200 OK\r\nfoo")),
    "bad-head": ("plain:", [GET], once(b"HTTP/1.1 200 OK\r\nfoo\r\n\r\n")),
    "silent": ("server:", [GET, Until(b"</html>")], [[HEAD]]),
    "leave": ("abort:", [GET, Pause(0.05), HalfClose(), End()], [[HEAD, Pause(0.2), OK]]),
    "leave-reset": ("abort:", [GET, Pause(0.05), Reset()], [[HEAD, Pause(0.2), OK]]),
    "leave-patient": ("plain:", [GET, Pause(0.05), HalfClose(), End()], [[HEAD, Pause(0.2), OK]]),
    "body-late": ("client:", [_PUT + b"he", End()], [[HEAD]]),
    "body-leave": ("plain:", [_PUT + b"he", Pause(0.05), HalfClose(), End()], [[HEAD, End()]]),
    "body-reset": ("plain:", [_PUT + b"he", Pause(0.05), Reset()], [[HEAD, End()]]),
    "body-junk": ("plain:", [_CHUNKED + b"3\r\nabc\r\n", Pause(0.05), b"zz\r\n"], [[HEAD, End()]]),
    "body-junk-early": ("plain:", [_CHUNKED + b"zz\r\n"], [[HEAD, End()]]),
    "body-junk-answered": ("plain:", [_CHUNKED + b"3\r\nabc\r\n", Until(b"\r\n\r\n"), b"zz\r\n"],
                           [[HEAD, reply(b"200 OK", b"content-length: 9", body=b"abc"), End()]]),
    # the reply's body
    "cut": ("plain:", [GET, End()], once(reply(b"200 OK", b"content-length: 9", body=b"abc"))),
    "cut-reset": ("plain:", [GET, End()], [[HEAD, reply(b"200 OK", b"content-length: 9", body=b"abc"), Pause(0.05), Reset()]]),
    "cut-chunked": ("plain:", [GET, End()], once(reply(b"200 OK", b"transfer-encoding: chunked", body=b"9\r\nabc"))),
    "junk-chunk": ("plain:", [GET, Pause(0.1), End()],
                   [[HEAD, reply(b"200 OK", b"transfer-encoding: chunked", body=b"3\r\nabc\r\n"), Pause(0.05), b"zz\r\n", End()]]),
    "stalls": ("server:", [GET, End()], [[HEAD, reply(b"200 OK", b"content-length: 9", body=b"abc")]]),
    "left": ("plain:", [GET, Until(b"abc"), HalfClose(), End()], [[HEAD, reply(b"200 OK", b"content-length: 9", body=b"abc"), Pause(0.1), b"defghi"]]),
    "left-abort": ("abort:", [GET, Until(b"abc"), HalfClose(), End()], [[HEAD, reply(b"200 OK", b"content-length: 9", body=b"abc"), Pause(0.1), b"defghi"]]),
    "deaf": ("client:", [Deaf(), GET, Pause(0.7)], [[HEAD, ok(body=_BIG)]]),
    # tunnels
    "tunnel": ("plain:", [_UP, HEAD, b"ping", Until(b"pong"), HalfClose(), End()], [[HEAD, _SWITCH, Until(b"ping"), b"pong", End(), Close()]]),
    "tunnel-server": ("plain:", [_UP, HEAD, End()], [[HEAD, _SWITCH, Pause(0.05), Close()]]),
    "tunnel-reset": ("plain:", [_UP, HEAD, b"ping", Pause(0.05), Reset()], [[HEAD, _SWITCH, End()]]),
    "tunnel-server-reset": ("plain:", [_UP, HEAD, b"ping", End()], [[HEAD, _SWITCH, Until(b"ping"), Reset()]]),
    "tunnel-late": ("tunnel:", [_UP, HEAD, b"ping", End()], [[HEAD, _SWITCH]]),
}

TCP: dict[str, Row] = {
    "ok": ("plain:", [b"hello", Until(b"HELLO"), HalfClose(), End()], [[Until(b"hello"), b"HELLO", End(), Close()]]),
    "server-first": ("plain:", [b"hello", End()], [[Until(b"hello"), b"HELLO", Close()]]),
    "half": ("plain:", [b"hello", HalfClose(), End()], [[End(), b"late", Close()]]),
    "nothing": ("plain:", [HalfClose(), End()], [[End(), Close()]]),
    "nothing-null": ("null:", [HalfClose(), End()], [[End(), Close()]]),
    "reset": ("plain:", [b"hello", Pause(0.3), Reset()], [[Until(b"hello"), End(), Close()]]),
    "server-reset": ("plain:", [b"hello", End()], [[Until(b"hello"), Pause(0.05), Reset()]]),
    "client-late": ("client:", [b"hello", End()], [[Until(b"hello")]]),
    "server-late": ("server:", [b"hello", End()], [[Until(b"hello")]]),
    "half-late": ("server:", [b"hello", HalfClose(), End()], [[Until(b"hello")]]),
    "deaf": ("client:", [Deaf(), b"go", Pause(0.7)], [[Until(b"go"), _BIG]]),
    "no-server": ("plain:none", [b"hello", End()], []),
    "refused": ("plain:dead", [b"hello", End()], []),
    "hangs": ("plain:full", [b"hello", End()], []),
    "hangs-leave": ("plain:late", [b"hello", Pause(0.05), HalfClose(), End()], []),
    "hangs-reset": ("plain:late", [b"hello", Pause(0.05), Reset()], []),
    "queue-late": ("plain:queue", [b"a", Pause(0.05), On(1), b"b", End(), Close(), Pause(0.05), On(0), HalfClose(), End()], [[End(), Close()]]),
    "queue-leave": ("abort:queue", [b"a", Pause(0.05), On(1), b"b", Pause(0.05), HalfClose(), End(), On(0), HalfClose(), End()], [[End(), Close()]]),
    "queue-reset": ("abort:queue", [b"a", Pause(0.05), On(1), b"b", Pause(0.05), Reset(), On(0), HalfClose(), End()], [[End(), Close()]]),
    "content-ok": ("content:", [b"abcd", Until(b"hi"), HalfClose(), End()], [[Until(b"abcd"), b"hi", End(), Close()]]),
    "content-reject": ("content:", [b"ab", End()], []),
    "content-leave": ("content:", [b"ab", HalfClose(), End()], []),
    "content-drop": ("drop:", [b"ab", Pause(0.4)], []),
    "response-reject": ("response:", [b"hello", End()], [[Until(b"hello"), b"ab", Pause(0.4)]]),
    "response-ok": ("response:", [b"hello", Until(b"abcd"), HalfClose(), End()], [[Until(b"hello"), b"abcd", End(), Close()]]),
}

# What is chance in HAProxy too: which of two timers strikes first, what a reset throws away
# (and how far a handshake has come when the relay in front sees that its client has gone)
CHANCE = {"http-tunnel-late": ("logs",), "http-tarpit-reset": ("logs",), "tcp-server-late": ("servers",)}

CLEAR_ONLY = frozenset({"http-nothing", "http-nothing-reset", "http-left-abort", "tcp-nothing", "tcp-nothing-null"})

TEMPLATES.update(ENDS)
CASES: list[Case] = [
    Case(f"end-{mode}-{name}{kind}", f"{mode}:{where}{kind}", client, server, settle=0.4, ignore=CHANCE.get(f"{mode}-{name}", ()))
    for mode, rows in (("http", HTTP), ("tcp", TCP))
    for name, (where, client, server) in rows.items()
    for kind in (KINDS[:1] if f"{mode}-{name}" in CLEAR_ONLY else KINDS)
]
