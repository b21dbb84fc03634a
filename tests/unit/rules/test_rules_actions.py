"""Actions: configuration lines -> what they do to a message, or the reply; bytes of replies came from haproxy 2.8."""

from __future__ import annotations

from pathlib import Path

import pytest

from haproxy_py.rules.keywords import (
    HTTP_AFTER_RULES,
    HTTP_REQUEST_RULES,
    HTTP_RESPONSE_RULES,
    INSPECT_DELAY,
    REDIRECT_RULES,
    TCP_CONTENT_RULES,
    USE_BACKEND,
)  # fmt: skip
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import head, load

RESPONSE = b"HTTP/1.1 200 OK\r\nserver: x\r\nx-a: 1\r\n\r\n"


def request(line: str, target: str = "/a/b?q=1", *fields: str) -> tuple[str, Trial]:
    """Run http-request lines on a request."""
    loaded = load(line)
    assert loaded.alerts() == []
    trial = Trial(head(target, "Host: h.example:8080", *fields))
    return trial.run(loaded.frontend[HTTP_REQUEST_RULES]), trial


@pytest.mark.parametrize(
    ("line", "fields", "left"),
    [
        ("set-header X-A b", (), [(b"x-a", b"b")]),
        ("set-header X-A b", ("x-a: 1", "X-A: 2"), [(b"x-a", b"b")]),
        ("add-header X-A b", ("X-A: 1",), [(b"x-a", b"1"), (b"x-a", b"b")]),
        ("set-header X-A %[src]:%[dst_port]", (), [(b"x-a", b"192.0.2.1:80")]),
        ('set-header X-A "a  b"', (), [(b"x-a", b"a  b")]),
        ("set-header X-A %[req.hdr(none)]", (), [(b"x-a", b"")]),
        ("set-header X-A 100%%", (), [(b"x-a", b"100%")]),
        ("set-header X-A %ci", (), [(b"x-a", b"192.0.2.1")]),
        ("set-header X-A %[bin(610a62)]", (), [(b"x-a", b"a%0Ab")]),
        ("del-header X-A", ("X-A: 1", "x-b: 2", "x-a: 3"), [(b"x-b", b"2")]),
        ("del-header X- -m beg", ("X-A: 1", "Y: 2", "x-b: 3"), [(b"y", b"2")]),
        ("del-header ^x.*a$ -m reg", ("X-A: 1", "x-b: 3"), [(b"x-b", b"3")]),
        ("replace-header X-A ^(.)(.)$ \\2\\1", ("X-A: 12", "x-a: 345"), [(b"x-a", b"21"), (b"x-a", b"345")]),
        ("replace-value X-A ^b(.*) c\\1", ("X-A: a, bx,  by",), [(b"x-a", b"a, cx,  cy")]),
        ("set-var(txn.v) req.hdr(x-a),upper\nhttp-request set-header X-A %[var(txn.v)]", ("x-a: q",), [(b"x-a", b"Q")]),
        ("set-var-fmt(req.v) <%[dst_port]>\nhttp-request set-header X-A %[var(req.v)]", (), [(b"x-a", b"<80>")]),
        ("set-var(txn.v) int(1)\nhttp-request unset-var(txn.v)\nhttp-request set-header X-A %[var(txn.v,none)]", (),
         [(b"x-a", b"none")]),
        ("set-header X-A b if { always_false }", (), []),
    ],
)  # fmt: skip
def test_fields(line: str, fields: tuple[str, ...], left: list[tuple[bytes, bytes]]) -> None:
    verdict, trial = request(f"http-request {line}", "/", *fields)
    assert verdict == "continue"
    assert [f for f in trial.fields() if f[0] != b"host"] == left


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("set-path /new", b"GET /new?q=1"),
        ("set-pathq /new?z", b"GET /new?z"),
        ("set-query z=2", b"GET /a/b?z=2"),
        ("set-query %[str(x),bytes(1)]", b"GET /a/b"),
        ("set-uri http://o/x", b"GET http://o/x"),
        ("set-method POST", b"POST /a/b?q=1"),
        ("replace-path (.*)/b /c\\1", b"GET /c/a?q=1"),
        ("replace-pathq /a/b(.*) /n\\1&r", b"GET /n?q=1&r"),
        ("replace-uri ^/(.*) http://o/\\1", b"GET http://o/a/b?q=1"),
        ("replace-path nomatch /c", b"GET /a/b?q=1"),
    ],
)
def test_request_line(line: str, result: bytes) -> None:
    assert request(f"http-request {line}")[1].line == result


