"""One form for streams of HTTP/1 messages that differ only in how a chunked body was cut into chunks.

A proxy may join or split chunks (RFC 9112 7.1): what counts is the payload, the trailers and whether the end came.
"""

import re

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: chunked\r\n", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")
_CUT_SIZE = re.compile(rb"[0-9A-Fa-f]*\r?\n?\Z")


def canon(stream: bytes) -> bytes:
    """Returns: `stream` with each chunked body as one chunk (of all that came) and its end; anything odd is left as it is."""
    out: list[bytes] = []
    at = 0
    while (end := stream.find(b"\r\n\r\n", at)) >= 0:
        head = stream[at : end + 4]
        out.append(head)
        at = end + 4
        if _CHUNKED.search(head):
            body, at = _join(stream, at)
            out.append(body)
        elif length := _LENGTH.search(head):
            out.append(stream[at : at + int(length[1])])
            at += int(length[1])
    return b"".join([*out, stream[at:]])


def _join(stream: bytes, at: int) -> tuple[bytes, int]:
    """Returns: the chunks from `at` as one, and where they end; a size line that was cut is dropped."""
    payload = b""
    while size := _SIZE.match(stream, at):
        count = int(size[1], 16)
        if count == 0 and size.end() < len(stream):
            return _with_size(payload) + b"0\r\n", size.end()
        piece = stream[size.end() : size.end() + count]
        payload += piece
        at = min(size.end() + count + 2, len(stream))
    return _with_size(payload), len(stream) if _CUT_SIZE.match(stream, at) else at


def _with_size(payload: bytes) -> bytes:
    return b"%X\r\n%s\r\n" % (len(payload), payload) if payload else b""
