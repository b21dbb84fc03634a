"""`option httpchk`, `http-check` and the check-* words of servers: what they mean, and HAProxy's complaints."""

from __future__ import annotations

import pytest

from backends.checks import keywords as kw
from backends.checks.rules import DEFAULT_EXPECT, Connect, Expect, Send, rounds
from haproxy_py import features
from haproxy_py.config.model import Proxy
from haproxy_py.config.reader import load

HEAD = """defaults
 mode http
 timeout connect 1s
 timeout client 1s
 timeout server 1s
frontend f
 bind 127.0.0.1:9180
 default_backend b
backend b
"""


def told(lines: str) -> tuple[Proxy, list[str]]:
    """The backend `b` with these lines, and everything that was complained about."""
    features.load_config_language()
    config, faults = load([], texts=[("t.cfg", (HEAD + lines + "\n").encode())], strict=True)
    backend = config.backend("b")
    assert backend is not None
    return backend, [str(fault) for fault in faults.found]


def good(lines: str) -> Proxy:
    """The backend when nothing was complained about."""
    backend, faults = told(lines)
    assert faults == []
    return backend


REQUESTS = {
    "option httpchk": Send(),
    "option httpchk /x": Send(uri="/x"),
    "option httpchk GET /x": Send("GET", "/x"),
    "option httpchk GET /x HTTP/1.1": Send("GET", "/x", "HTTP/1.1"),
    "option httpchk GET /x HTTP/1.1\n http-check send meth PUT hdr a b": Send("PUT", "/x", "HTTP/1.1", (("a", "b"),)),
    "option httpchk GET /x\n http-check connect\n http-check send hdr a b": Send("GET", "/x", "", (("a", "b"),)),
}


@pytest.mark.parametrize("lines", list(REQUESTS))
def test_what_is_sent(lines: str) -> None:
    backend = good(lines)
    first = rounds(backend[kw.HTTPCHK_SEND] or Send(), backend[kw.HTTP_CHECK_STEPS])[0]
    assert first.send == REQUESTS[lines]


def test_an_option_behind_send_wins() -> None:
    backend = good("http-check send meth GET uri /a\n option httpchk POST /b")
    steps = rounds(backend[kw.HTTPCHK_SEND] or Send(), backend[kw.HTTP_CHECK_STEPS])
    assert steps[0].send == Send("POST", "/b")


def test_several_connections() -> None:
    backend = good(
        "option httpchk\n http-check connect port 81 ssl sni a.b alpn h2,http/1.1\n http-check send uri /1\n"
        " http-check expect status 200\n http-check connect default linger comment again\n http-check send uri /2\n"
        " http-check expect ! rstatus ^5"
    )
    one, two = rounds(Send(), backend[kw.HTTP_CHECK_STEPS])
    assert one.connect == Connect(port=81, ssl=True, sni="a.b", alpn=("h2", "http/1.1"))
    assert (one.send.uri, two.send.uri) == ("/1", "/2")
    assert two.connect == Connect(default=True, linger=True, comment="again")
    assert (two.expects[0].kind, two.expects[0].negated) == ("rstatus", True)


def test_without_an_expectation_2xx_and_3xx_pass() -> None:
    assert rounds(Send(), [])[0].expects == [DEFAULT_EXPECT]


def test_expectations() -> None:
    backend = good("option httpchk\n http-check comment mine\n http-check expect min-recv 9 ok-status L6OK !status 200,300-310")
    step = backend[kw.HTTP_CHECK_STEPS][0]
    assert isinstance(step, Expect)
    assert (step.codes, step.negated, step.comment, step.min_recv) == (((200, 200), (300, 310)), True, "mine", 9)
    assert step.ok_status is not None and step.ok_status.name == "L6OK"


def test_switches_and_defaults() -> None:
    backend = good(
        "option httpchk\n http-check disable-on-404\n http-check send-state\n default-server check-ssl check-sni x.y verify none\n"
        " server s 127.0.0.1:80 check\n server t 127.0.0.1:80 check no-check-ssl check-alpn a,b check-send-proxy"
    )
    assert backend[kw.DISABLE_ON_404] and backend[kw.SEND_STATE]
    s, t = backend.servers
    assert (s[kw.CHECK_SSL], s[kw.CHECK_SNI], s[kw.CHECK_SEND_PROXY]) == (True, "x.y", None)
    assert (t[kw.CHECK_SSL], t[kw.CHECK_ALPN], t[kw.CHECK_SEND_PROXY]) == (False, ("a", "b"), True)


