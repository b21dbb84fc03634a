"""Options of a proxy that change fields, replies or waiting."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, HalfClose, Pause, Reset, Until
from tests.oracle.http.shorthand import DONE, GET, GET10, OK, answers, get

_XFF = get(b"X-Forwarded-For: 10.1.2.3", b"foo: bar")
_PUT = get(b"content-length: 5", method=b"PUT")
_EXPECT = get(b"content-length: 4", b"expect: 100-continue", method=b"PUT")
_KA10 = get(b"connection: keep-alive", version=b"1.0")

_FIELDS = ("forwardfor", "ff-except", "ff-except-other", "ff-header", "ff-ifnone", "ff-both", "ff-front-ifnone", "originalto",
           "ot-header", "ot-except", "ff-and-ot", "unique-id", "ff-order", "send-name")

CASES: list[Case] = [
    *(Case(f"field-{name}", name, [GET], answers(OK)) for name in _FIELDS),
    *(Case(f"field-{name}-there", name, [_XFF], answers(OK)) for name in _FIELDS),
    Case("field-ff-post", "forwardfor", [_PUT + b"hello"], [[Until(b"hello"), OK]]),
    Case("field-ff-10", "forwardfor", [GET10], answers(OK)),
    Case("field-ff-second", "forwardfor", [GET, DONE, _XFF], answers(OK, OK)),
    Case("field-ff-close", "forwardfor", [get(b"connection: close")], answers(OK)),
    Case("field-ff-upgrade", "forwardfor", [get(b"connection: upgrade", b"upgrade: x")], answers(OK)),
    Case("monitor-hit", "monitor", [get(target=b"/alive")], []),
    Case("monitor-hit-query", "monitor", [get(target=b"/alive?x=1")], answers(OK)),
    Case("monitor-hit-10", "monitor", [get(target=b"/alive", version=b"1.0")], []),
    Case("monitor-hit-head", "monitor", [get(target=b"/alive", method=b"HEAD")], []),
    Case("monitor-hit-post", "monitor", [get(b"content-length: 2", target=b"/alive", method=b"POST") + b"hi"], []),
    Case("monitor-twice", "monitor", [get(target=b"/alive"), Until(b"</html>\n"), GET], answers(OK)),
    Case("monitor-ka10", "monitor", [get(b"connection: keep-alive", target=b"/alive", version=b"1.0")], []),
    Case("monitor-miss", "monitor", [get(target=b"/alive2")], answers(OK)),
    Case("monitor-fails", "monitor-fail", [get(target=b"/alive"), Until(b"</html>\n"), get(target=b"/alive")], []),
    Case("errorfile-503", "errorfile", [GET], []),
    Case("errorfile-503-ka", "errorfile", [GET, Until(b"fishing\n"), GET], []),
    Case("errorfile-400", "errorfile", [b"GARBAGE\r\n\r\n"], []),
    Case("errorfile-403", "errorfile-deny", [GET, Until(b"out\n"), GET], []),
    Case("errorfile-403-10", "errorfile-deny", [GET10], []),
    Case("errorfile-403-head", "errorfile-deny", [get(method=b"HEAD")], []),
    Case("errorfile-null-503", "errorfile-null", [GET], []),
    Case("errorfile-null-400", "errorfile-null", [b"GARBAGE\r\n\r\n"], []),
    Case("errorloc302-503", "errorloc302", [GET], []),
    Case("errorloc303-503", "errorloc303", [GET], []),
    Case("refused-503", "refused", [GET], []),
    Case("refused-503-twice", "refused", [GET, Until(b"</html>\n"), GET], []),
    Case("refused-503-10", "refused", [GET10], []),
    Case("refused-503-ka10", "refused", [_KA10], []),
    Case("refused-503-head", "refused", [get(method=b"HEAD")], []),
    Case("refused-503-put", "refused", [_PUT + b"hello"], []),
    Case("refused-503-put-waits", "refused", [_PUT], []),
    Case("refused-503-close", "refused", [get(b"connection: close")], []),
    Case("noserver-503", "no-server", [GET], []),
    Case("disabled-503", "disabled", [GET], []),
    Case("nobackend-503", "no-backend", [GET, Until(b"</html>\n"), GET], []),
    Case("abort-on", "abortonclose", [GET, Pause(0.03), HalfClose()], [[HEAD, Pause(0.2), OK]]),
    Case("abort-on-reset", "abortonclose", [GET, Pause(0.03), Reset()], [[HEAD, Pause(0.2), OK]]),
    Case("abort-off", "plain", [GET, Pause(0.03), HalfClose()], [[HEAD, Pause(0.2), OK]]),
    Case("probes-close", "ignore-probes", [HalfClose()], []),
    Case("probes-reset", "ignore-probes", [Reset()], []),
    Case("probes-partial", "ignore-probes", [b"GET", HalfClose()], []),
    Case("no-delay", "http-no-delay", [GET], answers(OK)),
    Case("tcp-options", "contstats", [GET, DONE, GET], answers(OK, OK)),
    Case("buffer-whole", "buffer", [_PUT + b"hello"], [[Until(b"hello"), OK]]),
    Case("buffer-waits", "buffer", [_PUT, Pause(0.05), b"hello"], [[Until(b"hello"), OK]]),
    Case("buffer-incomplete", "buffer", [_PUT + b"he", Pause(0.05), HalfClose()], [[Until(b"hello"), OK]]),
    Case("buffer-chunked", "buffer", [get(b"transfer-encoding: chunked", method=b"POST") + b"3\r\nabc\r\n", Pause(0.05), b"0\r\n\r\n"],
         [[Until(b"0\r\n\r\n"), OK]]),
    # rules see the whole body, however it comes; the client is told to go on
    *(Case(f"buffer-rule-{side}-{name}", f"buffer-rule-{side}", sent, [[Until(text), OK]])
      for side in ("front", "back")
      for name, sent, text in (
          ("denied", [get(b"content-length: 4", method=b"PUT"), Pause(0.05), b"ev", Pause(0.05), b"il"], b"evil"),
          ("passed", [get(b"content-length: 4", method=b"PUT"), Pause(0.05), b"go", Pause(0.05), b"od"], b"good"),
          ("expect", [_EXPECT, Pause(0.05), b"good"], b"good"),
          ("expect-denied", [_EXPECT, Pause(0.05), b"evil"], b"evil"),
          ("expect-sent", [_EXPECT + b"good"], b"good"),
          ("expect-none", [get(b"content-length: 0", b"expect: 100-continue", method=b"PUT")], b"\r\n\r\n"),
          ("expect-10", [get(b"content-length: 4", b"expect: 100-continue", method=b"PUT", version=b"1.0"), Pause(0.05), b"good"], b"good"),
      )),
    Case("del-header-regex", "del-regex", [get(b"X-Aa: 1", b"x-ab: 1", b"X-Bb: 1", b"X-Cc: 1")], answers(OK)),
    Case("buffer-large", "buffer", [get(b"content-length: 40000", method=b"PUT") + b"x" * 40000], [[Until(b"x" * 40000), OK]]),
]
