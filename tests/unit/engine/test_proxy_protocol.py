"""The PROXY protocol: what is accepted, refused and written (proxy-protocol.txt 2), byte by byte too."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.engine.proxy_protocol import build, checksum, parse

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([1, 2, 3, 4, 5, 6, 7, 8, 0, 111, 0, 222])
PEERS = (("1.2.3.4", 111), ("5.6.7.8", 222))


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(body).to_bytes(2, "big") + body


ACCEPTED = [
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n", PEERS),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n", (("1.2.3.4", 0), ("5.6.7.8", 65535))),
    (b"PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 1 2\r\n", (("2001:db8::1", 1), ("::ffff:1.2.3.4", 2))),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN whatever is here\r\n", None),
    (b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n", None),
    (v2(0x21, 0x11, V4), PEERS),
    (v2(0x21, 0x11, V4 + b"\x04\0\0"), PEERS),
    (v2(0x21, 0x11, V4 + b"\x05\0\x03abc\xe0\0\x01x"), PEERS),
    (v2(0x20, 0, b""), None),
    (v2(0x20, 0x11, V4), None),
    (v2(0x20, 0x99, b"abc"), None),
]

REFUSED = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"proxy TCP4 1.2.3.4 5.6.7.8 111 222\r\n",
    b"PROXY \r\n",
    b"PROXY UNKNOWN\n",
    b"PROXY UNKNOWNX\r\n",
    b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
    b"PROXY UNKNOWN a\rb\r\n",
    b"PROXY TCP5 1.2.3.4 5.6.7.8 111 222\r\n",
    b"PROXY TCP6 1.2.3.4 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 ::1 ::2 111 222\r\n",
    b"PROXY TCP4 01.2.3.4 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3.256 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 0111 222\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 65536\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 -1\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 \r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 222 \r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 222 333\r\n",
    b"PROXY TCP4  1.2.3.4 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3.4\t5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3.4\0 5.6.7.8 111 222\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 111 222\n",
    v2(0x11, 0x11, V4),
    v2(0x22, 0x11, V4),
    v2(0x31, 0x11, V4),
    v2(0x21, 0, b""),
    v2(0x21, 0x10, V4),
    v2(0x21, 0x12, V4),
    v2(0x21, 0x31, bytes(216)),
    v2(0x21, 0x41, V4),
    v2(0x21, 0x11, V4[:-1]),
    v2(0x21, 0x11, V4 + b"\x04\0"),
    v2(0x21, 0x11, V4 + b"\x04\0\x05abc"),
    v2(0x21, 0x11, V4 + b"\x03\0\x04abcd"),
    v2(0x21, 0x11, V4 + b"\x03\0\x03abc"),
    v2(0x21, 0x11, V4 + b"\x05\0\x81" + b"a" * 129),
]


@pytest.mark.parametrize("header, peers", ACCEPTED)
def test_accepted_whole_split_and_with_bytes_behind(header: bytes, peers: object) -> None:
    for n in range(len(header)):
        assert parse(header[:n]) is None
    for data in (header, header + b"GET / HTTP/1.1\r\n", header + header):
        found = parse(data)
        assert found is not None
        used, version, local, src, dst, _ = found
        assert used == len(header) and version == (2 if header[0] == 13 else 1)
        assert ((src, dst) if not local else None) == peers


@pytest.mark.parametrize("header", REFUSED)
def test_refused_and_never_accepted_in_part(header: bytes) -> None:
    with pytest.raises(ValueError, match="not a PROXY protocol header"):
        parse(header)
    refused = False
    for n in range(len(header) + 1):
        try:
            assert parse(header[:n]) is None and not refused
        except ValueError:
            refused = True
    assert refused


def test_a_version_1_line_never_needs_more_than_107_bytes() -> None:
    with pytest.raises(ValueError):
        parse(b"PROXY UNKNOWN " + b"x" * 93)


def test_haproxys_own_checksum_is_right() -> None:
    """What HAProxy 2.6 sends with `send-proxy-v2 proxy-v2-options crc32c,unique-id`."""
    header = v2(0x21, 0x11, V4 + b"\x03\0\x04\rY\xa2\x7f\x05\0\0")
    found = parse(header)
    assert found is not None and found[5] == [(3, b"\rY\xa2\x7f"), (5, b"")]
    command, checksum_type = 12, 28
    for i in set(range(len(header))) - {command, checksum_type}:
        broken = bytes(b ^ 1 if i == j else b for j, b in enumerate(header))
        try:
            assert parse(broken) is None      # the length field became larger
        except ValueError:
            pass


def test_checksum_of_the_standard_text() -> None:
    assert checksum(b"123456789") == 0xE3069283


def test_bytes_written() -> None:
    assert build(1, *PEERS) == b"PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n"
    assert build(1) == build(1, PEERS[0], ("::1", 1)) == b"PROXY UNKNOWN\r\n"
    assert build(2, *PEERS) == v2(0x21, 0x11, V4)
    assert build(2) == v2(0x20, 0, b"")
    assert build(2, *PEERS, tlvs=[(1, b"h2")]) == v2(0x21, 0x11, V4 + b"\x01\0\x02h2")
    with pytest.raises(ValueError, match="longer than 65535"):
        build(2, *PEERS, tlvs=[(4, b"x" * 65530)])
    with pytest.raises(ValueError, match="not an IP address"):
        build(1, ("1.2.3", 1), ("1.2.3.4", 1))
    with pytest.raises(ValueError, match="has no version 3"):
        build(3)


PORTS = st.integers(0, 65535)
PAIRS = st.one_of(
    st.tuples(st.ip_addresses(v=4), PORTS, st.ip_addresses(v=4), PORTS),
    st.tuples(st.ip_addresses(v=6), PORTS, st.ip_addresses(v=6), PORTS),
)


@settings(max_examples=150)
@given(PAIRS, st.lists(st.tuples(st.integers(0x30, 0xFF), st.binary(max_size=300)), max_size=8), st.booleans())
def test_round_trip(pair: tuple[object, int, object, int], tlvs: list[tuple[int, bytes]], crc: bool) -> None:
    src, dst = (str(pair[0]), pair[1]), (str(pair[2]), pair[3])
    for header in (build(1, src, dst), build(2, src, dst, tlvs=tlvs, crc=crc)):
        found = parse(header + b"more")
        assert found is not None and found[0] == len(header) and not found[2]
        for told, got in ((src, found[3]), (dst, found[4])):
            assert got is not None and ipaddress.ip_address(got[0]) == ipaddress.ip_address(told[0]) and got[1] == told[1]
    assert [t for t in found[5] if t[0] != 3] == tlvs


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda b: b"PROXY " + b),
                 st.binary(max_size=60).map(lambda b: SIGNATURE + b)))
def test_garbage_is_refused_or_waits(data: bytes) -> None:
    try:
        found = parse(data)
    except ValueError:
        return
    assert found is None or 0 < found[0] <= len(data)
