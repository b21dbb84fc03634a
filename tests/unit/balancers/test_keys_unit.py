"""Which bytes of a request the hashing algorithms look at; what a balancer makes of them without any socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancers.hashed import Header, Source
from balancers.hashing import digest
from balancers.keys import HeaderKey, KeySource, ParamKey, SourceKey, UriKey
from balancers.testing import Pool
from haproxy_py.rules.testing import Trial


def ask(target: str = "/", *fields: str, method: str = "GET", body: str = "") -> Trial:
    lines = [f"{method} {target} HTTP/1.1", "host: h", *fields, *([f"content-length: {len(body)}"] if body else [])]
    head = "\r\n".join([*lines, "", ""])
    return Trial(head.encode("latin-1"), payload=(head + body).encode("latin-1"))


def key(source: KeySource, trial: Trial) -> bytes | None:
    return source.key_of(trial.txn)


@pytest.mark.parametrize(
    ("options", "target", "found"),
    [
        ({}, "/a/b?c", b"/a/b"),
        ({"whole": True}, "/a/b?c", b"/a/b?c"),
        ({"length": 3}, "/a/b?c", b"/a/"),
        ({"length": 99}, "/a", b"/a"),
        ({"depth": 1}, "/a/b/c", b"/a"),
        ({"depth": 2}, "/a/b/c", b"/a/b"),
        ({"depth": 2, "length": 3}, "/a/b/c", b"/a/"),
        ({}, "http://h/a?b", b"http://h/a"),
        ({"path_only": True}, "http://h/a?b", b"/a"),
        ({"path_only": True, "whole": True}, "http://h/a?b", b"/a?b"),
        ({"depth": 1, "whole": True}, "/a?b/c", b"/a?b"),
    ],
)
def test_uri(options: dict[str, int], target: str, found: bytes) -> None:
    assert key(UriKey(**options), ask(target)) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", None), ("?", None), ("?id", None), ("?id=", b""), ("?id=5", b"5"), ("?a=1&id=5&b", b"5"), ("?xid=5", None),
        ("?id=5;x", b"5;x"), ("?a=1;id=5", None), ("?id=5?6", b"5?6"), ("?ID=5", None), ("?&&id=5", b"5"), ("?id=5&id=6", b"5"),
    ],
)  # fmt: skip
def test_url_param(query: str, found: bytes | None) -> None:
    assert key(ParamKey(b"id"), ask("/" + query)) == found


@pytest.mark.parametrize(
    ("method", "body", "found"),
    [
        ("POST", "a=1&id=5", b"5"), ("PUT", "id=5", None), ("POST", "id=5 6", b"5 6"), ("POST", "id= 5", b""),
        ("POST", "id=\x015", None), ("POST", "id=(5", None), ("POST", "id=&x", b""), ("POST", "xid=5", None),
    ],
)  # fmt: skip
def test_url_param_of_a_body(method: str, body: str, found: bytes | None) -> None:
    assert key(ParamKey(b"id"), ask(method=method, body=body)) == found


def test_url_param_of_chunks() -> None:
    head = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    trial = Trial(head, payload=head + b"2\r\ni\x64\r\n4;x=y\r\n=12&\r\n1\r\nz\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
    assert key(ParamKey(b"id"), trial) == b"12"


@pytest.mark.parametrize(
    ("value", "plain", "domain"),
    [
        ("www.name.org", b"www.name.org", b"name"), ("name.org", b"name.org", b"name"), ("org", b"org", b"org"),
        ("a.b, c.d", b"a.b", b"a"), ('"q,r".s, t', b'"q,r".s', b'"q,r"'), ("..", b"..", b"."), (".x", b".x", b".x"),
        (".x.", b".x.", b"x"), ("h.org:80", b"h.org:80", b"h"), ("", None, None), (", b", None, None),
    ],
)  # fmt: skip
def test_header(value: str, plain: bytes | None, domain: bytes | None) -> None:
    trial = ask("/", f"x-k: {value}", "x-k: second")
    assert key(HeaderKey(b"X-K"), trial) == plain
    assert key(HeaderKey(b"x-k", domain=True), trial) == domain


def test_header_that_is_not_there() -> None:
    assert key(HeaderKey(b"x-k"), ask()) is None


def test_source() -> None:
    assert key(SourceKey(), Trial(src=("10.1.2.3", 5))) == bytes([10, 1, 2, 3])
    assert key(SourceKey(), Trial(src=("2001:db8::1", 5))) == bytes.fromhex("20010db8000000000000000000000001")
    assert key(SourceKey(), Trial(src=("", 0))) is None


def test_no_key_in_a_tcp_session() -> None:
    trial = Trial(payload=b"GET /?id=5 HTTP/1.1\r\nx-k: a\r\n\r\n")
    for source in (UriKey(), ParamKey(b"id"), HeaderKey(b"x-k")):
        assert key(source, trial) is None


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
def test_any_header_gives_a_part_of_itself(value: str) -> None:
    trial = ask("/", f"x-k: {value}")
    found = key(HeaderKey(b"x-k", domain=True), trial)
    assert found is None or found in value.encode()


def test_a_pick_from_a_request() -> None:
    """The number is the key's digest (sdbm unless hash-type says otherwise), its remainder the place in the table."""
    pool = Pool(Header, [1, 1, 1], words=["x-k"])
    for word in ("a", "b", "hello"):
        slot = pool.balancer.next_server(ask("/", f"x-k: {word}").txn)
        assert slot is not None
        assert slot.place == digest("sdbm", word.encode()) % 3


def test_source_needs_no_function() -> None:
    pool = Pool(Source, [1] * 7)
    slot = pool.balancer.next_server(Trial(src=("0.0.1.2", 1)).txn)
    assert slot is not None
    assert slot.place == 0x102 % 7
