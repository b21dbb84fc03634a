"""Made-up cookies: the digest's published values, and what goes into it."""

from __future__ import annotations

from backends import state
from backends.dynamic_cookie import dynamic_cookie, xxh64
from haproxy_py import features
from haproxy_py.config.reader import load
from haproxy_py.process.instance import Instance

CONFIG = b"""defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
backend b
    cookie SID insert dynamic
    dynamic-cookie-key one
    server s1 192.0.2.1:80
    server s2 192.0.2.2:80 cookie own
    server s3 /run/a.sock
"""


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


def test_cookies_follow_key_and_address() -> None:
    """A new key or a moved server keeps the old cookie."""
    features.load()
    config, faults = load([], texts=[("t.cfg", CONFIG)], env={}, strict=True)
    assert not faults.fatal
    backend = Instance.build(config).backends["b"]
    one, two, three = backend.servers
    assert [one.cookie, two.cookie, three.cookie] == [dynamic_cookie(b"one", "192.0.2.1", 80), b"own", None]
    backend.persistence.rekey(b"two")
    assert [one.cookie, two.cookie] == [dynamic_cookie(b"two", "192.0.2.1", 80), b"own"]
    state.set_address(one.slot, "192.0.2.9", 81)
    backend.persistence.rekey(b"two")
    assert one.cookie == dynamic_cookie(b"two", "192.0.2.9", 81)
    backend.persistence.rekey(None)
    assert [one.cookie, two.cookie] == [None, b"own"]
