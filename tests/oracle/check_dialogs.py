"""What scripted servers say to health checks of every kind: a table for test_check_dialogs.

A dialog is the backend's lines and what the server does: WAIT for bytes, send some, PAUSE, RESET; then it closes, or
with HOLD stays silent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

WAIT, PAUSE, RESET, HOLD = "wait", "pause", "reset", "hold"
Act = str | bytes


@dataclass(frozen=True)
class Dialog:
    """lines: of the backend; acts: of the server."""

    lines: str
    acts: tuple[Act, ...]


def _mysql(number: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def _varint(n: int) -> bytes:
    if n < 240:
        return bytes([n])
    out, n = [n & 15 | 240], (n - 240) >> 4
    while n >= 128:
        out.append(n & 127 | 128)
        n = (n - 128) >> 7
    return bytes([*out, n])


def _text(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _frame(kind: int, flags: int = 1, **values: bytes) -> bytes:
    body = bytes([kind]) + struct.pack(">I", flags) + b"\0\0"
    body += b"".join(_text(name.replace("_", "-").encode()) + value for name, value in values.items())
    return struct.pack(">I", len(body)) + body


def _agent(version: bytes = b"2.0", size: int = 16380) -> dict[str, bytes]:
    return {"version": b"\x08" + _text(version), "max_frame_size": b"\x03" + _varint(size), "capabilities": b"\x08\0"}


GREET = _mysql(0, b"\x0a10.11.6-MariaDB\0" + b"\1\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\x7f\x80\x15" + bytes(10) + b"abcdefghijkl\0")
ACCEPTED = _mysql(2, b"\0\0\0\2\0\0\0")
DENIED = _mysql(2, b"\xff\x15\x04#28000Access denied")
BLOCKED = _mysql(0, b"\xff\x69\x04Host 'x' is blocked")
BIND_OK = bytes.fromhex("300c 020101 6107 0a0100 0400 0400")
OK = b"HTTP/1.1 200 Fine\r\nfoo: Bar, b\r\ncontent-length: 5\r\n\r\nhello"
BUSY = b"HTTP/1.1 503 Busy\r\nfoo: Bar, b\r\ncontent-length: 5\r\n\r\nhello"
HTTP_NOISE = b"HTTP/1.0 400 Bad Request\r\n\r\n"
SCRIPT = " option tcp-check\n "
CHECK = " option httpchk\n "


def _auth(kind: int) -> bytes:
    return b"R" + struct.pack(">II", 8, kind)


KINDS: dict[str, dict[str, tuple[Act, ...]]] = {
    " option redis-check": {
        "pong": (WAIT, b"+PONG\r\n", HOLD), "error": (WAIT, b"-ERR no\r\nxx", HOLD), "error and end": (WAIT, b"-ERR no\r\nxx"),
        "in pieces": (WAIT, b"+PO", PAUSE, b"NG\r\n", HOLD), "end": (WAIT,), "silence": (WAIT, HOLD), "reset": (WAIT, RESET),
        "reset behind words": (WAIT, b"-ERR no\r\n", PAUSE, RESET), "long": (WAIT, b"A" * 300 + b"\r\n"), "NUL": (WAIT, b"\0abc\r\n"),
    },
    " option ssl-hello-chk": {
        "handshake": (WAIT, b"\x16\x03\x01\x00\x10abcdef", HOLD), "alert": (WAIT, b"\x15\x03\x01\x00\x02\x02\x28", HOLD),
        "http": (WAIT, HTTP_NOISE, HOLD), "half": (WAIT, b"\x16\x03"), "end": (WAIT,), "silence": (WAIT, HOLD),
    },
    " option smtpchk": {
        "well": (b"220 hi there\r\n", WAIT, b"250 ok me\r\n", WAIT, b"221 bye\r\n", HOLD),
        "several lines": (b"220-hi there\r\n220 x\r\n", HOLD), "busy": (b"421 busy  now\r\n", HOLD),
        "garbage": (b"what is this\r\n", HOLD), "bad goodbye": (b"220 hi\r\n", WAIT, b"250 fine\r\n", WAIT, b"500 no such\r\n", HOLD),
        "no goodbye": (b"220 hi\r\n", WAIT, b"250 fine\r\n", WAIT), "silence": (HOLD,), "end": (), "half a banner": (b"22",),
        "no words": (b"220\r\n", WAIT, b"250\r\n", WAIT, b"221\r\n", HOLD),
    },
    " option smtpchk EHLO x.org": {
        "well": (b"220 hi there\r\n", WAIT, b"250-ok me\r\n250 END\r\n", WAIT, b"221 bye\r\n", HOLD),
        "bad hello": (b"220 hi\r\n", WAIT, b"500 no such\r\n", HOLD), "bad hello, end": (b"220 hi\r\n", WAIT, b"500 no such\r\n"),
        "half a word": (b"220 hi\r\n", WAIT, b"5"),
    },
    " option mysql-check": {
        "well": (GREET, HOLD), "blocked": (BLOCKED, HOLD), "http": (HTTP_NOISE, HOLD), "half": (GREET[:20],), "a byte": (b"\x10",),
        "end": (), "silence": (HOLD,), "old": (_mysql(0, b"\x09abc\0"), HOLD),
    },
    " option mysql-check user haproxy": {
        "well": (GREET, WAIT, ACCEPTED, HOLD), "denied": (GREET, WAIT, DENIED, HOLD), "noise": (GREET, WAIT, b"xxxxxxxx", HOLD),
        "end": (GREET, WAIT), "half": (GREET, WAIT, ACCEPTED[:5]), "two bytes": (GREET, WAIT, ACCEPTED[:2]),
        "old password": (GREET, WAIT, _mysql(2, b"\xfe"), HOLD), "blocked": (BLOCKED, HOLD), "at once": (GREET + ACCEPTED, HOLD),
        "silence": (GREET, HOLD), "no greeting": (WAIT, HOLD), "no greeting, end": (WAIT,), "late greeting": (WAIT, GREET + ACCEPTED, HOLD),
    },
    " option mysql-check user haproxy post-41": {"well": (GREET, WAIT, ACCEPTED, HOLD)},
    " option mysql-check user haproxy pre-41": {"well": (GREET, WAIT, ACCEPTED, HOLD)},
    " option pgsql-check user hap": {
        "well": (WAIT, _auth(0), HOLD), "md5": (WAIT, _auth(5), HOLD), "unknown": (WAIT, _auth(77), HOLD), "http": (WAIT, HTTP_NOISE, HOLD),
        "error": (WAIT, b"E\0\0\0\x3aSFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0Ffoo\0\0", HOLD),
        "no": (WAIT, b"N", HOLD), "short": (WAIT, b"R\0\0\0", HOLD), "short, end": (WAIT, b"R\0\0\0"), "end": (WAIT,), "silence": (WAIT, HOLD),
    },
    " option ldap-check": {
        "well": (WAIT, BIND_OK, HOLD), "long lengths": (WAIT, bytes.fromhex("30840000001002010161840000000 70a010004000400".replace(" ", "")), HOLD),
        "refused": (WAIT, bytes.fromhex("300c02010161070a010204000400"), HOLD), "no bind": (WAIT, bytes.fromhex("300c02010165070a010204000400"), HOLD),
        "http": (WAIT, HTTP_NOISE, HOLD), "short": (WAIT, BIND_OK[:4], HOLD), "short, end": (WAIT, BIND_OK[:4]), "noise": (WAIT, b"0" + b"A" * 23, HOLD),
        "another id": (WAIT, BIND_OK.replace(b"\2\1\1", b"\2\1\2"), HOLD), "end": (WAIT,), "silence": (WAIT, HOLD),
    },
    " option spop-check": {
        "well": (WAIT, _frame(101, **_agent()), HOLD), "version 1": (WAIT, _frame(101, **_agent(b"1.0")), HOLD),
        "small": (WAIT, _frame(101, **_agent(size=100)), HOLD), "big": (WAIT, _frame(101, **_agent(size=1000000)), HOLD),
        "no version": (WAIT, _frame(101, max_frame_size=b"\x03\xfc\xf0\x06"), HOLD), "no size": (WAIT, _frame(101, version=b"\x08\x032.0"), HOLD),
        "goodbye": (WAIT, _frame(102, status_code=b"\x03\x03", message=b"\x08\x05oh no"), HOLD), "ack": (WAIT, _frame(103), HOLD),
        "http": (WAIT, HTTP_NOISE, HOLD), "half": (WAIT, _frame(101, **_agent())[:20], HOLD), "end": (WAIT,), "silence": (WAIT, HOLD),
        "empty": (WAIT, bytes(4), HOLD), "fragment": (WAIT, _frame(101, 0, **_agent()), HOLD),
        "no version, big": (WAIT, _frame(101, max_frame_size=b"\x03" + _varint(1000000)), HOLD), "fragment of an ack": (WAIT, _frame(103, 0), HOLD),
        "version is a number": (WAIT, _frame(101, version=b"\x03\x02"), HOLD),
    },
    SCRIPT + "tcp-check expect ! string foo": {"end": (), "other": (b"bar",), "reset": (b"bar", PAUSE, RESET)},
    SCRIPT + "tcp-check expect min-recv 5 ! string foo": {"end": (b"ba",), "silence": (b"ba", HOLD)},
    SCRIPT + "tcp-check expect string foo comment cc on-error bad:%[res.payload(0,0)] status-code int(7)": {"other": (b"bar\r\nx<>\"\xe9",), "end": ()},
    SCRIPT + 'tcp-check send-lf hi-%[srv_name]-%[be_name]-%s-%b\\r\\n\n tcp-check expect string foo on-success "%[res.payload(0,0)] good" status-code res.len': {
        "well": (WAIT, b"foo bar")},
    SCRIPT + "tcp-check expect string foo on-success yes\n tcp-check send x": {"well": (b"foo bar", HOLD)},
    SCRIPT + ("tcp-check set-var(check.x) str(abc)\n tcp-check set-var-fmt(check.y) A%[var(check.x)]B\n tcp-check send-lf %[var(check.y)]\n"
              ' tcp-check unset-var(check.x)\n tcp-check expect string foo on-success "%[var(check.x)]-%[var(check.y)]"'): {
        "well": (WAIT, b"foo bar"), "silence": (WAIT, HOLD)},
    SCRIPT + "tcp-check send-binary-lf 41%[str(42)]\n tcp-check expect string-lf %[str(fo)]o": {"well": (WAIT, b"foo"), "other": (WAIT, b"fxo"), "silence": (WAIT, HOLD)},
    SCRIPT + "tcp-check send-binary-lf 41%[str(4)]\n tcp-check expect string foo": {"well": (WAIT, b"foo")},
    SCRIPT + "tcp-check expect binary-lf 66%[str(6f)]6f": {"well": (b"foo",), "other": (b"fxo",)},
    SCRIPT + "tcp-check expect binary 4f6a comment hey": {"other": (b"fxo",), "silence": (HOLD,)},
    SCRIPT + "tcp-check expect rbinary 4f6a comment hey": {"other": (b"fxo",), "silence": (HOLD,)},
    CHECK + 'http-check expect status 200 on-success "%[status] %[res.hdr(foo)] %[res.fhdr(foo)]" status-code res.hdr_cnt(foo)': {"well": (WAIT, OK)},
    CHECK + 'http-check expect status 200 on-error "e %[status] %[res.hdr(foo)]" status-code int(9) comment cc': {"busy": (WAIT, BUSY)},
    CHECK + 'http-check expect string xx on-error "e %[status] %[res.body]"': {"busy": (WAIT, BUSY)},
    CHECK + "http-check expect string-lf %[str(hell)] on-success ok": {"busy": (WAIT, BUSY)},
    CHECK + "http-check expect hdr name-lf -m beg %[str(fo)] value-lf -m beg %[str(Ba)]": {"busy": (WAIT, BUSY)},
    CHECK + ("http-check set-var(check.p) str(/pp)\n http-check send uri-lf %[var(check.p)] hdr X %[srv_name]\n http-check expect status 200\n"
             " http-check unset-var(check.p)"): {"well": (WAIT, OK)},
    CHECK + "http-check send meth POST uri / ver HTTP/1.1 hdr Host x body-lf a%[srv_name]b": {"well": (WAIT, OK), "garbage": (WAIT, b"hello\r\n\r\n")},
    CHECK + "http-check expect status 200 comment cc": {"silence": (WAIT, HOLD), "half": (WAIT, b"HTTP/1.1 200 OK\r\n", HOLD), "cut": (WAIT, b"HTTP/1.1 2")},
    CHECK + "http-check expect rstring oo comment cc": {"silence": (WAIT, HOLD), "half": (WAIT, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nfo", HOLD)},
    CHECK + "http-check expect status 200 on-success yes\n http-check set-var(check.p) str(/pp)": {"well": (WAIT, OK)},
}  # fmt: skip

DIALOGS = {f"{lines.strip()} / {name}": Dialog(lines, acts) for lines, kind in KINDS.items() for name, acts in kind.items()}
