"""engine.message: fields, edits, targets and serialising."""

import pytest

from haproxy_py.engine.http1_reader import parse_request, parse_response
from haproxy_py.engine.message import HF_ABSOLUTE_FORM, HF_ASTERISK_FORM, HF_AUTHORITY_FORM, HF_CLEAN, Head

PLAIN = b"GET /a?b=c HTTP/1.1\r\nhost: a\r\nx-one: 1\r\nx-two: 2\r\n\r\n"


def request(data: bytes = PLAIN) -> Head:
    head = parse_request(data)
    assert head is not None
    return head


def test_unedited_head_leaves_as_it_came() -> None:
    head = request()
    assert head.flag_bits & HF_CLEAN and not head.is_edited
    assert head.request_bytes() == PLAIN


def test_added_field_comes_last_in_lower_case() -> None:
    head = request()
    head.add_field(b"X-New", b"v")
    assert head.request_bytes() == PLAIN[:-2] + b"x-new: v\r\n\r\n"
    assert head.is_edited and not head.flag_bits & HF_CLEAN


def test_set_field_removes_all_of_that_name() -> None:
    head = request(b"GET / HTTP/1.1\r\nx-a: 1\r\nhost: a\r\nx-a: 2\r\n\r\n")
    head.set_field(b"X-A", b"3")
    assert head.items() == [(b"host", b"a"), (b"x-a", b"3")]
    head.set_field(b"x-a", b"4")
    assert head.values(b"x-a") == [b"4"]


def test_remove_field_counts_and_leaves_the_rest() -> None:
    head = request()
    assert head.remove_field(b"x-one") == 1
    assert head.remove_field(b"x-one") == 0
    assert head.request_bytes() == b"GET /a?b=c HTTP/1.1\r\nhost: a\r\nx-two: 2\r\n\r\n"


def test_replaced_value_keeps_its_place() -> None:
    head = request()
    head.replace_value(1, b"")
    assert head.request_bytes() == b"GET /a?b=c HTTP/1.1\r\nhost: a\r\nx-one: \r\nx-two: 2\r\n\r\n"


def test_method_and_target_are_replaced() -> None:
    head = request()
    head.replace_method(b"POST")
    head.replace_target(b"/x y")
    assert head.request_bytes() == b"POST /x y HTTP/1.1\r\nhost: a\r\nx-one: 1\r\nx-two: 2\r\n\r\n"


def test_status_is_replaced() -> None:
    head = parse_response(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n")
    assert head is not None
    head.replace_status(404, b"Gone fishing")
    assert head.response_bytes() == b"HTTP/1.0 404 Gone fishing\r\na: b\r\n\r\n"


def test_many_and_long_edits_stay_valid() -> None:
    head = request()
    for i in range(300):
        head.add_field(b"x-%d" % i, b"v" * i)
    assert head.items()[3:] == [(b"x-%d" % i, b"v" * i) for i in range(300)]
    text = head.request_bytes()
    assert text is not None and text.startswith(PLAIN[:-2]) and text.endswith(b"x-299: " + b"v" * 299 + b"\r\n\r\n")


def test_edits_beyond_the_arena_are_refused() -> None:
    head = request()
    with pytest.raises(MemoryError, match="no room for another header field"):
        head.add_field(b"x", b"v" * (1 << 20))
    assert head.request_bytes() == PLAIN


@pytest.mark.parametrize("room", range(len(PLAIN)))
def test_too_little_room_writes_nothing(room: int) -> None:
    head = request()
    assert head.request_bytes(room) is None
    head.add_field(b"x", b"y")
    assert head.request_bytes(room) is None


def test_exact_room_is_enough() -> None:
    assert request().request_bytes(len(PLAIN)) == PLAIN
    reply = parse_response(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n")
    assert reply is not None
    assert reply.response_bytes(25) == b"HTTP/1.1 200 OK\r\na: b\r\n\r\n"
    assert reply.response_bytes(24) is None


def test_reset_makes_it_new() -> None:
    head = request()
    head.add_field(b"x", b"y" * 5000)
    head.reset()
    assert head.items() == [] and head.flag_bits == 0 and not head.is_edited
    head.add_field(b"a", b"b")
    assert head.items() == [(b"a", b"b")]


@pytest.mark.parametrize(
    ("target", "form", "path", "query"),
    [
        (b"/", 0, b"/", b""),
        (b"/a/b?x=1&y=/2?3", 0, b"/a/b", b"x=1&y=/2?3"),
        (b"/?", 0, b"/", b""),
        (b"//a", 0, b"//a", b""),
        (b"http://a", HF_ABSOLUTE_FORM, b"", b""),
        (b"http://a/", HF_ABSOLUTE_FORM, b"/", b""),
        (b"http://a/b?c", HF_ABSOLUTE_FORM, b"/b", b"c"),
        (b"http://a?c/d", HF_ABSOLUTE_FORM, b"", b"c/d"),
        (b"*", HF_ASTERISK_FORM, b"", b""),
        (b"/a#b?c", 0, b"/a", b"c"),
        (b"/a?c#b", 0, b"/a", b"c"),
        (b"", 0, b"", b""),
    ],
)
def test_parts_of_a_target(target: bytes, form: int, path: bytes, query: bytes) -> None:
    head = request()
    head.replace_target(target)
    assert (head.path_text, head.query_text) == (path, query)
    assert head.flag_bits & (HF_ABSOLUTE_FORM | HF_ASTERISK_FORM | HF_AUTHORITY_FORM) == form


def test_connect_has_no_path() -> None:
    head = request(b"CONNECT a:8443 HTTP/1.1\r\nhost: a:8443\r\n\r\n")
    assert head.flag_bits & HF_AUTHORITY_FORM and head.path_text == b""


@pytest.mark.parametrize(
    ("te", "out"),
    [(b"trailers", b"te: trailers\r\n"), (b"gzip, trailers", b"te: trailers\r\n"), (b"trailers,x", b"te: trailers\r\n"),
     (b"gzip", b""), (b"trailers;q=0.5", b""), (b"Trailers", b""), (b"", b"")],
)
def test_only_trailers_of_te_goes_on(te: bytes, out: bytes) -> None:
    head = request(b"GET / HTTP/1.1\r\nhost: a\r\nte: " + te + b"\r\n\r\n")
    assert head.request_bytes() == b"GET / HTTP/1.1\r\nhost: a\r\n" + out + b"\r\n"
