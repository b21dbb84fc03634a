"""Capture slots: who declares, fills, overwrites and reads them, and what the log shows of them."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, HalfClose, Pause, Script, Until
from tests.oracle.http.shorthand import DONE, GET, OK, answers, get, ok
from tests.oracle.http.templates import DEFAULT_CAPTURES, TCP, TEMPLATES, Template, listen, split, tcp

_FORMAT = "log-format \"{id} %ST %hr %hs <%hrl> <%hsl> {+Q:%{+Q}hr %{+Q}hs %{+Q}hrl %{+Q}hsl}\""
_READ = (
    "http-response set-header x-slots \"%[capture.req.hdr(0)]|%[capture.req.hdr(1)]|%[capture.req.hdr(2)]|%[capture.res.hdr(0)]|%[capture.res.hdr(1)]\"",
    "http-response set-header x-line \"%[capture.req.method] %[capture.req.uri] %[capture.req.ver] %[capture.res.ver]\"",
)

TEMPLATES.update({
    "cap-declared": listen("declare capture request len 5", "declare capture response len 4", "http-request capture req.hdr(x-a) id 0",
                           "http-response capture res.hdr(x-b) id 0", *_READ, _FORMAT),
    "cap-unused": listen("declare capture request len 5", "declare capture request len 5", "declare capture response len 4", _FORMAT),
    "cap-none": listen(_FORMAT),
    "cap-mixed": listen("http-request capture req.hdr(x-a) len 3", "capture request header x-b len 4", "declare capture request len 6",
                        "capture response header x-c len 5", "declare capture response len 3", "http-request capture path id 2 if { path_beg /p }",
                        "http-response capture status id 1", *_READ, _FORMAT),
    "cap-again": listen("capture request header x-a len 4", "http-request capture req.hdr(x-b) id 0", "http-request capture req.hdr(x-c),lower id 0",
                        "declare capture response len 6", "http-response capture res.hdr(x-d) id 0", "http-response capture res.hdr(x-e) id 0", _FORMAT),
    "cap-backend": split(("declare capture request len 4", "declare capture response len 4", _FORMAT),
                         ("http-request capture path id 0", "http-request capture path id 7", "http-response capture res.hdr(x-b) id 0",
                          "http-response capture res.hdr(x-b) id 3")),
    "cap-after": listen("declare capture response len 9", "http-request return status 200 if { path /own }", "http-request deny if { path /deny }",
                        "http-after-response capture res.hdr(content-length) id 0", "log-format \"{id} %hs %[capture.res.ver]\""),
    "cap-converter": listen("declare capture request len 4", "declare capture response len 5",
                            "http-request set-header x-a %[path,capture-req(0),lower]", "http-request set-header x-b %[path,capture-req(9)]",
                            "http-response set-header x-c %[res.hdr(x-d),capture-res(0),upper]", _FORMAT),
    "cap-content": listen("tcp-request inspect-delay 1s", "tcp-request content capture req.hdr(x-a) len 4", "tcp-request content capture src len 15",
                          "http-request capture path len 5", _FORMAT),
    "cap-wait": tcp("tcp-request inspect-delay 200ms", "tcp-request content capture req.payload(0,3) len 5", "tcp-request content accept if { req.len gt 4 }",
                    "tcp-request content capture req.payload(0,5) len 4", "tcp-request content capture req.payload(0,99) len 4",
                    "log-format \"{id} %[capture.req.hdr(0)] %[capture.req.hdr(1)] %[capture.req.hdr(2)] %[capture.req.hdr(3)] %ts\""),
    "cap-rejected": tcp("tcp-request inspect-delay 1s", "tcp-request content capture req.payload(0,3) len 5", "tcp-request content reject if { req.len gt 4 }",
                        "log-format \"{id} %[capture.req.hdr(0)] %ts\""),
    "cap-quiet-tcp": Template(listen("capture request header x-a len 3", "log-format \"{id} %ts %[capture.req.hdr(0)]\"").text, defaults=TCP),
    "cap-defaults": Template("frontend {id} from captured\n    bind 127.0.0.1:{port}\n    http-request capture req.hdr(x-b) len 4\n"
                             "    http-request capture req.hdr(x-c) id 1\n    " + _FORMAT + "\n    default_backend {id}_b\n"
                             "backend {id}_b from plain\n    server s1 127.0.0.1:{s1}\n", defaults=DEFAULT_CAPTURES),
    "cap-types": listen("declare capture request len 20", "declare capture request len 20", "declare capture request len 20", "declare capture request len 20",
                        "http-request capture src id 0", "http-request capture path,length id 1", "http-request capture bool(true) id 2",
                        "http-request capture method id 3", _FORMAT),
    "cap-zero": listen("capture request header x-a len 0", "capture request header x-b len 2x", "capture response header x-c len no", _FORMAT),
    "cap-line": listen("http-request set-uri /changed%[path]", "http-request set-method PUT", *_READ, "log-format \"{id} %[capture.req.method] %[capture.req.uri] "
                       "%[capture.req.ver] %[capture.res.ver] %HM %HU %r\""),
    "cap-cookies": split(("capture cookie SID len 9", "capture request header x-a len 3", "http-request capture req.cook(SID) len 5",
                          "log-format \"{id} %CC %CS %hr %hs\""), ("cookie SID insert", "http-response set-header set-cookie SID=mine"),
                         "server s1 127.0.0.1:{s1} cookie a"),
})  # fmt: skip

_SENT = get(b"x-a: one 1", b"x-b: two 22", b"x-c: THREE", target=b"/path?q")
_SAID = answers(ok(b"x-b: reply", b"x-c: more than", b"x-d: first", b"x-e: second"), OK, OK)


def _case(name: str, template: str, *client: Script) -> Case:
    return Case(f"cap-{name}", f"cap-{template}", [step for script in client for step in script], _SAID)


def _all(*names: str) -> list[Case]:
    """One connection: a request with everything, one with nothing, and half of a third."""
    return [_case(name, name, [_SENT, DONE, GET, DONE, b"GET / HT", HalfClose()]) for name in names]


CASES: list[Case] = [
    *_all("declared", "unused", "none", "mixed", "again", "backend", "converter", "content", "defaults", "types", "zero", "line", "cookies"),
    _case("after-served", "after", [_SENT, DONE]),
    _case("after-own", "after", [get(target=b"/own"), Until(b"\r\n\r\n"), GET, DONE]),
    _case("after-denied", "after", [get(target=b"/deny")]),
    _case("mixed-condition", "mixed", [get(target=b"/no"), DONE, get(target=b"/pyes")]),
    _case("mixed-junk", "mixed", [b"junk\r\n\r\n"]),
    _case("odd-bytes", "mixed", [get(b"x-a: {|}", b"x-b: \"#\xe9", target=b"/p\"{|}")]),
    Case("cap-wait-enough", "cap-wait", [b"abcdefgh", Pause(0.05), HalfClose()], [[b"", HalfClose()]]),
    Case("cap-wait-little", "cap-wait", [b"abcd", Pause(0.4), HalfClose()], [[b"", HalfClose()]]),
    Case("cap-wait-pieces", "cap-wait", [b"ab", Pause(0.05), b"cdefg", Pause(0.05), HalfClose()], [[b"", HalfClose()]]),
    Case("cap-rejected", "cap-rejected", [b"abcdefgh"], []),
    Case("cap-quiet-tcp", "cap-quiet-tcp", [GET, DONE, HalfClose()], [[HEAD, OK, HalfClose()]]),
]