@pytest.mark.parametrize(
    ("line", "target", "status", "fields"),
    [
        ("location /to code 301", "/", 301, [(b"location", b"/to")]),
        ("location /to", "/", 302, [(b"location", b"/to"), (b"cache-control", b"no-cache")]),
        ("location /to code 303", "/", 303, [(b"location", b"/to"), (b"cache-control", b"no-cache")]),
        ("location /to code 307", "/", 307, [(b"location", b"/to"), (b"cache-control", b"no-cache")]),
        ("location /to code 308", "/", 308, [(b"location", b"/to")]),
        ("prefix http://h/p code 301", "/x?b=1", 301, [(b"location", b"http://h/p/x?b=1")]),
        ("prefix / code 301", "/s//x", 301, [(b"location", b"/s//x")]),
        ("prefix http://h drop-query code 301", "/x?b=1", 301, [(b"location", b"http://h/x")]),
        ("prefix http://h drop-query append-slash code 301", "/x?b", 301, [(b"location", b"http://h/x/")]),
        ("scheme https code 301", "/x?b", 301, [(b"location", b"https://h.example:8080/x?b")]),
        ("location /x set-cookie A=1 code 301", "/", 301, [(b"location", b"/x"), (b"set-cookie", b"A=1; path=/;")]),
        ("location /x clear-cookie A= code 301", "/", 301,
         [(b"location", b"/x"), (b"set-cookie", b"A=; path=/; Max-Age=0;")]),
    ],
)  # fmt: skip
def test_redirect(line: str, target: str, status: int, fields: list[tuple[bytes, bytes]]) -> None:
    verdict, trial = request(f"http-request redirect {line}", target)
    assert verdict == "reply"
    assert trial.reply == (status, [(b"content-length", b"0"), *fields], b"")
    again = Trial(head(target, "Host: h.example:8080"))
    assert again.run(load(f"redirect {line}").frontend[REDIRECT_RULES]) == "reply"
    assert again.reply == trial.reply


@pytest.mark.parametrize("rule, location", [("http-request redirect", b"/p!192.0.2.1%"), ("redirect", b"%[url]!%ci%%")])
def test_text_of_redirect(rule: str, location: bytes) -> None:
    """A log format in http-request rules alone (manual 4.2, redirect)."""
    trial = Trial(head("/p", "Host: h"))
    rules = REDIRECT_RULES if rule == "redirect" else HTTP_REQUEST_RULES
    assert trial.run(load(f"{rule} location %[url]!%ci%% code 301").frontend[rules]) == "reply"
    assert trial.reply == (301, [(b"content-length", b"0"), (b"location", location)], b"")


def test_redirect_ignore_empty() -> None:
    verdict, trial = request("http-request redirect location %[req.hdr(none)] ignore-empty")
    assert (verdict, trial.reply) == ("continue", None)


