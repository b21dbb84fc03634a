# cython: language_level=3
"""Replies of the proxy's own: see reply.pxd.

The pages are HAProxy's, byte for byte, read off it with `http-request deny deny_status N` (2.8); 414 and 431, which
appeared later, are worded in the same manner. A Reply is made while the configuration loads and never changes.
"""

from libc.stdint cimport uint32_t
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.http1_reader import HeadReader, Refused
from haproxy_py.engine.reasons import reason as _reason_of

_HTML = b"<html><body><h1>%d %b</h1>\n%b\n</body></html>\n"
_PASSWORD = b"You need a valid user and password to access this content."
_PAGES: dict[int, tuple[bytes, bytes]] = {
    200: (b"OK", b"Service ready."),
    400: (b"Bad request", b"Your browser sent an invalid request."),
    401: (b"Unauthorized", _PASSWORD),
    403: (b"Forbidden", b"Request forbidden by administrative rules."),
    404: (b"Not Found", b"The resource could not be found."),
    405: (b"Method Not Allowed",
          b"A request was made of a resource using a request method not supported by that resource."),
    407: (b"Unauthorized", _PASSWORD),
    408: (b"Request Time-out", b"Your browser didn't send a complete request in time."),
    410: (b"Gone", b"The resource is no longer available and will not be available again."),
    413: (b"Payload Too Large", b"The request entity exceeds the maximum allowed."),
    414: (b"URI Too Long", b"The request target exceeds the maximum allowed."),
    421: (b"Misdirected Request", b"Request sent to a non-authoritative server."),
    422: (b"Unprocessable Content", b"The server cannot process the contained instructions."),
    425: (b"Too Early", b"Your browser sent early data."),
    429: (b"Too Many Requests", b"You have sent too many requests in a given amount of time."),
    431: (b"Request Header Fields Too Large", b"The request header fields exceed the maximum allowed."),
    500: (b"Internal Server Error", b"An internal server error occurred."),
    501: (b"Not Implemented", b"The server does not support the functionality required to fulfill the request."),
    502: (b"Bad Gateway", b"The server returned an invalid or incomplete response."),
    503: (b"Service Unavailable", b"No server is available to handle this request."),
    504: (b"Gateway Time-out", b"The server didn't respond in time."),
}


class ErrorFileFault(ValueError):
    """An errorfile that cannot be sent; the text is what HAProxy prints behind the file's name."""


cdef class Reply:

    def __init__(self, status: int, reason: bytes, fields: list[tuple[bytes, bytes]], body: bytes, *, logged: int = 0,
                 version: int = 11, closes: bool = False, raw: bool = False, unsent: int = 0):
        self.status = status
        self.logged = logged or status
        self.reason = reason
        self.version = version
        self.body = body
        self.closes = closes
        self.raw = raw
        self.unsent = unsent
        self.fields = list(fields)
        if not closes and not raw and not any(name == b"content-length" for name, _ in self.fields):
            self.fields.insert(0, (b"content-length", b"%d" % len(body)))

    cdef int fill(self, Head head) noexcept:
        cdef bytes name, value
        cdef tuple pair
        head.version = <unsigned char>self.version
        if head.set_status(self.status, self.reason, <uint32_t>len(self.reason)) < 0:
            return -1
        for pair in self.fields:
            name = <bytes>pair[0]
            value = <bytes>pair[1]
            if head.add(name, <uint32_t>len(name), value, <uint32_t>len(value)) < 0:
                return -1
        return 0

    def text(self) -> bytes:
        """Head and body as they leave when nothing is added; b"" for an empty errorfile."""
        cdef Head head = Head()
        if self.raw:
            return self.body
        if self.fill(head) < 0:
            raise MemoryError("no room for the reply's header fields")
        return head.response_bytes(1 << 20) + self.body


cdef Reply rule_reply(int status, bytes reason, list fields, bytes body, bytes content_type):
    """A reply as `http-request return` makes it: `fields` in their order, content-length, content-type (None: none).

    A 204 has no length on the wire, but HAProxy counts the one that it took out.
    """
    cdef Reply made = Reply.__new__(Reply)
    made.status = made.logged = status
    made.version = 11
    made.reason = reason
    made.body = body
    made.fields = fields
    if status == 204:
        made.unsent = 14 + len(str(len(body)))
    else:
        fields.append((b"content-length", b"%d" % len(body)))
    if body and content_type is not None:
        fields.append((b"content-type", content_type))
    return made


