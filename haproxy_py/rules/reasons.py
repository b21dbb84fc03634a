"""Reason phrases of status codes (RFC 9110 15 and the IANA registry), as HAProxy sends them."""

from __future__ import annotations

_TEXT = """
100 Continue|101 Switching Protocols|102 Processing|103 Early Hints|200 OK|201 Created|202 Accepted
203 Non-Authoritative Information|204 No Content|205 Reset Content|206 Partial Content|207 Multi-Status
208 Already Reported|226 IM Used|300 Multiple Choices|301 Moved Permanently|302 Found|303 See Other
304 Not Modified|305 Use Proxy|306 Switch Proxy|307 Temporary Redirect|308 Permanent Redirect|400 Bad Request
401 Unauthorized|402 Payment Required|403 Forbidden|404 Not Found|405 Method Not Allowed|406 Not Acceptable
407 Proxy Authentication Required|408 Request Time-out|409 Conflict|410 Gone|411 Length Required
412 Precondition Failed|413 Payload Too Large|414 URI Too Long|415 Unsupported Media Type|416 Range Not Satisfiable
417 Expectation Failed|418 I'm a teapot|421 Misdirected Request|422 Unprocessable Content|423 Locked
424 Method Failure|425 Too Early|426 Upgrade Required|428 Precondition Required|429 Too Many Requests
431 Request Header Fields Too Large|440 Login Time-out|444 No Response|449 Retry With|450 Blocked by Windows Parental Controls
451 Unavailable For Legal Reasons|494 Request Header Too Large|495 Cert Error|496 No Cert|497 HTTP to HTTPS
499 Client Closed Request|500 Internal Server Error|501 Not Implemented|502 Bad Gateway|503 Service Unavailable
504 Gateway Time-out|505 HTTP Version Not Supported|506 Variant also negotiate|507 Insufficient Storage
508 Loop Detected|509 Bandwidth Limit Exceeded|510 Not Extended|511 Network Authentication Required|598 Network read timeout error
599 Network connect timeout error
"""
REASONS = {
    int(entry[:3]): entry[4:].encode("ascii") for line in _TEXT.split("\n") for entry in line.split("|") if entry
}


def reason(status: int) -> bytes:
    """The phrase of a status; "Other" for one without."""
    return REASONS.get(status, b"Other")
