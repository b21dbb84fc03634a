"""Which certificate, whose certificate, resumption and refused settings, over socket pairs."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import pytest

from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.tls_cache import SessionCache
from haproxy_py.engine.tls_params import (
    TLS12,
    TLS13,
    CertificateParams,
    GroupParams,
    ServerNames,
    TlsParams,
    TlsSetupError,
)
from haproxy_py.engine.tls_tickets import TicketKeys
from tests.harness.certs import Authority, Issued, ec_key, key_pem, rsa_key
from tests.unit.engine.tlskit import CA, ERROR, LEAF, ONLY12, Pair, cert, client, server
from tests.unit.engine.tlskit import nothing_left as nothing_left  # autouse: every test ends with nothing left alive


def sni_names(strict: bool = False) -> tuple[ServerNames, list[Issued]]:
    leaves = [LEAF, CA.issue("b.example"), CA.issue("*.w.example"), CA.issue("x.w.example")]
    table = ((b"a.example", 0), (b"b.example", 1), (b"*.w.example", 2), (b"x.w.example", 3), (b"no.w.example", -2))
    return ServerNames(tuple(GroupParams((cert(one),)) for one in leaves), table, strict), leaves


@pytest.mark.parametrize(
    ("sni", "expect"),
    [(b"a.example", 0), (b"B.Example", 1), (b"q.w.example", 2), (b"x.w.example", 3), (b"a.b.w.example", 0), (b"w.example", 0),
     (b"no.w.example", 0), (b"else.where", 0), (None, 0)],
)  # fmt: skip
def test_certificate_by_name(sni: bytes | None, expect: int) -> None:
    table, leaves = sni_names()
    with Pair(server(certs=table), client(verify=0), sni) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert(leaves[expect].cert_pem.decode())
        assert p.s.info()["sni"] == sni


@pytest.mark.parametrize("sni", [b"else.where", None, b"a.b.w.example", b"no.w.example"])
def test_strict_sni_refuses_with_unrecognized_name(sni: bytes | None) -> None:
    table, _ = sni_names(strict=True)
    with Pair(server(certs=table), client(verify=0), sni) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.c.info()["reason"] == "tlsv1 unrecognized name"


def test_ten_thousand_names() -> None:
    table = tuple((f"h{i}.example".encode(), i % 2) for i in range(10000))
    other = CA.issue("other.example")
    context = server(certs=ServerNames((GroupParams((cert(LEAF),)), GroupParams((cert(other),))), table))
    for i in (0, 1, 9999, 5001):
        with Pair(context, client(verify=0), f"h{i}.example".encode()) as p:
            assert p.shake() == (1, 1)
            assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert((other if i % 2 else LEAF).cert_pem.decode())


def test_key_type_by_what_the_client_can() -> None:
    rsa = CA.issue("a.example", key=rsa_key())
    context = server(TlsParams(max_version=TLS12), ServerNames((GroupParams((cert(rsa), cert(LEAF))),), ((b"a.example", 0),)))
    for ciphers, expect in (("ECDHE-RSA-AES128-GCM-SHA256", rsa), ("ECDHE-ECDSA-AES128-GCM-SHA256", LEAF)):
        with Pair(context, client(ciphers=ciphers, max_version=TLS12)) as p:
            assert p.shake() == (1, 1)
            assert p.s.info()["own"] == ssl.PEM_cert_to_DER_cert(expect.cert_pem.decode())


def test_own_settings_of_a_name() -> None:
    """A crt-list line: other versions, another ALPN, and client certificates only there."""
    second = CA.issue("b.example")
    own = TlsParams(min_version=TLS13, alpn=(b"special",), verify=2, ca_pem=CA.pem, curves="P-256")
    groups = (GroupParams((cert(LEAF),)), GroupParams((cert(second),), own))
    context = server(TlsParams(alpn=(b"http/1.1",)), ServerNames(groups, ((b"a.example", 0), (b"b.example", 1))))
    offers = client(alpn=(b"special", b"http/1.1"))
    with Pair(context, offers, b"a.example") as p:
        assert p.shake() == (1, 1) and p.s.info()["alpn"] == b"http/1.1"
    with Pair(context, client(max_version=TLS12), b"b.example") as p:
        assert p.shake() == (ERROR, ERROR)
    params = TlsParams(verify=2, ca_pem=CA.pem, alpn=(b"special",))
    with Pair(context, TlsContext.for_client(params, cert(CA.issue("me"))), b"b.example") as p:
        assert p.shake() == (1, 1) and p.s.info()["alpn"] == b"special" and p.s.info()["peer"]


# -- verification


def test_client_certificate_required() -> None:
    context = server(TlsParams(verify=2, ca_pem=CA.pem, **ONLY12))
    with Pair(context, client()) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.s.info()["reason"] == "peer did not return a certificate"
    mine = CA.issue("client one")
    with Pair(context, TlsContext.for_client(TlsParams(verify=2, ca_pem=CA.pem), cert(mine))) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["peer"] == ssl.PEM_cert_to_DER_cert(mine.cert_pem.decode())


def test_client_certificate_optional() -> None:
    context = server(TlsParams(verify=1, ca_pem=CA.pem, **ONLY12))
    with Pair(context, client()) as p:
        assert p.shake() == (1, 1) and p.s.info()["peer"] is None
    stranger = Authority.new("Someone else").issue("stranger")
    with Pair(context, TlsContext.for_client(TlsParams(verify=0), cert(stranger))) as p:
        assert p.shake()[1] == ERROR
        assert p.s.info()["crt_err"] == 20


@pytest.mark.parametrize(("expired", "ignored", "result"), [(True, frozenset(), ERROR), (True, frozenset({10}), 1), (False, frozenset(), 1)])
def test_crt_ignore_err(expired: bool, ignored: frozenset[int], result: int) -> None:
    context = server(TlsParams(verify=2, ca_pem=CA.pem, crt_ignore=ignored, **ONLY12))
    mine = cert(CA.issue("client", expired=expired))
    with Pair(context, TlsContext.for_client(TlsParams(verify=0), mine)) as p:
        assert p.shake()[1] == result
        assert p.s.info()["crt_err"] == (10 if expired else 0)
        if result == ERROR:
            assert p.s.info()["failure"] == "SSL client certificate not trusted"


def test_revoked() -> None:
    good, gone = CA.issue("good"), CA.issue("gone")
    context = server(TlsParams(verify=2, ca_pem=CA.pem, crl_pem=CA.revoke(gone), **ONLY12))
    for who, expect in ((good, 1), (gone, ERROR)):
        with Pair(context, TlsContext.for_client(TlsParams(verify=0), cert(who))) as p:
            assert p.shake()[1] == expect
            assert p.s.info()["crt_err"] == (0 if expect == 1 else 23)


@pytest.mark.parametrize(
    ("sni", "verifyhost", "result"),
    [(b"a.example", None, 1), (b"wrong.example", None, ERROR), (None, None, 1), (None, b"a.example", 1), (None, b"b.example", ERROR),
     (b"a.example", b"ignored.example", 1)],
)  # fmt: skip
def test_name_of_the_server(sni: bytes | None, verifyhost: bytes | None, result: int) -> None:
    context = TlsContext.for_client(TlsParams(verify=2, ca_pem=CA.pem), None, verifyhost)
    with Pair(server(), context, sni) as p:
        assert p.shake()[0] == result


def test_server_of_another_authority() -> None:
    with Pair(server(), client(ca_pem=Authority.new("Other").pem)) as p:
        assert p.shake() == (ERROR, ERROR)
        assert p.c.info()["reason"] == "certificate verify failed"


# -- resumption


def visit(s: TlsContext, c: TlsContext, sni: bytes = b"a.example") -> bool:
    """One connection with one exchange; whether it was resumed."""
    with Pair(s, c, sni) as p:
        assert p.shake() == (1, 1)
        p.s.send(b"x")
        assert p.c.recv(10) == b"x"
        assert p.s.info()["resumed"] == p.c.info()["resumed"]
        p.c.close_notify()
        return bool(p.s.info()["resumed"])


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_tickets_are_good_at_every_context_with_the_same_keys(version: int) -> None:
    params, keys = TlsParams(min_version=version, max_version=version), TicketKeys()
    first, second, stranger = server(params, tickets=keys), server(params, tickets=keys), server(params)
    c = client()
    assert [visit(first, c), visit(first, c), visit(second, c), visit(stranger, c), visit(stranger, c)] == [False, True, True, False, True]
    assert (first.full, first.reused, second.full, second.reused) == (1, 1, 0, 1)


def test_ticket_rotation() -> None:
    keys = TicketKeys([bytes([i]) * size for i, size in ((1, 48), (2, 80), (3, 80))])
    s, c = server(TlsParams(**ONLY12), tickets=keys), client()
    assert [visit(s, c), visit(s, c)] == [False, True]
    keys.rotate(b"\4" * 80)
    assert visit(s, c)                               # made with key 2, still known; renewed with key 3
    keys.rotate(b"\5" * 80)
    keys.rotate(b"\6" * 80)
    assert not visit(s, c)                           # key 3 is gone: a full handshake, not an error
    assert sorted(secret[0] for secret in keys.secrets()) == [4, 5, 6]
    with pytest.raises(ValueError, match="48 or 80 bytes, not 5"):
        keys.rotate(b"short")


def test_session_ids_without_tickets() -> None:
    cache = SessionCache(64)
    params = TlsParams(tickets=False, **ONLY12)
    first, second, c = server(params, sessions=cache), server(params, sessions=cache), client(**ONLY12)
    assert [visit(first, c), visit(first, c), visit(second, c)] == [False, True, True]
    assert (cache.lookups, cache.misses) == (2, 0)
    assert [visit(server(params), c)] == [False]


def test_client_resumes_only_for_the_same_name() -> None:
    both = ServerNames((GroupParams((cert(CA.issue("a.example", "b.example")),)),))
    s, c = server(certs=both), client()
    assert [visit(s, c), visit(s, c, b"b.example"), visit(s, c, b"b.example")] == [False, False, True]


def test_no_reuse() -> None:
    s, c = server(), client(session_reuse=False)
    assert [visit(s, c), visit(s, c)] == [False, False]


# -- settings that OpenSSL refuses, versions


@pytest.mark.parametrize(
    ("change", "what"),
    [({"ciphers": "NOPE"}, "ciphers"), ({"ciphersuites": "NOPE"}, "ciphersuites"), ({"curves": "nope"}, "curves"),
     ({"sigalgs": "nope"}, "sigalgs"), ({"client_sigalgs": "nope"}, "client-sigalgs"), ({"min_version": TLS13, "max_version": TLS12}, "versions"),
     ({"verify": 2, "ca_pem": b"none"}, "ca-file"), ({"verify": 2, "ca_pem": CA.pem, "crl_pem": b"none"}, "crl-file")],
)  # fmt: skip
def test_refused_values(change: dict[str, object], what: str) -> None:
    with pytest.raises(TlsSetupError) as told:
        server(replace(TlsParams(), **change))  # type: ignore[arg-type]
    assert told.value.what == what


def test_refused_certificates() -> None:
    wrong_key = key_pem(ec_key())
    locked = key_pem(ec_key(), b"secret")
    for params, what in (
        (CertificateParams(b"rubbish", LEAF.key_pem), "certificate"),
        (CertificateParams(LEAF.cert_pem, b"rubbish"), "key"),
        (CertificateParams(LEAF.cert_pem, locked), "key"),
        (CertificateParams(LEAF.cert_pem, wrong_key), "mismatch"),
    ):
        with pytest.raises(TlsSetupError) as told:
            server(certs=ServerNames((GroupParams((params,)),)))
        assert told.value.what == what


def test_old_versions_only_when_asked() -> None:
    old = {"min_version": 0x0301, "max_version": 0x0302}
    with Pair(server(), client(**old)) as p:
        assert p.shake() == (ERROR, ERROR)
    with Pair(server(TlsParams(min_version=0x0301)), client(**old)) as p:
        assert p.shake() == (1, 1)
        assert p.s.info()["version"] == "TLSv1.1"


def test_record_size() -> None:
    with Pair(server(TlsParams(max_record=1400)), client()) as p:
        assert p.shake() == (1, 1)
        p.c.recv(10)
        assert p.s.send(b"x" * 5000) == 5000
        raw = p.b.recv(1 << 20, socket.MSG_PEEK)
        assert int.from_bytes(raw[3:5], "big") == 1400 + 17
        got = b""
        while len(got) < 5000:
            got += p.c.recv(5000)  # type: ignore[operator]
