"""Bodies larger than any buffer, in both directions; limits of connections; the order of round robin."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, HalfClose, On, Pause, Serve, Step, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get, reply

_SIZE = 700_001
_BODY = bytes(range(256)) * (_SIZE // 256) + b"x" * (_SIZE % 256 - 4) + b"LAST"
_TOTAL = len(_BODY)
_LAST = Until(b"LAST")
_LAST_CHUNK = Until(b"T\r\n0\r\n\r\n")
_PUT = get(b"content-length: %d" % _TOTAL, method=b"PUT")
_S: list[list[Step]] = [[Serve()]]


def _chunked(size: int) -> bytes:
    pieces = (_BODY[at : at + size] for at in range(0, _TOTAL, size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


_SIX: list[Step] = [step for _ in range(6) for step in (GET, Until(b"length: 6\r\n\r\ns"))]

CASES: list[Case] = [
    Case("big-get", "plain", [GET, _LAST, GET, DONE], [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY), HEAD, OK]]),
    Case("big-get-two", "plain", [GET, _LAST, GET, _LAST], [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY)] * 2]),
    Case("big-get-pieces", "plain", [GET, _LAST, GET, DONE],
         [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL), _BODY[:5], Pause(0.02), _BODY[5:300_000], Pause(0.02), _BODY[300_000:], HEAD, OK]]),
    Case("big-get-surplus", "plain", [GET, _LAST, Pause(0.05), GET, DONE],
         [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY) + b"surplus"], [HEAD, OK]]),
    Case("big-get-short", "plain", [GET], [[HEAD, reply(b"200 OK", b"content-length: %d" % (_TOTAL + 5), body=_BODY), Close()]]),
    Case("big-get-close", "plain", [get(b"connection: close"), _LAST], [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY)]]),
    Case("big-get-until-close", "plain", [GET, _LAST], [[HEAD, reply(b"200 OK", body=_BODY), Close()]]),
    Case("big-get-chunked", "plain", [GET, _LAST_CHUNK, Pause(0.05), GET, DONE], [[HEAD, reply(b"200 OK", b"transfer-encoding: chunked", body=_chunked(70_000)), HEAD, OK]]),
    Case("big-get-chunked-small", "plain", [GET, _LAST_CHUNK, Pause(0.05), GET, DONE], [[HEAD, reply(b"200 OK", b"transfer-encoding: chunked", body=_chunked(1000)), HEAD, OK]]),
    Case("big-get-chunked-cut", "plain", [GET], [[HEAD, reply(b"200 OK", b"transfer-encoding: chunked", body=_chunked(70_000)[:-9]), Close()]]),
    Case("big-get-scl", "close", [GET, _LAST, GET, DONE], [[HEAD, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY)], [HEAD, OK]]),
    Case("big-put", "plain", [_PUT + _BODY, DONE, GET, DONE], [[_LAST, OK, HEAD, OK]]),
    Case("big-put-pieces", "plain", [_PUT, Pause(0.02), _BODY[:100_000], Pause(0.02), _BODY[100_000:], DONE], [[_LAST, OK]]),
    Case("big-put-pipelined", "plain", [_PUT + _BODY + GET, DONE, DONE], [[_LAST, OK, HEAD, OK]]),
    Case("big-put-chunked", "plain", [get(b"transfer-encoding: chunked", method=b"PUT") + _chunked(60_000), DONE], [[Until(b"LAST\r\n0\r\n\r\n"), OK]]),
    Case("big-put-early", "plain", [_PUT + _BODY[:1000], DONE, _BODY[1000:], Pause(0.1), GET, DONE], [[HEAD, OK, _LAST, HEAD, OK]]),
    Case("big-both", "plain", [_PUT + _BODY, _LAST], [[_LAST, reply(b"200 OK", b"content-length: %d" % _TOTAL, body=_BODY)]]),
    Case("big-tunnel", "plain", [get(b"connection: upgrade", b"upgrade: foo"), Until(b"\r\n\r\n"), _BODY, _LAST, HalfClose()],
         [[HEAD, reply(b"101 S", b"connection: upgrade", b"upgrade: foo"), _LAST, _BODY, Close()]]),
    Case("order-weights", "weights", _SIX, _S, _S),
    Case("order-zero-weight", "zero-weight", [GET, Until(b"s2."), GET], _S, _S),
    Case("limit-server-maxconn", "server-maxconn", [GET, Pause(0.03), On(1), GET, On(0), DONE, On(1), DONE], [[HEAD, Pause(0.1), OK, HEAD, OK], [HEAD, OK]]),
    Case("limit-fe-maxconn", "fe-maxconn", [get(b"connection: close"), Pause(0.03), On(1), GET, Pause(0.03), On(0), DONE, On(1), DONE],
         [[HEAD, Pause(0.1), OK, HEAD, OK], [HEAD, OK]]),
    Case("buffer-head-split-16k", "plain", [get(b"x-fill: " + b"y" * 12000)[:-2], Pause(0.03), b"\r\n", DONE], answers(OK)),
]