SUPPORTED = "'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'"
REFUSED = {
    "option httpchk GET / HTTP/1.1 foo": "'option httpchk' cannot handle unexpected argument 'foo'.",
    "http-check foo": f"'http-check' only supports {SUPPORTED}. but got 'foo'",
    "http-check": f"'http-check' only supports {SUPPORTED}. but got ''",
    "http-check send-state x": "'http-check' cannot handle unexpected argument 'x'.",
    "http-check expect": "'http-check expect' : expects at least a matching pattern as arguments.",
    "http-check expect status": "'http-check expect' : 'status' expects a <pattern> as argument.",
    "http-check expect status 2x": "'http-check expect' : invalid character 'x' in the list of status codes.",
    "http-check expect status 300-200": "'http-check expect' : invalid range of status codes '300-200'.",
    "http-check expect ok-status FOO status 200": (
        "'http-check expect' : 'ok-status' only supports 'L4OK', 'L6OK', 'L7OK' or 'L7OKC' status (got 'FOO').."
    ),
    "http-check expect foo bar": (
        "'http-check expect' : 'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', "
        "[!]hdr, [!]fhdr or comment but got 'foo' as argument.."
    ),
    "http-check send meth": "'http-check send' : 'meth' expects a string as argument..",
    "http-check send foo": (
        "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got 'foo' as argument.."
    ),
    "http-check send hdr a": "'http-check send' : 'hdr' expects <name> and <value> as arguments.",
    "http-check connect foo": (
        "'http-check connect' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', "
        "'default' but got 'foo' as argument.."
    ),
    "http-check connect port 70000": (
        "'http-check connect' : expects a valid TCP port (from range 1 to 65535) or a sample expression, got 70000.."
    ),
    "option httpchk\n http-check send uri /a\n http-check send uri /b": (
        "'http-check send' : unable to add http-check send rule at step 2 (missing connect rule).."
    ),
    "option httpchk\n http-check connect\n http-check connect": (
        "'http-check connect' : unable to add http-check connect rule at step 2 (missing expect rule).."
    ),
    "option httpchk\n http-check connect\n http-check expect status 200": (
        "'http-check expect' : unable to add http-check expect rule at step 2 (missing send rule).."
    ),
    "option httpchk\n http-check expect status 200\n http-check connect": (
        "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' "
        "or a 'comment', when there is a 'connect' step in the tcp-check ruleset."
    ),
}


@pytest.mark.parametrize("lines", list(REFUSED))
def test_refusals(lines: str) -> None:
    _, faults = told(lines)
    at = HEAD.count("\n") + lines.count("\n") + 1
    assert faults[0] == f"parsing [t.cfg:{at}] : {REFUSED[lines]}"


def test_rules_that_nothing_runs_are_warned_about() -> None:
    _, faults = told("http-check expect status 200")
    assert faults == ["backend 'b' uses http-check rules without 'option httpchk', so the rules are ignored."]


@pytest.mark.parametrize("line", ["http-check connect proto h2", "server s 127.0.0.1:80 check check-proto h2"])
def test_what_is_not_built_is_refused_by_name(line: str) -> None:
    _, faults = told("option httpchk\n " + line)
    assert "known to HAProxy, not supported yet" in faults[0]


def test_a_log_format_of_a_check() -> None:
    features.load()
    backend = good("option httpchk\n http-check send hdr X %b/%s uri-lf /100%% body-lf %[srv_name]")
    step = backend[kw.HTTP_CHECK_STEPS][0]
    assert isinstance(step, Send)
    assert step.uri == "/100%", "nothing to fill in"
    assert not isinstance(step.fields[0][1], str) and not isinstance(step.body, str) and not step.constant
    _, faults = told("option httpchk\n http-check send hdr X %[req.hdr(a)]")
    assert "because it needs 'HTTP request headers' which is not available here" in faults[0]
