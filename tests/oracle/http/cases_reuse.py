"""Which server connection carries which request; retries and redispatch; PROXY protocol; two servers."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, HalfClose, On, Pause, Reset, Serve, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get, reply

_MODES = ("never", "safe", "aggressive", "always", "default", "nopool")
_ERR = Until(b"</html>\n")
_S = [[Serve()]]
_POST = get(b"content-length: 3", method=b"POST") + b"abc"
_503 = reply(b"503 Busy", b"content-length: 4", body=b"busy")


def _modes() -> list[Case]:
    found: list[Case] = []
    for mode in _MODES:
        name = f"reuse-{mode}"
        found += [
            Case(f"{name}-two-clients", name, [GET, Until(b".1.1"), On(1), GET, Until(b"s1."), Pause(0.03), GET], _S),
            Case(f"{name}-after-close", name, [get(b"connection: close"), Until(b"s1.1.1"), Pause(0.05), On(1), GET], _S),
            Case(f"{name}-kept-then-new", name, [GET, Until(b"s1."), GET, Until(b"s1."), Pause(0.05), HalfClose(), Pause(0.05), On(1), GET], _S),
            Case(f"{name}-second-takes", name, [GET, Until(b"s1."), On(1), GET, Until(b"s1."), GET, Until(b"s1."), On(2), GET, Until(b"s1."), GET], _S),
            Case(f"{name}-interleaved", name, [GET, Until(b"s1."), On(1), GET, Until(b"s1."), On(0), GET, Until(b"s1."), On(1), GET], _S),
            Case(f"{name}-server-died", name, [GET, DONE, Pause(0.05), On(1), GET, DONE, Pause(0.08), On(2), GET], [[HEAD, OK, Pause(0.02), Close()], [HEAD, OK], [HEAD, OK]]),
            Case(f"{name}-first-to-dying", name, [GET, DONE, Pause(0.03), On(1), GET, Pause(0.1), On(2), GET], [[HEAD, OK, HEAD, Close()], [HEAD, OK, HEAD, OK]]),
            Case(f"{name}-post-to-dying", name, [GET, DONE, Pause(0.03), On(1), _POST], [[HEAD, OK, HEAD, Close()], [HEAD, OK]]),
        ]
    return found


CASES: list[Case] = [
    *_modes(),
    Case("reuse-max-reuse", "maxreuse", [GET, Until(b"s1."), GET, Until(b"s1."), GET, Until(b"s1."), GET], _S),
    Case("reuse-dying-same-client-post", "plain", [GET, DONE, _POST], [[HEAD, OK, HEAD, Close()], [Serve()]]),
    Case("reuse-dying-partial-reply", "plain", [GET, DONE, GET], [[HEAD, OK, HEAD, b"HTTP/1.1 200", Close()], [Serve()]]),
    Case("two-servers-one-client", "reuse-two", [GET, Until(b".1.1"), GET, Until(b"s"), GET, Until(b"s"), GET], _S, _S),
    Case("two-servers-prefer-last", "reuse-prefer", [GET, Until(b".1.1"), GET, Until(b"s"), GET], _S, _S),
    Case("two-servers-clients", "reuse-two", [GET, Until(b"s"), On(1), GET, Until(b"s"), On(2), GET, Until(b"s"), On(3), GET], _S, _S),
    Case("backup-used", "backup", [GET], _S, _S),
    Case("retry-redispatched", "retry-redispatch-1", [GET, Until(b"s1.")], _S),
    Case("retry-redispatched-post", "retry-redispatch-1", [_POST, Until(b"s1.")], _S),
    Case("retry-redispatch-last", "retry-refused", [GET, Until(b"s1.")], _S),
    Case("retry-none", "retry-none", [GET, _ERR], _S),
    Case("retry-none-second", "retry-none", [GET, _ERR, GET], _S),
    Case("retry-waits-second", "plain-dead", [GET, _ERR], _S),
    Case("retry-empty-response", "retry-empty", [GET], [[HEAD, Close()], [HEAD, OK]]),
    Case("retry-empty-post", "retry-empty", [_POST], [[Until(b"abc"), Close()], [Until(b"abc"), OK]]),
    Case("retry-empty-all", "retry-empty", [GET], [[HEAD, Close()]]),
    Case("retry-empty-reset", "retry-empty", [GET], [[HEAD, Reset()], [HEAD, OK]]),
    Case("retry-empty-partial", "retry-empty", [GET], [[HEAD, b"HTTP/1.1 2", Close()], [HEAD, OK]]),
    Case("retry-503-then-ok", "retry-503", [GET], [[HEAD, _503], [HEAD, OK]]),
    Case("retry-503-always", "retry-503", [GET], [[HEAD, _503]]),
    Case("retry-all-junk", "retry-all", [GET], [[HEAD, b"junk\r\n\r\n"], [HEAD, OK]]),
    Case("retry-all-closed", "retry-all", [GET], [[HEAD, Close()], [HEAD, Close()], [HEAD, OK]]),
    Case("proxy-v1-one", "proxy-v1", [GET, DONE, GET], answers(OK, OK), ),
    Case("proxy-v2-one", "proxy-v2", [GET, DONE, GET], answers(OK, OK)),
    Case("accept-v1", "accept-proxy", [b"PROXY TCP4 10.9.8.7 10.1.1.1 4242 80\r\n" + GET], answers(OK)),
    Case("accept-v1-split", "accept-proxy", [b"PROXY TCP4 10.9.8.7 ", Pause(0.02), b"10.1.1.1 4242 80\r", Pause(0.02), b"\n" + GET], answers(OK)),
    Case("accept-v1-unknown", "accept-proxy", [b"PROXY UNKNOWN\r\n" + GET], answers(OK)),
    Case("accept-v1-unknown-long", "accept-proxy", [b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n" + GET], answers(OK)),
    Case("accept-v1-tcp6", "accept-proxy", [b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n" + GET], answers(OK)),
    Case("accept-v1-bad", "accept-proxy", [b"PROXY TCP4 10.9.8 10.1.1.1 4242 80\r\n" + GET], answers(OK)),
    Case("accept-v1-badport", "accept-proxy", [b"PROXY TCP4 10.9.8.7 10.1.1.1 99999 80\r\n" + GET], answers(OK)),
    Case("accept-v1-lf", "accept-proxy", [b"PROXY TCP4 10.9.8.7 10.1.1.1 1 2\n" + GET], answers(OK)),
    Case("accept-v1-long", "accept-proxy", [b"PROXY TCP4 " + b"1" * 120 + b"\r\n" + GET], answers(OK)),
    Case("accept-missing", "accept-proxy", [GET], answers(OK)),
    Case("accept-nothing", "accept-proxy", [HalfClose()], answers(OK)),
    Case("accept-partial", "accept-proxy", [b"PROXY TC", HalfClose()], answers(OK)),
    Case("accept-v2", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x09\x08\x07\x0a\1\1\1\x10\x92\0\x50" + GET], answers(OK)),
    Case("accept-v2-tlv", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\x0a\x09\x08\x07\x0a\1\1\1\x10\x92\0\x50\x04\0\2ab" + GET], answers(OK)),
    Case("accept-v2-local", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0" + GET], answers(OK)),
    Case("accept-v2-tcp6", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" + b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1" + b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\2\0\1\0\2" + GET],
         answers(OK)),
    Case("accept-v2-badversion", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\x0a\x09\x08\x07\x0a\1\1\1\x10\x92\0\x50" + GET], answers(OK)),
    Case("accept-v2-badcmd", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x25\x11\0\x0c\x0a\x09\x08\x07\x0a\1\1\1\x10\x92\0\x50" + GET], answers(OK)),
    Case("accept-v2-short", "accept-proxy", [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\x0a\x09\x08\x07" + GET], answers(OK)),
]