def make(status: int, fields=(), body: bytes = b"", content_type: bytes | None = None,
         reason: bytes | None = None) -> Reply:
    """A reply as `http-request return` makes it: content-length, content-type, then `fields` in their order.

    Args: status: 200..999; reason None: the usual phrase.
    """
    head = [] if content_type is None else [(b"content-type", content_type)]
    head += [(name.lower(), value) for name, value in fields]
    return Reply(status, _reason_of(status) if reason is None else reason, head, body)


def _page(status: int) -> Reply:
    """The pages of 400 and 408 say `connection: close`: HAProxy counts the field (15 bytes) and ends the connection."""
    title, sentence = _PAGES[status]
    body = _HTML % (status, title, sentence)
    closes = status in (400, 408)
    fields = [(b"content-length", b"%d" % len(body)), (b"cache-control", b"no-cache"), (b"content-type", b"text/html")]
    return Reply(status, title, fields, body, closes=closes, unsent=15 if closes else 0)


cdef dict _built = {status: _page(status) for status in _PAGES}


def builtin(status: int) -> Reply:
    """HAProxy's page for a status; a status without one gets a reply without a body."""
    page = _built.get(status)
    if page is None:
        page = _built[status] = make(status)
    return page


def builtin_statuses() -> tuple[int, ...]:
    """Statuses that have a page, so may be given to errorfile and deny_status."""
    return tuple(_PAGES)


def _kept_tokens(value: bytes) -> bytes:
    """A connection field's elements less those that speak of this hop."""
    tokens = [token.strip(b" \t") for token in value.split(b",")]
    return b", ".join(token for token in tokens if token and token.lower() not in (b"close", b"keep-alive"))


def from_errorfile(data: bytes, limit: int = 16384, logged: int = 0) -> Reply:
    """A reply from the bytes of an errorfile (manual 4.2, errorfile): a complete HTTP/1 response.

    Args: limit: tune.bufsize; a longer file is cut there (the caller warns). logged: the status that it stands for.
    An empty file means: send nothing, close. The client's connection ends behind a page without content-length, or with
    `connection: close`.
    Raises: ErrorFileFault.
    """
    data = data[:limit]
    if not data:
        return Reply(0, b"", [], b"", logged=logged, raw=True)
    reader = HeadReader(response=True, size=limit + 1)
    try:
        length = reader.feed(data)
    except Refused as fault:
        raise ErrorFileFault(f"unable to parse headers (error offset: {fault.position})") from None
    if length == 0:
        raise ErrorFileFault("unable to parse headers (error offset: -2)")
    return _from_head(reader.head, data[length:], logged)


def _check_field(head: Head, name: bytes, body: bytes) -> None:
    if name == b"transfer-encoding":
        raise ErrorFileFault("chunk-encoded payload not supported")
    if name == b"content-length" and head.length_value != len(body):
        raise ErrorFileFault(
            f"payload size does not match the announced content-length ({len(body)} != {head.length_value})")


def _from_head(head: Head, body: bytes, logged: int) -> Reply:
    """Fields as they stand, but what a connection field says of this hop goes (HAProxy counts it all the same)."""
    if head.status_code < 200:
        raise ErrorFileFault(f"invalid http status code for an error message ({head.status_code})")
    fields = []
    ends = False
    unsent = 0
    for name, value in head.items():
        _check_field(head, name, body)
        if name == b"connection":
            kept = _kept_tokens(value)
            ends = ends or any(token.strip(b" \t").lower() == b"close" for token in value.split(b","))
            unsent += len(value) - len(kept) + (0 if kept else len(name))
            value = kept
        if value or name != b"connection":
            fields.append((name, value))
    closes = ends or not any(name == b"content-length" for name, _ in fields)
    return Reply(head.status_code, head.reason_text, fields, body, version=head.http_version, closes=closes,
                 logged=logged, unsent=unsent)
