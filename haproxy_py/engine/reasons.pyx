# cython: language_level=3
"""Reason phrases by status, as HAProxy words them: for replies made here and for servers that send none."""

from libc.stdint cimport uint32_t

_PHRASES: dict[int, bytes] = {
    100: b"Continue", 101: b"Switching Protocols", 102: b"Processing", 103: b"Early Hints", 200: b"OK",
    201: b"Created", 202: b"Accepted", 203: b"Non-Authoritative Information", 204: b"No Content",
    205: b"Reset Content", 206: b"Partial Content", 207: b"Multi-Status", 210: b"Content Different", 226: b"IM Used",
    300: b"Multiple Choices", 301: b"Moved Permanently", 302: b"Found", 303: b"See Other", 304: b"Not Modified",
    305: b"Use Proxy", 307: b"Temporary Redirect", 308: b"Permanent Redirect", 310: b"Too many Redirects",
    400: b"Bad Request", 401: b"Unauthorized", 402: b"Payment Required", 403: b"Forbidden", 404: b"Not Found",
    405: b"Method Not Allowed", 406: b"Not Acceptable", 407: b"Proxy Authentication Required",
    408: b"Request Time-out", 409: b"Conflict", 410: b"Gone", 411: b"Length Required", 412: b"Precondition Failed",
    413: b"Request Entity Too Large", 414: b"Request-URI Too Long", 415: b"Unsupported Media Type",
    416: b"Requested range unsatisfiable", 417: b"Expectation failed", 418: b"I'm a teapot",
    421: b"Misdirected Request", 422: b"Unprocessable Content", 423: b"Locked", 424: b"Method failure",
    425: b"Too Early", 426: b"Upgrade Required", 428: b"Precondition Required", 429: b"Too Many Requests",
    431: b"Request Header Fields Too Large", 449: b"Retry With", 450: b"Blocked by Windows Parental Controls",
    451: b"Unavailable For Legal Reasons", 456: b"Unrecoverable Error", 499: b"client has closed connection",
    500: b"Internal Server Error", 501: b"Not Implemented", 502: b"Bad Gateway or Proxy Error",
    503: b"Service Unavailable", 504: b"Gateway Time-out", 505: b"HTTP Version not supported",
    506: b"Variant also negotiate", 507: b"Insufficient storage", 508: b"Loop detected",
    509: b"Bandwidth Limit Exceeded", 510: b"Not extended", 511: b"Network authentication required",
    520: b"Web server is returning an unknown error",
}
_CLASSES = (b"Informational", b"Success", b"Redirection", b"Client Error", b"Server Error")

cdef enum:
    LOWEST = 100
    PAST = 600

cdef const char *_text[PAST]
cdef uint32_t _length[PAST]


cdef void fill() except *:
    """The bytes objects of both tables live as long as the module, and so do the pointers into them."""
    cdef int i
    for i in range(PAST):
        _text[i] = ""
        _length[i] = 0
    for status in range(LOWEST, PAST):
        phrase = reason(status)
        _text[<int>status] = <const char *><bytes>phrase
        _length[<int>status] = <uint32_t>len(phrase)


cdef const char *reason_of(int status, uint32_t *n) noexcept nogil:
    if status < LOWEST or status >= PAST:
        n[0] = 5
        return "Other"
    n[0] = _length[status]
    return _text[status]


def reason(status: int) -> bytes:
    """The phrase of a status; for one without, the name of its class; "Other" outside 100..599."""
    if not LOWEST <= status < PAST:
        return b"Other"
    return _PHRASES.get(status, _CLASSES[status // 100 - 1])


fill()
