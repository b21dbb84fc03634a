# cython: language_level=3
"""The HTTP/1 parsers for Python: for extensions, health checks, tools and tests. Nothing of a stream goes through here."""

from libc.stdint cimport uint32_t, uint64_t, int64_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.http1 cimport (
    H1Parser, h1_init, h1_head, H1_BAD, H1_TOO_LARGE, H1_TOO_MANY, H1_BAD_VERSION, H1_UNSUPPORTED_TE,
    H1Body, h1_body_init, h1_body_step, B_NONE, B_LENGTH, B_CHUNKED, B_UNTIL_CLOSE, B_TUNNEL)

BAD: int = H1_BAD
TOO_LARGE: int = H1_TOO_LARGE
TOO_MANY: int = H1_TOO_MANY
BAD_VERSION: int = H1_BAD_VERSION
UNSUPPORTED_TE: int = H1_UNSUPPORTED_TE
BODY_NONE: int = B_NONE
BODY_LENGTH: int = B_LENGTH
BODY_CHUNKED: int = B_CHUNKED
BODY_UNTIL_CLOSE: int = B_UNTIL_CLOSE
BODY_TUNNEL: int = B_TUNNEL


class Refused(ValueError):
    """The peer's bytes are not HTTP/1 as RFC 9112 wants it. `code`: BAD, TOO_LARGE ...; `position`: of the byte."""

    def __init__(self, code: int, position: int) -> None:
        super().__init__(f"malformed HTTP/1 message at byte {position} (error {code})")
        self.code = code
        self.position = position


cdef class _Bytes:
    """A fixed block of received bytes; heads that point into it keep it alive."""
    cdef char *at
    cdef uint32_t size
    cdef uint32_t used

    def __cinit__(self, uint32_t size):
        self.at = <char *>malloc(size if size else 1)
        if self.at == NULL:
            raise MemoryError()
        self.size = size

    def __dealloc__(self):
        free(self.at)


cdef class HeadReader:
    """One head from bytes that arrive in any pieces. `head` is complete when feed() returned a length."""
    cdef H1Parser parser
    cdef _Bytes block
    cdef readonly Head head
    cdef uint32_t max_fields

    def __init__(self, *, response: bool = False, max_fields: int = 101, size: int = 15360, lenient: bool = False):
        h1_init(&self.parser, response)
        self.parser.lenient = lenient
        self.block = _Bytes(size)
        self.head = Head()
        self.head.owner = self.block
        self.max_fields = max_fields

    def feed(self, data: bytes) -> int:
        """Returns: > 0 bytes of the head among all fed so far, 0: more wanted.

        Raises: Refused, with TOO_LARGE when `size` bytes hold no whole head.
        """
        cdef uint32_t n = <uint32_t>min(<int64_t>len(data), <int64_t>(self.block.size - self.block.used))
        cdef int r
        memcpy(self.block.at + self.block.used, <const char *>data, n)
        self.block.used += n
        r = h1_head(&self.parser, self.block.at, self.block.used, self.head, self.max_fields)
        if r < 0:
            raise Refused(r, self.parser.error_pos)
        if r == 0 and self.block.used == self.block.size:
            raise Refused(H1_TOO_LARGE, self.block.size)
        return r


cdef class BodyReader:
    """One body from bytes that arrive in any pieces: what may be forwarded of them, and where the message ends."""
    cdef H1Body body
    cdef bytes held

    def __init__(self, mode: int, length: int = 0, *, strip: bool = False):
        h1_body_init(&self.body, mode, length)
        self.body.strip = strip
        self.held = b""

    @property
    def done(self) -> bool:
        return bool(self.body.done)

    @property
    def payload(self) -> int:
        """Body bytes so far, without framing."""
        return self.body.payload

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Returns: (bytes to forward, bytes behind the end of the message). Raises: Refused."""
        cdef bytes all_bytes = self.held + data
        cdef uint32_t n = <uint32_t>len(all_bytes), used = 0
        cdef _Bytes block = _Bytes(n)
        cdef int64_t kept
        memcpy(block.at, <const char *>all_bytes, n)
        kept = h1_body_step(&self.body, block.at, n, &used)
        if kept < 0:
            raise Refused(H1_BAD, self.body.error_pos)
        rest = all_bytes[used:]
        self.held = b"" if self.body.done else rest
        return PyBytes_FromStringAndSize(block.at, kept), rest if self.body.done else b""


def _parse(data: bytes, bint response, max_fields: int, lenient: bool) -> Head | None:
    reader = HeadReader(response=response, max_fields=max_fields, size=max(len(data) + 1, 1), lenient=lenient)
    return reader.head if reader.feed(data) else None


def parse_request(data: bytes, *, max_fields: int = 101, lenient: bool = False) -> Head | None:
    """The head at the start of `data`; None if it is not complete. Raises: Refused."""
    return _parse(data, False, max_fields, lenient)


def parse_response(data: bytes, *, max_fields: int = 101, lenient: bool = False) -> Head | None:
    """The head at the start of `data`; None if it is not complete. Raises: Refused."""
    return _parse(data, True, max_fields, lenient)


def time_head(data: bytes, rounds: int) -> float:
    """Seconds per head of parsing the request `data` `rounds` times; for bench/."""
    cdef Head head = Head()
    cdef _Bytes block = _Bytes(<uint32_t>len(data))
    cdef H1Parser parser
    cdef int i, n = rounds, r = 0
    cdef double started
    from time import perf_counter
    started = perf_counter()
    for i in range(n):
        memcpy(block.at, <const char *>data, block.size)
        h1_init(&parser, False)
        head.clear()
        r = h1_head(&parser, block.at, block.size, head, 101)
    if r <= 0:
        raise Refused(r, parser.error_pos)
    return (perf_counter() - started) / rounds
