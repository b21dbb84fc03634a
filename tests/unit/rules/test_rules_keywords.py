"""Refusals and warnings of rule keywords: full texts, as `haproxy -c` 2.8 words them (but for its lists of actions)."""

from __future__ import annotations

import pytest

from tests.unit.rules.rulekit import load

RULE = "error detected in frontend 'f' while parsing 'http-request {}' rule : {}."
REFUSED = [
    ("acl a", "error detected while parsing ACL 'a' : missing fetch method in ACL expression ''."),
    ("acl or path /x", "acl name 'or' will never match. 'or' is used to express a logical disjunction within a condition."),
    ("acl a@b path /x", "character '@' is not permitted in acl name 'a@b'."),
    ("acl a hdr(a,b,c) x",
     "error detected while parsing ACL 'a' : ACL keyword 'hdr' : failed to parse 'b' as type 'integer' at position 2."),
    ("acl a hdr(host x", "error detected while parsing ACL 'a' : ACL keyword 'hdr' : expected ')'."),
    ("acl a path -m foo x", "error detected while parsing ACL 'a' : unknown matching method 'foo' when parsing ACL expression."),
    ("acl a src 1.2.3.4/99", "error detected while parsing ACL 'a' : '1.2.3.4/99' is not a valid IPv4 or IPv6 address."),
    ("acl a dst_port 80:70", "error detected while parsing ACL 'a' : '80:70' is not a valid number range."),
    ("acl a dst_port x", "error detected while parsing ACL 'a' : 'x' is not a number."),
    ("acl a path -f /nonexist", "error detected while parsing ACL 'a' : failed to open pattern file </nonexist>."),
    ("acl a path -x a", ("error detected while parsing ACL 'a' : '-x' is not a valid ACL option. "
     "Please use '--' before any pattern beginning with a '-'.")),
    ("acl a var(foo) x", ("error detected while parsing ACL 'a' : invalid args in fetch method 'var' : invalid variable name "
     "'foo'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check' "
     "in ACL expression 'var(foo)'.")),
    ("acl a var(txn.x) x", ("error detected while parsing ACL 'a' : matching method must be specified first (using '-m') when "
     "using a sample fetch of this type ('var').")),
    ("acl a nbsrv(nope) gt 1", "unable to find backend 'nope' referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'f'."),
    ("acl a srv_is_up(x/y)", "unable to find proxy 'x' referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'f'."),
    ("http-request deny if nope", "error detected while parsing an 'http-request deny' condition : no such ACL : 'nope'."),
    ("http-request deny if { path /x",
     "error detected while parsing an 'http-request deny' condition : missing closing '}' in condition."),
    ("http-request deny foo",
     "'http-request deny' expects either 'if' or 'unless' followed by a condition but found 'foo'."),
    ("http-request deny status 9999", RULE.format("deny", "Unexpected status code '9999'")),
    ("http-request deny deny_status", RULE.format("deny", "'status' expects <status_code> as argument")),
    ("http-request set-header x", RULE.format("set-header", "expects exactly 2 arguments")),
    ("http-request set-header x %[src", RULE.format("set-header", "missing ']' after 'src'")),
    ("http-request set-header x %[res.hdr(x)]", RULE.format("set-header", "sample fetch <res.hdr> may not be reliably used "
     "here because it needs 'HTTP response headers' which is not available here")),
    ("http-request set-header x %", RULE.format("set-header", "truncated line after '%'")),
    ("http-request del-header", RULE.format("del-header", "expects at least 1 argument")),
    ("http-request replace-header a b", RULE.format("replace-header", "expects exactly 3 arguments")),
    ("http-request set-var(txn.foo)", RULE.format("set-var(txn.foo)", "missing fetch method")),
    ("http-request redirect foo", RULE.format("redirect", "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', "
     "'clear-cookie', 'drop-query', 'ignore-empty' or 'append-slash' (was 'foo')")),
    ("http-request redirect location / code 304", RULE.format(
        "redirect", "'code': unsupported HTTP code '304' (must be one of 301, 302, 303, 307 or 308)")),
    ("http-request return string x", RULE.format("return", "a content type must be defined when non-empty payload is configured")),
    ("http-request return status 200 content-type x string a file b",
     RULE.format("return", "unexpected 'file' argument, 'string' already defined")),
    ("http-request cache-use x", "'http-request cache-use' is known to HAProxy, not supported yet."),
    ("redirect location", "error detected in frontend 'f' while parsing redirect rule : missing argument for 'location'."),
    ("use_backend", "'use_backend' expects a backend name."),
    ("use_backend foo", "Proxy 'f': unable to find required use_backend: 'foo'."),
    ("use_backend foo bar", "unexpected keyword 'bar' after switching rule, only 'if' and 'unless' are allowed."),
    ("tcp-request", "missing argument for 'tcp-request' in frontend 'f'"),
    ("tcp-request foo", "'tcp-request' expects 'inspect-delay', 'connection', or 'content' in frontend 'f' (got 'foo')"),
    ("tcp-request content accept x", "'tcp-request content accept' only accepts 'if' or 'unless', in frontend 'f' (got 'x')"),
    ("tcp-request inspect-delay", "'tcp-request inspect-delay' expects a positive delay in milliseconds, in frontend 'f'"),
    ("tcp-response content accept",
     "tcp-response content is only allowed in 'backend' sections or 'defaults' section with a name"),
    ("log-format %[", "failed to parse log-format : failed to parse sample expression <> : missing fetch method."),
    ("log-format a b", "log-format expects only one argument, don't forget to escape spaces!"),
    ("unique-id-header", "unique-id-header expects an argument."),
]  # fmt: skip
WARNED = [
    ("http-response deny if { hdr_beg(x) y }", ("anonymous acl will never match because it uses keyword 'hdr_beg' which is "
     "incompatible with 'frontend http-response header rule'")),
    ("http-response deny if { hdr(x) y }", ("anonymous acl will never match because it uses keyword 'hdr' which is "
     "incompatible with 'frontend http-response header rule'")),
    ("http-request deny if { res.hdr(x) y }", ("anonymous acl will never match because it uses keyword 'res.hdr' which is "
     "incompatible with 'frontend http-request header rule'")),
    ("tcp-request connection reject if { path / }", ("anonymous acl will never match in 'tcp-request connection' because it "
     "uses keyword 'path' which is incompatible with 'frontend tcp-request connection rule'")),
    ("http-request return content-type x",
     "content-type 'x' ignored by the http reply because neither errorfile nor payload defined."),
    ("http-request deny\nhttp-request set-header a b",
     "previous 'http-request' action is final and has no condition attached, further entries are NOOP."),
    ("http-request allow if TRUE\ntcp-request content reject",
     "a 'tcp-request' rule placed after an 'http-request' rule will still be processed before."),
    ("use_backend b\nredirect location /",
     "a 'redirect' rule placed after a 'use_backend' rule will still be processed before."),
]  # fmt: skip


