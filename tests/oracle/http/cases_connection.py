"""Who keeps a connection: both versions, both directions, every mode."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, HalfClose, Pause, Reset, Serve, Until
from tests.oracle.http.shorthand import DONE, GET, GET10, OK, answers, get, ok, once, reply

_CLIENTS: dict[str, bytes] = {
    "11": GET,
    "11-ka": get(b"connection: keep-alive"),
    "11-close": get(b"connection: close"),
    "11-both": get(b"connection: keep-alive, close"),
    "11-two": get(b"connection: close", b"Connection: keep-alive"),
    "11-listed": get(b"connection: x-foo", b"x-foo: bar"),
    "11-kaf": get(b"keep-alive: timeout=5", b"connection: keep-alive"),
    "11-pconn": get(b"proxy-connection: keep-alive"),
    "11-pclose": get(b"proxy-connection: close"),
    "11-upcase": get(b"Connection: CLOSE"),
    "11-te": get(b"te: trailers", b"connection: te"),
    "11-te2": get(b"te: gzip", b"connection: te"),
    "11-te3": get(b"te: trailers, gzip;q=0.5"),
    "10": GET10,
    "10-ka": get(b"connection: keep-alive", version=b"1.0"),
    "10-kahost": get(b"host: a", b"connection: Keep-Alive", version=b"1.0"),
    "10-close": get(b"connection: close", version=b"1.0"),
    "10-pconn": get(b"proxy-connection: keep-alive", version=b"1.0"),
}

_SERVERS: dict[str, bytes] = {
    "11": ok(),
    "11-ka": ok(b"connection: keep-alive"),
    "11-close": ok(b"connection: close"),
    "11-kaf": ok(b"keep-alive: timeout=5, max=100", b"connection: keep-alive"),
    "11-listed": ok(b"connection: x-foo", b"x-foo: bar"),
    "11-pconn": ok(b"proxy-connection: close"),
    "10": ok(version=b"1.0"),
    "10-ka": ok(b"connection: keep-alive", version=b"1.0"),
    "10-close": ok(b"connection: close", version=b"1.0"),
}

_MODES = {"plain": "ka", "close": "scl", "httpclose": "hcl"}


def _requests() -> list[Case]:
    """Each client form in each mode; a second request on the same connection shows whether it was kept."""
    return [
        Case(f"conn-{short}-req-{name}", mode, [head, DONE, GET], answers(OK, OK))
        for mode, short in _MODES.items()
        for name, head in _CLIENTS.items()
    ]


def _replies() -> list[Case]:
    return [
        Case(f"conn-{short}-res-{name}-{version}", mode, [head, DONE, GET], answers(piece, OK))
        for mode, short in _MODES.items()
        for name, piece in _SERVERS.items()
        for version, head in (("c11", GET), ("c10ka", _CLIENTS["10-ka"]))
    ]


_UNTIL = reply(b"200 OK", b"x: y", body=b"until the end")
_UNTIL10 = reply(b"200 OK", b"x: y", body=b"until the end", version=b"1.0")

CASES: list[Case] = [
    *_requests(),
    *_replies(),
    Case("pipeline-3", "plain", [GET + get(target=b"/2") + get(target=b"/3")], [[Serve()]]),
    Case("pipeline-post", "plain", [get(b"content-length: 3", method=b"POST") + b"abc" + GET], [[Serve()]]),
    Case("pipeline-close-mid", "plain", [GET + get(b"connection: close") + GET], [[Serve()]]),
    Case("pipeline-bad-second", "plain", [GET + b"GARBAGE\r\n\r\n"], [[Serve()]]),
    Case("pipeline-two-chunked", "plain",
         [(get(b"transfer-encoding: chunked", method=b"POST") + b"3\r\nabc\r\n0\r\n\r\n") * 2], [[Serve()]]),
    Case("until-close", "plain", [GET], once(_UNTIL)),
    Case("until-close-srv10", "plain", [GET], once(_UNTIL10)),
    Case("until-close-c10", "plain", [GET10], once(_UNTIL)),
    Case("until-close-c10ka", "plain", [_CLIENTS["10-ka"]], once(_UNTIL)),
    Case("until-close-reset", "plain", [GET], [[HEAD, _UNTIL, Pause(0.05), Reset()]]),
    Case("until-close-empty", "plain", [GET], once(reply(b"200 OK"))),
    Case("until-close-halfclose", "plain", [GET], [[HEAD, _UNTIL, HalfClose()]]),
    Case("server-closes-idle", "plain", [GET, DONE, Pause(0.1), GET], [[HEAD, OK, Close()], [Serve()]]),
    Case("server-closes-with-second", "plain", [GET, DONE, GET], [[HEAD, OK, HEAD, Close()], [Serve()]]),
    Case("server-resets-second", "plain", [GET, DONE, GET], [[HEAD, OK, HEAD, Reset()], [Serve()]]),
    Case("server-close-said-and-kept", "plain", [GET, DONE, GET], [[HEAD, ok(b"connection: close")], [Serve()]]),
    Case("client-halfclose-after-get", "plain", [GET, HalfClose()], [[HEAD, Pause(0.05), OK]]),
    Case("client-halfclose-ka2", "plain", [GET, DONE, GET, HalfClose()], [[HEAD, OK, HEAD, Pause(0.05), OK]]),
    Case("client-closes-idle", "plain", [GET, Until(b"s1.1.1"), HalfClose()], [[Serve()]]),
    Case("client-blank-lines", "plain", [b"\r\n\r\n" + GET, DONE, b"\r\n" + GET], [[HEAD, OK, HEAD, OK]]),
    Case("client-blank-lf", "plain", [b"\n" + GET, DONE], [[HEAD, OK]]),
    Case("client-blank-only", "plain", [b"\r\n", HalfClose()], []),
    Case("split-head", "plain", [GET[:5], Pause(0.02), GET[5:20], Pause(0.02), GET[20:]], answers(OK)),
    Case("split-reply", "plain", [GET], [[HEAD, OK[:10], Pause(0.02), OK[10:30], Pause(0.02), OK[30:]]]),
    Case("ka-option-res-close", "kaoption", [GET, DONE, GET], [[HEAD, ok(b"connection: close"), Close()], [Serve()]]),
    Case("pretend-ka-req", "pretend", [GET, DONE, GET], answers(OK, OK)),
    Case("pretend-ka-10", "pretend", [_CLIENTS["10-ka"], DONE, GET], answers(OK, OK)),
    Case("frontend-close-backend-ka", "feclose", [GET, DONE, GET], answers(OK, OK)),
    Case("frontend-ka-backend-close", "beclose", [GET, DONE, GET], answers(OK, OK)),
    Case("frontend-scl-backend-hcl", "fescl", [GET, DONE, GET], answers(OK, OK)),
    Case("two-clients", "plain", [GET, Until(b"s1.1.1"), GET], [[Serve()]]),
]
