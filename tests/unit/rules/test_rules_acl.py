"""Matching methods, conditions, predefined ACLs and their refusals."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.rules.acl import PREDEFINED
from haproxy_py.rules.matchers import matcher
from haproxy_py.rules.regex import Regex, uses_pcre2
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import condition, head, load

REQUEST = head("/Img/a.png?x=1", "Host: WWW.Example.com", "X: a, bb", "Content-Length: 0", "B: aGVsbG8=")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{ path /Img/a.png }", True),
        ("{ path -i /img/A.png }", True),
        ("{ path /img/a.png }", False),
        ("{ path_beg /Img /other }", True),
        ("{ path_beg -i /img }", True),
        ("{ path_end .gif .png }", True),
        ("{ path_sub g/a }", True),
        ("{ path_dir Img }", True),
        ("{ path_dir /Img/ }", True),
        ("{ path_dir Im }", False),
        ("{ path_len 10 }", True),
        ("{ path_len gt 10 }", False),
        ("{ path_reg ^/[A-Z] }", True),
        ("{ path_reg -i ^/IMG }", True),
        ("{ hdr_dom(host) -i example }", True),
        ("{ hdr_dom(host) -i exam }", False),
        ("{ hdr_end(host) -i .com }", True),
        ("{ hdr(x) bb }", True),
        ("{ hdr(x) cc }", False),
        ("{ req.hdr(x) -m found }", True),
        ("{ req.hdr(zz) -m found }", False),
        ("{ hdr_cnt(x) 2 }", True),
        ("{ hdr_cnt(x) ge 2 }", True),
        ("{ hdr_cnt(x) lt 2 }", False),
        ("{ hdr_cnt(x) 3:5 }", False),
        ("{ hdr_cnt(x) -m bool }", True),
        ("{ src 192.0.2.0/24 }", True),
        ("{ src 192.0.2.0/255.255.255.0 }", True),
        ("{ src 192.0.3.0/24 10.0.0.0/8 }", False),
        ("{ src ::ffff:192.0.2.0/120 }", True),
        ("{ src 192.0.0.1/255.0.255.255 }", False),
        ("{ dst_port 80 443 }", True),
        ("{ dst_port 1:79 81:90 }", False),
        ("{ method GET HEAD }", True),
        ("{ method POST }", False),
        ("{ ssl_fc }", False),
        ("{ req.hdr(b),b64dec -m bin 68656c6c6f }", True),
        ("{ req.hdr(b),b64dec -m str hello }", True),
        ("{ path -m len 10 }", True),
        ("{ always_true } { always_false }", False),
        ("{ always_false } or { always_true }", True),
        ("{ always_false } || ! { always_false }", True),
        ("!{ always_false } TRUE", True),
        ("METH_GET HTTP_1.1 HTTP", True),
        ("HTTP_CONTENT", False),
        ("HTTP_URL_SLASH !HTTP_URL_STAR !HTTP_URL_ABS", True),
        ("LOCALHOST", False),
        ("WAIT_END", True),
    ],
)
def test_condition(text: str, result: bool) -> None:
    assert Trial(REQUEST).test(condition(f"if {text}")) is result
    assert Trial(REQUEST).test(condition(f"unless {text}")) is not result


def test_three_values() -> None:
    trial = Trial(payload=b"", final=False)
    assert trial.test(condition("if { req.ssl_hello_type 1 }")) == "wait"
    assert trial.test(condition("unless { req.ssl_hello_type 1 }")) == "wait"
    assert trial.test(condition("if { req.ssl_hello_type 1 } FALSE")) is False
    assert trial.test(condition("if { req.ssl_hello_type 1 } or TRUE")) is True
    assert trial.test(condition("if { req.len gt 0 }")) == "wait"
    assert Trial(payload=b"", final=True).test(condition("if { req.len gt 0 }")) is False


def test_lines_of_one_name_are_or_ed() -> None:
    loaded = load("acl x path_beg /a\nacl x path_end z\nuse_backend b if x")
    from haproxy_py.rules.keywords import USE_BACKEND

    switches = loaded.frontend[USE_BACKEND]
    assert [Trial(head(path)).route(switches) for path in ("/a", "/bz", "/c")] == ["b", "b", None]


def test_pattern_file(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.write_text("# a comment\n\n  /one\n" + "".join(f"/p{i}\n" for i in range(2000)))
    made = condition(f"if {{ path -f {many} /extra }}")
    assert [Trial(head(p)).test(made) for p in ("/one", "/p1999", "/extra", "/p2000")] == [True, True, True, False]
    beg = condition(f"if {{ path_beg -f {many} }}")
    assert [Trial(head(p)).test(beg) for p in ("/one/two", "/p77x", "/q")] == [True, True, False]


@pytest.mark.parametrize("name", sorted(set(PREDEFINED) - {"RDP_COOKIE"}))
def test_predefined_compile(name: str) -> None:
    assert condition(f"if {name}").alternatives


def test_operator_without_number_and_range() -> None:
    assert "cannot apply 'gt' to a range : '1:2'" in load("acl a dst_port gt 1:2").alerts()[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_networks_agree_with_ipaddress(nets: list[tuple[int, int]], address: int) -> None:
    written = [ipaddress.ip_network((value, bits), strict=False) for value, bits in nets]
    one = ipaddress.ip_address(address)
    made = condition("if { src " + " ".join(map(str, written)) + " }")
    assert Trial(head(), src=(str(one), 1)).test(made) is any(one in net for net in written)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab/", min_size=1, max_size=4), min_size=1, max_size=8), st.text("ab/", max_size=8))
def test_text_methods_agree_with_python(patterns: list[str], tail: str) -> None:
    path, joined = "/" + tail, " ".join(patterns)
    trial = Trial(head(path))
    assert trial.test(condition(f"if {{ path {joined} }}")) is (path in patterns)
    assert trial.test(condition(f"if {{ path_beg {joined} }}")) is path.startswith(tuple(patterns))
    assert trial.test(condition(f"if {{ path_end {joined} }}")) is path.endswith(tuple(patterns))
    assert trial.test(condition(f"if {{ path_sub {joined} }}")) is any(p in path for p in patterns)


def test_regex_groups() -> None:
    assert Regex("(a)(b)?(c)").find(b"xac") is not None
    groups = Regex("(a)(b)?(c)").find(b"xac")
    assert groups is not None and groups[:4] == [b"ac", b"a", None, b"c"]
    assert Regex("A", True).find(b"a") is not None
    assert Regex("^$").find(b"") is not None
    assert isinstance(uses_pcre2(), bool)


def test_matcher_counts() -> None:
    made = matcher("str")
    made.add_words(["a", "b"])
    assert (made.method, made.size, made.fold) == ("str", 2, False)