@pytest.mark.parametrize(("line", "text"), REFUSED)
def test_refused(line: str, text: str) -> None:
    assert load(line).alerts() == [text]


@pytest.mark.parametrize(("line", "text"), WARNED)
def test_warned(line: str, text: str) -> None:
    loaded = load(line)
    assert loaded.alerts() == []
    assert text in loaded.warnings()


def test_no_pattern_warning() -> None:
    assert any("no pattern to match against were provided" in text for text in load("acl a path_beg").warnings())
    assert load("acl a path_beg --").warnings() == load("acl a ssl_fc").warnings() == []


def test_http_rules_in_tcp_mode_are_ignored() -> None:
    loaded = load("http-request deny\nredirect location /", mode="tcp")
    assert loaded.alerts() == []
    assert [text for text in loaded.warnings() if "require HTTP mode" in text] == [
        "'http-request' rules ignored for frontend 'f' as they require HTTP mode.",
        "'redirect' rules ignored for frontend 'f' as they require HTTP mode.",
    ]


def test_anonymous_defaults_hold_no_rules() -> None:
    from haproxy_py import features
    from haproxy_py.config import reader

    features.load()
    text = b"defaults\n    mode http\n    http-request deny\n    acl a path /\n"
    found = reader.load([], texts=[("t.cfg", text)])[1].found
    assert [f.text for f in found] == [
        "'http-request' not allowed in anonymous 'defaults' section.",
        "'acl' not allowed in anonymous 'defaults' section.",
    ]
