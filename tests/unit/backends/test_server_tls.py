"""TLS words of server lines: refusals word for word, and the contexts that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.tls_options import NO_CA, ServerTls, client_context
from tests.harness.certs import Authority, ec_key, key_pem
from tests.harness.tls_config import configure

CA = Authority.new()
LEAF = CA.issue("client")
SERVER = "[A] [t.cfg:12] : 'server b/s' : "


def made(words: str, general: str = "") -> ServerTls:
    config, told = configure(server=words, general=general)
    assert told == []
    tls = client_context(config.proxies[1].servers[0], config)
    assert tls is not None
    return tls


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ssl", NO_CA),
        ("ssl verify required", NO_CA),
        ("ssl verify optional", "'verify' : unknown verify method 'optional', only 'none' and 'required' are supported."),
        ("verify", "'verify' : missing verify method."),
        ("ssl sni", "'sni' : missing sni expression."),
        ("verifyhost", "'verifyhost' : missing hostname to verify against."),
        ("ca-file", "'ca-file' : missing CAfile path."),
        ("crt", "'crt' : missing certificate file path."),
        ("crt /absent", "unable to stat SSL certificate from file '/absent' : No such file or directory."),
        ("alpn", "'alpn' : missing the comma-delimited ALPN protocol suite."),
        ("ssl-min-ver", "'ssl-min-ver' : missing the ssl/tls version."),
        ("ssl verify none ciphers NOPE", "unable to set SSL cipher list to 'NOPE'."),
        ("ssl verify none ciphersuites NOPE", "unable to set TLS 1.3 cipher suites to 'NOPE'."),
        ("ssl verify none ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", "backend 'b': all SSL/TLS versions are disabled for server 's'."),
    ],
)
def test_refusals(words: str, told: str) -> None:
    assert configure(server=words)[1] == [SERVER + told]


def test_plain_server_has_none() -> None:
    config, _ = configure(server="ca-file @system-ca")
    assert client_context(config.proxies[1].servers[0], config) is None


def test_verify_by_default_and_by_word() -> None:
    assert made("ssl verify none").context.params.verify == 0
    assert made("ssl", "ssl-server-verify none").context.params.verify == 0
    strict = made("ssl verify required ca-file @system-ca verifyhost db.example sni str(x)", "ssl-server-verify none")
    assert strict.context.params.verify == 2 and strict.context.params.ca_system
    assert strict.sni == "str(x)"


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "me.pem").write_bytes(LEAF.bundle)
    general = f"ca-base {tmp_path}\n  crt-base {tmp_path}\n  ssl-default-server-options ssl-min-ver TLSv1.3"
    params = made("ssl ca-file ca.pem crt me.pem alpn http/1.1 no-ssl-reuse no-tls-tickets", general).context.params
    assert (params.ca_pem, params.alpn, params.session_reuse, params.tickets) == (CA.pem, (b"http/1.1",), False, False)
    assert params.min_version == 0x304
    (tmp_path / "wrong.pem").write_bytes(LEAF.cert_pem + key_pem(ec_key()))
    _, told = configure(server=f"crt {tmp_path}/wrong.pem")
    assert told == [f"{SERVER}inconsistencies between private key and certificate loaded '{tmp_path}/wrong.pem'."]


def test_default_server_can_be_taken_back() -> None:
    assert made("ssl verify none sni str(x) verifyhost a no-sni no-verifyhost alpn x no-alpn").sni == ""
    config, _ = configure(server="ssl verify none no-ssl")
    assert client_context(config.proxies[1].servers[0], config) is None


@pytest.mark.parametrize("words", ["check-ssl", "check check-ssl", "ssl no-ssl check-ssl"])
def test_a_server_that_may_come_to_speak_tls_needs_its_settings(words: str) -> None:
    """A check over TLS, or `set server B/S ssl on`, wants them as traffic does (seen of 2.8)."""
    assert configure(server=words)[1] == [SERVER + NO_CA]
