"""Persistence without HTTP cookies: use-server and RDP cookies in TCP mode, the session's own server connection, full queues."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, HalfClose, On, Pause, Serve, Step, Until
from tests.oracle.http.shorthand import GET, get, ok, reply
from tests.oracle.http.templates import TEMPLATES, listen, tcp, two

_SERVED = [[Serve()]]
_NAMED: list[list[list[Step]]] = [[[Until(b"x"), b"one"]], [[Until(b"x"), b"two"]]]
_PAIR = "server s1 127.0.0.1:{s1}\nserver s2 127.0.0.1:{s2}"
_RDP = ("tcp-request inspect-delay 1s", "tcp-request content accept if RDP_COOKIE")
_COOKIES = "server s1 127.0.0.1:{s1} cookie a maxconn 1 maxqueue 1\nserver s2 127.0.0.1:{s2} cookie b"

TEMPLATES.update({
    "ps-tcp-use": tcp("tcp-request inspect-delay 1s", "tcp-request content accept if { req.len gt 0 }",
                      "use-server s2 if { req.payload(0,1) -m str B }", "use-server down unless { req.payload(0,1) -m str A }",
                      server=_PAIR + "\nserver down 127.0.0.1:{s1} disabled"),
    "ps-tcp-rdp": tcp(*_RDP, "persist rdp-cookie", server=_PAIR),
    "ps-tcp-rdp-name": tcp(*_RDP, "persist rdp-cookie(other)", server=_PAIR),
    "ps-prefer-never": two("option prefer-last-server", "http-reuse never"),
    "ps-never": two("http-reuse never"),
    "ps-prefer-safe": two("option prefer-last-server"),
    "ps-negotiate": two(),
    "ps-full": listen("cookie SID insert indirect", "timeout queue 300ms", server=_COOKIES),
    "ps-full-redispatch": listen("cookie SID insert indirect", "option redispatch", server=_COOKIES),
    "ps-full-forced": listen("cookie SID insert indirect", "option redispatch", "timeout queue 300ms", "force-persist if TRUE", server=_COOKIES),
})  # fmt: skip


def _rdp(value: bytes, name: bytes = b"msts") -> bytes:
    """The first packet of a Remote Desktop client."""
    line = b"Cookie: " + name + b"=" + value + b"\r\nx"
    return b"\x03\x00" + (len(line) + 11).to_bytes(2, "big") + bytes([len(line) + 6]) + b"\xe0\0\0\0\0\0" + line


_ADDRESS = str(int.from_bytes(b"\x7f\0\0\1", "little")).encode()
_VALUES = {"nobody": _ADDRESS + b".256.0000", "text": b"user", "short": _ADDRESS + b".1", "empty": b"", "huge": b"99999999999.1.0000", "sign": b"-1.-1.0",
           "dots": b"..", "ports": _ADDRESS + b".99999999.0000"}  # fmt: skip
_AUTH = {
    "negotiate": reply(b"401 No", b"www-authenticate: Negotiate", b"content-length: 2", body=b"ok"),
    "ntlm": reply(b"401 No", b"www-authenticate: NTLM abc", b"content-length: 2", body=b"ok"),
    "proxy": reply(b"407 No", b"proxy-authenticate: ntlm", b"content-length: 2", body=b"ok"),
    "second": reply(b"401 No", b"www-authenticate: Basic realm=x", b"www-authenticate: negotiate", b"content-length: 2", body=b"ok"),
    "basic": reply(b"401 No", b"www-authenticate: Basic realm=x", b"content-length: 2", body=b"ok"),
    "wrong-field": reply(b"401 No", b"proxy-authenticate: NTLM", b"content-length: 2", body=b"ok"),
    "no-401": reply(b"403 No", b"www-authenticate: NTLM", b"content-length: 2", body=b"ok"),
}  # fmt: skip
_HELD: list[list[Step]] = [[HEAD, Pause(0.25), ok(), HEAD, ok(), HEAD, ok()]]
_WANT = get(b"cookie: SID=a")
_OK = Until(b"\r\n\r\nok")


def _thrice() -> list[bytes | Until]:
    return [GET, _OK, GET, _OK, GET]


CASES: list[Case] = [
    *(Case(f"ps-tcp-use-{byte}", "ps-tcp-use", [byte.encode() + b"x", HalfClose()], *_NAMED) for byte in "ABC"),
    *(Case(f"ps-rdp-{name}", "ps-tcp-rdp", [_rdp(value)], *_NAMED) for name, value in _VALUES.items()),
    Case("ps-rdp-other-name", "ps-tcp-rdp-name", [_rdp(_ADDRESS + b".256.0000")], *_NAMED),
    *(Case(f"ps-last-{name}", f"ps-{name}", [GET, Until(b"s1."), GET, Until(b"s"), GET, Until(b"s"), On(1), GET], _SERVED, _SERVED)
      for name in ("prefer-never", "never", "prefer-safe")),
    *(Case(f"ps-auth-{name}", "ps-negotiate", _thrice(), [[HEAD, one, HEAD, ok(), HEAD, ok()]], [[HEAD, ok(), HEAD, ok()]]) for name, one in _AUTH.items()),
    *(Case(f"ps-{name}", f"ps-{name}", [_WANT, Pause(0.05), On(1), _WANT, Pause(0.05), On(2), _WANT, Pause(0.05), On(2), Pause(0.5)], _HELD, [[HEAD, ok(), Pause(0.1), Close()]],
           sort_logs=True) for name in ("full", "full-redispatch", "full-forced")),
]  # fmt: skip
