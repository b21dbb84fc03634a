"""engine.reply: pages, replies of rules, errorfiles."""

import pytest

from haproxy_py.engine.reply import ErrorFileFault, builtin, builtin_statuses, from_errorfile, make

GOOD = b"HTTP/1.0 503 Service Unavailable\r\n"


def test_page_503_is_haproxys() -> None:
    assert builtin(503).text() == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n"
        b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
    )


@pytest.mark.parametrize("status", builtin_statuses())
def test_every_page_states_its_length(status: int) -> None:
    page = builtin(status)
    assert page.fields[0] == (b"content-length", b"%d" % len(page.body))
    assert page.text().startswith(b"HTTP/1.1 %d " % status)


def test_status_without_a_page_has_no_body() -> None:
    assert builtin(418).text() == b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\n\r\n"


def test_made_reply_orders_its_fields() -> None:
    reply = make(299, [(b"X-A", b"b")], b"hi", b"text/plain")
    assert reply.text() == b"HTTP/1.1 299 Success\r\ncontent-length: 2\r\ncontent-type: text/plain\r\nx-a: b\r\n\r\nhi"


def test_a_length_given_is_not_given_again() -> None:
    reply = make(302, [(b"cache-control", b"no-cache"), (b"content-length", b"0"), (b"location", b"/x")])
    assert reply.text() == b"HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: /x\r\n\r\n"


def test_empty_errorfile_sends_nothing() -> None:
    reply = from_errorfile(b"", logged=503)
    assert reply.raw and reply.text() == b"" and reply.logged == 503


@pytest.mark.parametrize(
    ("fields", "closes", "unsent"),
    [
        (b"Content-Length: 2\r\n", False, 0),
        (b"Content-Length: 2\r\nConnection: close\r\n", True, 15),
        (b"Content-Length: 2\r\nConnection: keep-alive, foo\r\n", False, 12),
        (b"X: y\r\n", True, 0),
    ],
)
def test_errorfile_counts_what_is_not_sent(fields: bytes, closes: bool, unsent: int) -> None:
    """As HAProxy's %B: the connection field counts as it is written in the file."""
    reply = from_errorfile(b"HTTP/1.1 404 Mine\r\n" + fields + b"\r\nno", logged=503)
    assert (reply.status, reply.logged, reply.closes, reply.unsent) == (404, 503, closes, unsent)


@pytest.mark.parametrize("status", builtin_statuses())
def test_only_the_pages_of_400_and_408_close(status: int) -> None:
    page = builtin(status)
    assert (page.closes, page.unsent) == ((True, 15) if status in (400, 408) else (False, 0))


@pytest.mark.parametrize(
    ("data", "text", "closes"),
    [
        (GOOD + b"Content-Type: text/html\r\n\r\nbody", GOOD + b"content-type: text/html\r\n\r\nbody", True),
        (b"HTTP/1.1 404 No\nConnection: close\n\nbody", b"HTTP/1.1 404 No\r\n\r\nbody", True),
        (b"HTTP/1.1 405 No\r\nX: y\r\nContent-Length: 4\r\nConnection: keep-alive, foo\r\n\r\nbody",
         b"HTTP/1.1 405 No\r\nx: y\r\ncontent-length: 4\r\nconnection: foo\r\n\r\nbody", False),
        (b"HTTP/1.1 413\r\n\r\nx", b"HTTP/1.1 413 Request Entity Too Large\r\n\r\nx", True),
    ],
)
def test_errorfile_is_normalised(data: bytes, text: bytes, closes: bool) -> None:
    reply = from_errorfile(data)
    assert (reply.text(), reply.closes) == (text, closes)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "unable to parse headers (error offset: 0)"),
        (GOOD, "unable to parse headers (error offset: -2)"),
        (GOOD + b"a b: c\r\n\r\n", "unable to parse headers (error offset: 35)"),
        (GOOD + b"Content-Length: 5\r\n\r\nbody", "payload size does not match the announced content-length (4 != 5)"),
        (GOOD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunk-encoded payload not supported"),
        (b"HTTP/1.1 100 x\r\n\r\n", "invalid http status code for an error message (100)"),
    ],
)
def test_bad_errorfile_is_refused_in_haproxys_words(data: bytes, words: str) -> None:
    with pytest.raises(ErrorFileFault) as caught:
        from_errorfile(data)
    assert str(caught.value) == words
