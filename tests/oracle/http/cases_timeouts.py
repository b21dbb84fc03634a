"""Timeouts, all short: what the peers see and which two letters are logged."""

from collections.abc import Sequence

from tests.harness.case import Case
from tests.harness.wire import HEAD, End, HalfClose, On, Pause, Script, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get, reply

_PUT = get(b"content-length: 5", method=b"PUT")
_UP = get(b"connection: upgrade", b"upgrade: foo")
_SWITCH = reply(b"101 S", b"connection: upgrade", b"upgrade: foo")
_ERR = Until(b"</html>\n")


def _slow(ident: str, template: str, client: Script, server: Sequence[Script] = ()) -> Case:
    return Case(ident, template, client, server, settle=0.5)


CASES: list[Case] = [
    _slow("time-request-nothing", "to-request", [End()]),
    _slow("time-request-partial", "to-request", [b"GET / HTTP/1.1\r\nho", End()]),
    _slow("time-request-dribble", "to-request", [b"GET", Pause(0.08), b" / HTTP/1.1\r\n", Pause(0.05), b"a: b\r\n", End()]),
    _slow("time-request-blank", "to-request", [b"\r\n", End()]),
    _slow("time-client-nothing", "to-request-client", [End()]),
    _slow("time-client-partial", "to-request-client", [b"GET / HT", End()]),
    _slow("time-keepalive", "to-ka", [GET, DONE, End()], answers(OK)),
    _slow("time-keepalive-partial", "to-ka", [GET, DONE, Pause(0.05), b"GE", End()], answers(OK)),
    _slow("time-keepalive-is-request", "to-ka-req", [GET, DONE, End()], answers(OK)),
    _slow("time-server-silent", "to-server", [GET, _ERR, End()], [[HEAD]]),
    _slow("time-server-partial-head", "to-server", [GET, _ERR], [[HEAD, b"HTTP/1.1 200 OK\r\nfoo"]]),
    _slow("time-server-mid-body", "to-server", [GET, End()], [[HEAD, reply(b"200 OK", b"content-length: 10", body=b"abc")]]),
    _slow("time-server-mid-chunk", "to-server", [GET, End()], [[HEAD, reply(b"200 OK", b"transfer-encoding: chunked", body=b"3\r\nabc\r\n")]]),
    _slow("time-server-close-delimited", "to-server", [GET, End()], [[HEAD, reply(b"200 OK", body=b"abc")]]),
    _slow("time-server-after-100", "to-server", [GET, _ERR], [[HEAD, b"HTTP/1.1 100 Continue\r\n\r\n"]]),
    _slow("time-client-mid-body", "to-client", [_PUT + b"he", End()], [[HEAD]]),
    _slow("time-client-mid-body-early", "to-client", [_PUT + b"he", DONE, Pause(0.5)], [[HEAD, OK]]),
    # both sides of a tunnel time out together: which one is named in the log is chance
    Case("time-tunnel", "to-tunnel", [_UP, Until(b"\r\n\r\n"), b"ping", End()], [[HEAD, _SWITCH]], settle=0.5, ignore=("logs",)),
    _slow("time-tunnel-less", "to-request-client", [_UP, Until(b"\r\n\r\n"), b"ping", End()], [[HEAD, _SWITCH]]),
    _slow("time-tarpit", "to-tarpit", [get(target=b"/tar"), End()]),
    _slow("time-tarpit-429", "to-tarpit", [get(target=b"/tar429"), End()]),
    _slow("time-tarpit-leave", "to-tarpit", [get(target=b"/tar"), Pause(0.03), HalfClose(), End()]),
    _slow("time-buffer", "to-buffer", [_PUT + b"he", End()], answers(OK)),
    _slow("time-queue", "to-queue", [GET, Pause(0.05), On(1), GET, _ERR, On(0), DONE], [[HEAD, Pause(0.25), OK], [HEAD, OK]]),
    _slow("time-queue-leave", "to-queue", [GET, Pause(0.03), On(1), GET, Pause(0.03), HalfClose(), End(), On(0), DONE], [[HEAD, Pause(0.2), OK], [HEAD, OK]]),
    _slow("time-queue-served", "to-server-ka-queue", [GET, Pause(0.03), On(1), GET, On(0), DONE, On(1), DONE], [[HEAD, Pause(0.1), OK, HEAD, OK], [HEAD, OK]]),
    _slow("time-tcp-client", "tcp-short", [b"hello", End()], [[Until(b"hello")]]),
    _slow("time-tcp-nothing", "tcp-short", [End()], [[]]),
    _slow("time-tcp-server-first", "tcp-short", [End()], [[b"banner"]]),
    _slow("time-tcp-fin-client", "tcp-fin", [b"bye", HalfClose(), End()], [[Until(b"bye")]]),
    _slow("time-tcp-fin-server", "tcp-fin", [Until(b"x"), End()], [[b"x", HalfClose()]]),
    _slow("time-inspect-nothing", "tcp-inspect", [End()], [[b"banner"]]),
    _slow("time-inspect-short", "tcp-inspect", [b"abc", End()], [[b"banner"]]),
]