@pytest.mark.parametrize(
    ("line", "verdict", "status", "reply"),
    [
        ("deny", "deny", 403, None),
        ("deny deny_status 404", "deny", 404, None),
        ("deny status 429 hdr X-A b content-type text/plain string hello", "deny", 429,
         (429, [(b"x-a", b"b"), (b"content-length", b"5"), (b"content-type", b"text/plain")], b"hello")),
        ("deny status 404", "deny", 404, (404, [(b"content-length", b"0")], b"")),
        ("deny deny_status 404 status 405", "deny", 405, (405, [(b"content-length", b"0")], b"")),
        ("deny deny_status 404 default-errorfiles", "deny", 404, None),
        ("deny hdr X-A b", "deny", 403, (403, [(b"x-a", b"b"), (b"content-length", b"0")], b"")),
        ("tarpit", "tarpit", 500, None),
        ("return", "reply", 200, (200, [(b"content-length", b"0")], b"")),
        ("return status 204", "reply", 204, (204, [], b"")),
        ("return status 404 content-type text/plain lf-string %[path]!%[src] hdr X %[path]", "reply", 404,
         (404, [(b"x", b"/a/b"), (b"content-length", b"14"), (b"content-type", b"text/plain")], b"/a/b!192.0.2.1")),
        ("return status 503 default-errorfiles", "reply", 503, None),
        ("allow", "stop", 0, None),
        ("reject", "reject", 0, None),
        ("silent-drop", "silent-drop", 0, None),
    ],
)  # fmt: skip
def test_verdicts(line: str, verdict: str, status: int, reply: object) -> None:
    got, trial = request(f"http-request {line}")
    assert (got, trial.reply_status, trial.reply) == (verdict, status, reply)


def test_return_file(tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.write_bytes(b"\0raw %[path]")
    assert request(f"http-request return content-type a/b file {page}")[1].reply == (200, [(b"content-length", b"12"), (b"content-type", b"a/b")], b"\0raw %[path]")
    assert request(f"http-request return content-type a/b lf-file {page}")[1].reply == (200, [(b"content-length", b"9"), (b"content-type", b"a/b")], b"\0raw /a/b")


def test_response_rules() -> None:
    loaded = load("""http-response set-header X-A %[status] if { res.hdr(server) x }
                     http-response set-status 503 reason "Too bad"
                     http-after-response del-header server""")
    trial = Trial(head(), RESPONSE)
    assert trial.run(loaded.frontend[HTTP_RESPONSE_RULES]) == "continue"
    assert trial.run(loaded.frontend[HTTP_AFTER_RULES]) == "continue"
    assert (trial.status_line, trial.fields(True)) == (b"503 Too bad", [(b"x-a", b"200")])
    assert Trial(head(), RESPONSE).run(load("http-response deny").frontend[HTTP_RESPONSE_RULES]) == "deny"


def test_tcp_content_waits() -> None:
    loaded = load("""tcp-request inspect-delay 5s
                     tcp-request content set-var(sess.n) req.len
                     tcp-request content accept if { req.payload(0,3) -m str GET }
                     tcp-request content reject""", mode="tcp")
    rules = loaded.frontend[TCP_CONTENT_RULES]
    assert loaded.frontend[INSPECT_DELAY] == 5000
    assert Trial(payload=b"G", final=False).run(rules) == "wait"
    assert Trial(payload=b"GET /", final=False).run(rules) == "stop"
    assert Trial(payload=b"XXX", final=False).run(rules) == "reject"
    assert Trial(payload=b"", final=True).run(rules) == "reject"


def test_use_backend() -> None:
    loaded = load("use_backend b if { path /one }\nuse_backend %[path,field(2,/)]-x if { path_beg /two }")
    switches = loaded.frontend[USE_BACKEND]
    assert [Trial(head(p)).route(switches) for p in ("/one", "/two/y", "/three")] == ["b", "two-x", None]


def test_variables_end_with_their_scope() -> None:
    rules = load("http-request set-var(txn.a) int(1)\nhttp-request set-var(sess.a) int(2)").frontend[HTTP_REQUEST_RULES]
    read = load("http-request return content-type a lf-string %[var(txn.a)]-%[var(sess.a)]").frontend[HTTP_REQUEST_RULES]
    trial = Trial(head())
    trial.run(rules)
    trial.run(read)
    assert trial.reply is not None and trial.reply[2] == b"1-2"
    trial.end_request()
    trial.run(read)
    assert trial.reply[2] == b"-2"
