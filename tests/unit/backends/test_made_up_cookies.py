"""Made-up cookies: the digest's published values, and what goes into it."""

from __future__ import annotations

from backends.dynamic_cookie import dynamic_cookie, xxh64


def test_digest() -> None:
    """Values of the algorithm's specification: shorter and longer than one stripe of 32 bytes."""
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxh64(b"abc") == 0x44BC2CF5AD770999
    assert xxh64(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1


def test_as_haproxy_makes_them() -> None:
    """What haproxy 2.6 and 2.8 gave for this server and key."""
    assert dynamic_cookie(b"secret", "127.0.0.1", 18778) == b"2caef88f2f38f76b"
    assert dynamic_cookie(b"secret", "", 80) == b""
    assert dynamic_cookie(b"secret", "/run/a.sock", 0) == b""
    assert len({dynamic_cookie(b"secret", "::1", 80), dynamic_cookie(b"secret", "::1", 81), dynamic_cookie(b"x", "::1", 80)}) == 3
