"""HTTP/1 heads: bytes in, verdict and forwarded bytes out; whole, byte by byte, and with bytes of the next message behind.

A value of bytes is the head that goes on; a number is the error. CLEAN: it goes on exactly as it came.
"""

import pytest

from haproxy_py.engine.http1_reader import BAD, BAD_VERSION, TOO_MANY, UNSUPPORTED_TE, HeadReader, Refused
from haproxy_py.engine.message import HF_CLEAN

CLEAN = "clean"
Verdict = bytes | int | str

H = b"host: a\r\n"


def get(fields: bytes = H, target: bytes = b"/", method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    return method + b" " + target + b" HTTP/" + version + b"\r\n" + fields + b"\r\n"


def ok(fields: bytes = b"", line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return line + b"\r\n" + fields + b"\r\n"


WS = b"connection: upgrade\r\nupgrade: websocket\r\n"
TE = b"transfer-encoding: "
CL = b"content-length: "

REQUESTS: list[tuple[bytes, Verdict]] = [
    (get(), CLEAN),
    (get(b""), CLEAN),
    (get(version=b"1.0"), CLEAN),
    (get(method=b"F-OO_1"), CLEAN),
    (get(method=b"get"), CLEAN),
    (get(b"f!#$%&'*+-.^_`|~o: \x80\xff\x01\t\x7fz\r\n"), CLEAN),
    # start line
    (b"\r\n\n\r\n" + get(), get()),
    (b"\rX", BAD),
    (b" GET / HTTP/1.1\r\n\r\n", BAD),
    (b"GARBAGE\r\n\r\n", BAD),
    (b"GET\r\n\r\n", BAD),
    (b"GET /\r\n\r\n", BAD),
    (b"GET /\n", BAD),
    (b"GET / \r\n\r\n", BAD),
    (b"G@T / HTTP/1.1\r\n\r\n", BAD),
    (b"GET: / HTTP/1.1\r\n\r\n", BAD),
    (b"GET\t  / \tHTTP/1.1\r\n" + H + b"\r\n", get()),
    (b"GET / HTTP/1.1 \r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\rx", BAD),
    (get(version=b"1"), BAD),
    (get(version=b"1.1x"), BAD),
    (get(version=b"01.1"), BAD),
    (b"GET / http/1.1\r\n\r\n", BAD),
    (b"GET / JUNK/1.1\r\n\r\n", BAD),
    (get(version=b"1.2"), get()),
    (get(version=b"2.0"), get()),
    (get(version=b"0.9"), CLEAN),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD_VERSION),
    # targets
    (get(target=b"/\"<>\\^`{|}[]%zz"), CLEAN),
    (get(target=b"/a b"), BAD),
    (get(target=b"/\x00"), BAD),
    (get(target=b"/\x01"), BAD),
    (get(target=b"/\x7f"), BAD),
    (get(target=b"/\xc3\xa9"), BAD),
    (get(target=b"/a#b"), BAD),
    (get(target=b"foo"), BAD),
    (get(target=b"a:80"), BAD),
    (get(target=b"*"), CLEAN),
    (get(target=b"*x"), BAD),
    (get(target=b"http://a/x"), CLEAN),
    (get(target=b"http://u@a/x"), CLEAN),
    (get(target=b"http://A/x"), CLEAN),
    (get(target=b"http://a:80/x"), get(target=b"http://a/x")),
    (get(b"host: a:80\r\n", b"http://a:80/x?y"), get(target=b"http://a/x?y")),
    (get(b"host: a:80\r\n", b"http://a/x"), CLEAN),
    (get(target=b"https://a:443/x"), get(target=b"https://a/x")),
    (get(target=b"https://a:80/x"), BAD),
    (get(target=b"ftp://a:80/x"), BAD),
    (get(target=b"http://a:/x"), get(target=b"http://a/x")),
    (get(b"host: [::1]:80\r\n", b"http://[::1]:80/x"), get(b"host: [::1]\r\n", b"http://[::1]/x")),
    (get(target=b"http://b/x"), BAD),
    (get(target=b"http://a:8080/x"), BAD),
    (get(b"", b"http://b/x"), CLEAN),
    (get(target=b"http://a"), get(target=b"http://a/")),
    (get(target=b"http://a", method=b"OPTIONS"), CLEAN),
    (get(target=b"http://a?x"), BAD),
    (get(target=b"http:/a"), BAD),
    (get(b"host: a:443\r\n", b"a:443", b"CONNECT"), get(H, b"a:443", b"CONNECT")),
    (get(H, b"a:443", b"CONNECT"), CLEAN),
    (get(b"host: a:8443\r\n", b"a:8443", b"CONNECT"), CLEAN),
    (get(H, b"a:8443", b"CONNECT"), BAD),
    (get(H, b"a", b"CONNECT"), BAD),
    (get(H, b"/", b"CONNECT"), BAD),
    (get(H, b":80", b"CONNECT"), BAD),
    (get(b"host: a:x\r\n", b"a:x", b"CONNECT"), BAD),
    # host
    (get(H + H), get()),
    (get(H + b"HOST: A\r\n"), get()),
    (get(H + b"host: b\r\n"), BAD),
    (get(H + b"host:\r\n"), BAD),
    (get(b"host: \r\n"), CLEAN),
    (get(b"host: a:80\r\n"), CLEAN),
    (get(b"host: [::1]:8080\r\n"), CLEAN),
    *((get(b"host: a" + bad + b"b\r\n"), BAD) for bad in (b" ", b"\t", b",", b"/", b"?", b"#", b"@", b"\\", b"[", b"]", b"\x80", b"\x01")),
    # fields
    (b"GET / HTTP/1.1\nhost: a\nx-y: z\n\n", get(H + b"x-y: z\r\n")),
    (b"GET / HTTP/1.1\r\nhost: a\n\r\n", get()),
    (get(b"Host:a\r\n"), get()),
    (get(b"HOST: a\r\n"), CLEAN),
    (get(H + b"foo:  \t b  c \t\r\n"), get(H + b"foo: b  c\r\n")),
    (get(H + b"foo:\r\nbar:  \r\n"), get(H + b"foo: \r\nbar: \r\n")),
    (get(H + b"foo: a\r\n b\r\n"), get(H + b"foo: a   b\r\n")),
    (get(H + b"foo: a\n\tb\r\nx: y\r\n"), get(H + b"foo: a \tb\r\nx: y\r\n")),
    (get(H + b"foo: a\r\n \r\n"), get(H + b"foo: a\r\n")),
    (get(H + b"foo:\r\n b\r\n"), get(H + b"foo: b\r\n")),
    (get(H + b"foo:\r\n \r\n b\r\n"), get(H + b"foo: b\r\n")),
    (get(b" host: a\r\n"), BAD),
    (get(H + b"foo : b\r\n"), BAD),
    (get(H + b"fo o: b\r\n"), BAD),
    (get(H + b"foo\r\n"), BAD),
    (get(H + b": b\r\n"), BAD),
    (get(H + b"f\x00o: b\r\n"), BAD),
    (get(H + b"f\xc3\xa9: b\r\n"), BAD),
    (get(H + b"f@o: b\r\n"), BAD),
    (get(H + b"foo: a\x00b\r\n"), BAD),
    (get(H + b"foo: a\rb\r\n"), BAD),
    (get(H + b"foo: a\r\r\n"), BAD),
    (get(H)[:-2] + b"\rx", BAD),
    (get(b"".join(b"f%d: a\r\n" % i for i in range(100))), CLEAN),
    (get(b"".join(b"f%d: a\r\n" % i for i in range(101))), TOO_MANY),
    # framing
    (get(H + CL + b"3\r\n"), CLEAN),
    (get(H + CL + b"3\r\n" + CL + b"3\r\n"), get(H + CL + b"3\r\n")),
    (get(H + CL + b"3\r\n" + CL + b"03, 3\r\n"), get(H + CL + b"3\r\n")),
    (get(H + CL + b"3, 3 ,3\r\n"), get(H + CL + b"3\r\n")),
    (get(H + CL + b"0003\r\n"), get(H + CL + b"3\r\n")),
    (get(H + CL + b"000\r\n"), get(H + CL + b"0\r\n")),
    (get(H + CL + b"9223372036854775807\r\n"), CLEAN),
    *((get(H + CL + bad + b"\r\n"), BAD)
      for bad in (b"", b"3, 4", b"3,", b",3", b"+3", b"-3", b"0x3", b"3x", b"3 3", b"\x0b3", b"9223372036854775808", b"9" * 30)),
    (get(H + CL + b"3\r\n" + CL + b"4\r\n"), BAD),
    (get(H + TE + b"chunked\r\n"), CLEAN),
    (get(H + TE + b"CHUNKED\r\n"), get(H + TE + b"chunked\r\n")),
    (get(H + CL + b"3\r\n" + TE + b"chunked\r\n" + CL + b"3\r\n"), get(H + TE + b"chunked\r\n")),
    (get(H + TE + b"gzip, chunked\r\n"), UNSUPPORTED_TE),
    (get(H + TE + b"identity\r\n" + TE + b"chunked\r\n"), UNSUPPORTED_TE),
    *((get(H + TE + bad + b"\r\n"), BAD)
      for bad in (b"", b",", b",chunked", b"chunked,", b"gzip", b"identity", b"xchunked", b"chunkedx", b'"chunked"', b"chunked;q=1",
                  b"chunked, gzip", b"chunked, chunked", b"\x0bchunked")),
    (get(H + TE + b"chunked\r\n" + TE + b"chunked\r\n"), BAD),
    (get(H + CL + b"3\r\n" + TE + b"gzip\r\n"), BAD),
    # connection and upgrade
    (get(H + b"connection: close, foo\r\n"), CLEAN),
    (get(H + b"connection: upgrade\r\nupgrade: foo/1\r\n"), CLEAN),
    (get(H + b"upgrade: foo\r\n"), get()),
    (get(H + b"connection: x, Upgrade\r\n"), get(H + b"connection: x\r\n")),
    (get(H + b"connection: upgrade\r\n"), get()),
    (get(H + b"connection: upgrade, x\r\nupgrade: h2c, foo\r\n"), get(H + b"connection: upgrade, x\r\nupgrade: foo\r\n")),
    (get(H + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"),
     get(H + b"connection: http2-settings\r\nhttp2-settings: AA\r\n")),
    (get(H + WS + b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), CLEAN),
    (get(H + WS), BAD),
    (get(H + WS + b"sec-websocket-key: x\r\n"), BAD),
    (get(H + WS + b"sec-websocket-key:\r\n"), BAD),
]

RESPONSES: list[tuple[bytes, Verdict]] = [
    (ok(), CLEAN),
    (ok(b"content-length: 2\r\n"), CLEAN),
    (ok(line=b"HTTP/1.0 404 Not  Found "), CLEAN),
    (ok(line=b"HTTP/1.1 200 \x01\xc3\xa9"), CLEAN),
    (ok(line=b"HTTP/1.1 999 x"), CLEAN),
    (ok(line=b"HTTP/1.1 200"), ok()),
    (ok(line=b"HTTP/1.1 200 "), ok()),
    (ok(line=b"HTTP/1.1 777"), ok(line=b"HTTP/1.1 777 Other")),
    (ok(line=b"HTTP/1.1 \t200\tOK"), ok()),
    (ok(line=b"HTTP/2.0 200 OK"), ok()),
    (b"\r\n" + ok(), ok()),
    *((ok(line=b"HTTP/1.1 " + bad + b" OK"), BAD) for bad in (b"20", b"2000", b"099", b"000", b"2x0", b"-20")),
    (ok(line=b"http/1.1 200 OK"), BAD),
    (ok(line=b"HTTP/1.1200 OK"), BAD),
    (ok(line=b"HTTP/1.1 200 O\x00K"), BAD),
    (ok(line=b"HTTP/1.1 200 O\rK"), BAD),
    (b"<html>", BAD),
    (ok(b"foo: a\r\n b\r\n"), ok(b"foo: a   b\r\n")),
    (ok(b"foo : a\r\n"), BAD),
    (ok(b"foo: \x00\r\n"), BAD),
    (ok(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"), CLEAN),
    (ok(b"host: a\r\nhost: b/c\r\n"), CLEAN),
    (ok(CL + b"2\r\n" + CL + b"2\r\n"), ok(CL + b"2\r\n")),
    (ok(CL + b"2\r\n" + CL + b"3\r\n"), BAD),
    (ok(CL + b"2\r\n" + TE + b"chunked\r\n"), ok(TE + b"chunked\r\n")),
    (ok(TE + b"gzip\r\n"), BAD),
    (ok(TE + b"gzip, chunked\r\n"), UNSUPPORTED_TE),
    (ok(CL + b"0\r\n", b"HTTP/1.1 204 No Content"), ok(b"", b"HTTP/1.1 204 No Content")),
    (ok(TE + b"chunked\r\n", b"HTTP/1.1 204 No Content"), ok(b"", b"HTTP/1.1 204 No Content")),
    (ok(CL + b"3\r\nlink: x\r\n", b"HTTP/1.1 103 Early Hints"), ok(b"link: x\r\n", b"HTTP/1.1 103 Early Hints")),
    (ok(CL + b"7\r\n", b"HTTP/1.1 304 Not Modified"), CLEAN),
    (ok(b"connection: upgrade\r\nupgrade: h2c\r\n"), ok(b"connection: upgrade\r\n")),
    (ok(b"upgrade: foo\r\n"), CLEAN),
    (ok(WS, b"HTTP/1.1 101 Switching"), BAD),
    (ok(WS + b"sec-websocket-accept: x\r\n", b"HTTP/1.1 101 Switching"), CLEAN),
]


def lowered(data: bytes) -> bytes:
    """Names in lower case, which parsing does in place."""
    if b"\r\n\r\n" not in data:
        return data
    line, *fields, _, last = data.split(b"\r\n")
    fields = [name.lower() + b":" + value for name, _, value in (field.partition(b":") for field in fields)]
    return b"\r\n".join([line, *fields, b"", last])


def run(data: bytes, pieces: list[bytes], response: bool) -> tuple[Verdict, int]:
    """What comes of `data` in these pieces, and how many bytes had been fed at the verdict."""
    reader = HeadReader(response=response, size=len(data) + 100)
    fed = 0
    for piece in pieces:
        fed += len(piece)
        try:
            length = reader.feed(piece)
        except Refused as fault:
            return fault.code, fed
        if length:
            out = reader.head.response_bytes() if response else reader.head.request_bytes()
            assert out is not None and length <= len(data)
            assert bool(reader.head.flag_bits & HF_CLEAN) == (out == lowered(data[:length]))
            return out, fed
    return 0, fed


def check(data: bytes, verdict: Verdict, response: bool) -> None:
    expected = lowered(data) if isinstance(verdict, str) else verdict
    assert run(data, [data], response)[0] == expected
    single, fed = run(data, [data[i:i + 1] for i in range(len(data))], response)
    assert single == expected
    assert run(data, [data[:fed] + b"GET / HTTP/1.1\r\n\r\n\x00"], response)[0] == expected
    if not isinstance(expected, int):
        assert fed == len(data)


@pytest.mark.parametrize(("data", "verdict"), REQUESTS, ids=lambda value: repr(value)[:70])
def test_request(data: bytes, verdict: Verdict) -> None:
    check(data, verdict, False)


@pytest.mark.parametrize(("data", "verdict"), RESPONSES, ids=lambda value: repr(value)[:70])
def test_response(data: bytes, verdict: Verdict) -> None:
    check(data, verdict, True)


@pytest.mark.parametrize(
    "data",
    [b"GE\x00", b"GET /\x01", b"GET /a#", b"GET / X", b"GET / HTTP/1.x", b"GET / HTTP/1.1\rx", b"GET / HTTP/1.1\r\nfo ",
     b"GET / HTTP/1.1\r\nfoo: \x00", b"GET / HTTP/1.1\r\nfoo: a\rb", b"GET / HTTP/1.1\r\n:", b"GET / HTTP/1.1\r\nfoo\r"],
    ids=repr,
)
def test_a_bad_byte_is_refused_when_it_comes(data: bytes) -> None:
    reader = HeadReader()
    assert reader.feed(data[:-1]) == 0
    with pytest.raises(Refused) as caught:
        reader.feed(data[-1:])
    assert caught.value.position in (len(data) - 1, data.rfind(b"\n") + 1)
    with pytest.raises(Refused):
        reader.feed(b"x")
