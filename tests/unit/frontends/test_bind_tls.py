"""TLS words of bind lines and the global section: refusals word for word, and the parameters that they make."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from frontends.tls_options import parameters, server_context
from haproxy_py.config.model import Bind
from haproxy_py.engine.tls_params import TlsParams
from tests.harness.certs import Authority
from tests.harness.tls_config import configure

CA = Authority.new()
LEAF = CA.issue("a.example")
BIND = "[A] parsing [t.cfg:8] : 'bind 127.0.0.1:1' in section 'frontend' : "
FOR = "for bind '127.0.0.1:1' at [t.cfg:8]"


@pytest.fixture(scope="module")
def crt(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("crt") / "x.pem"
    path.write_bytes(LEAF.bundle)
    (path.parent / "ca.pem").write_bytes(CA.pem)
    return str(path)


def settings(crt: str, words: str = "", general: str = "", mode: str = "http") -> TlsParams:
    config, told = configure(f"ssl crt {crt} {words}", general=general, mode=mode)
    assert told == []
    context = server_context(config.proxies[0].binds[0], config)
    assert context is not None and context.server
    return context.params


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("crt", "'crt' : missing certificate location"),
        ("crt-list", "'crt-list' : missing certificate location"),
        ("crt /absent", "unable to stat SSL certificate from file '/absent' : No such file or directory."),
        ("alpn", "'alpn' : missing the comma-delimited ALPN protocol suite"),
        ("ciphers", "'ciphers' : missing cipher suite"),
        ("ciphersuites", "'ciphersuites' : missing cipher suite"),
        ("curves", "'curves' : missing curve suite"),
        ("ecdhe", "'ecdhe' : missing named curve"),
        ("sigalgs", "'sigalgs' : missing signature algorithm list"),
        ("verify", "'verify' : missing verify method"),
        ("verify maybe", "'verify' : unknown verify method 'maybe', only 'none', 'optional', and 'required' are supported"),
        ("ca-file", "'ca-file' : missing CAfile path"),
        ("crl-file", "'crl-file' : missing CRLfile path"),
        ("ssl-min-ver", "'ssl-min-ver' : missing the ssl/tls version"),
        ("ssl-max-ver TLSv9", "'TLSv9' : unknown ssl/tls version"),
        ("crt-ignore-err", "'crt-ignore-err' : missing error IDs list"),
        ("crt-ignore-err 1,x", "'crt-ignore-err' : error constant 'x' unknown in error IDs list '1,x'"),
        ("ca-ignore-err 95", "'ca-ignore-err' : ID '95' out of range (1..94) in error IDs list '95'"),
        ("tls-ticket-keys", "'tls-ticket-keys' : missing TLS ticket keys file path"),
        ("tls-ticket-keys /absent", "'/absent' : unable to load ssl tickets keys file"),
        ("ktls maybe", "'ktls' : expects 'on' or 'off' (got 'maybe')"),
        ("generate-certificates", "'generate-certificates' is known to HAProxy, not supported yet."),
    ],
)
def test_refused_words(words: str, told: str) -> None:
    assert configure(f"ssl {words}")[1][0] == BIND + told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ciphers NOPE", f"unable to set SSL cipher list to 'NOPE' {FOR}."),
        ("ciphersuites NOPE", f"unable to set TLS 1.3 cipher suites to 'NOPE' {FOR}."),
        ("curves nope", f"unable to set SSL curves list to 'nope' {FOR}."),
        ("ecdhe nope", f"unable to set elliptic named curve to 'nope' {FOR}."),
        ("sigalgs nope", f"unable to set SSL Signature Algorithm list to 'nope' {FOR}."),
        ("verify required", f"verify is enabled but no CA file specified {FOR}."),
        ("ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", f"all SSL/TLS versions are disabled {FOR}."),
        ("force-sslv3", f"all SSL/TLS versions are disabled {FOR}."),
        ("no-tlsv12 no-tlsv13", f"all SSL/TLS versions are disabled {FOR}."),
    ],
)
def test_refused_settings(crt: str, words: str, told: str) -> None:
    assert configure(f"ssl crt {crt} {words}")[1] == ["[A] Proxy 'f': " + told]


def test_no_certificate(tmp_path: Path) -> None:
    told = ["[A] Proxy 'f': no SSL certificate specified for bind '127.0.0.1:1' at [t.cfg:8] (use 'crt')."]
    assert configure("ssl")[1] == told
    assert configure(f"ssl crt {tmp_path}")[1] == told
    config, said = configure("")
    assert said == [] and server_context(config.proxies[0].binds[0], config) is None


def test_missing_authority_says_both_what_and_where() -> None:
    assert configure("ssl ca-file /absent verify required")[1] == [
        "[A] Couldn't open the ca-file '/absent' (No such file or directory).",
        BIND + "'ca-file' : unable to load /absent",
    ]


@pytest.mark.parametrize(
    ("words", "general", "expect"),
    [
        ("", "", (0x303, 0x304)),
        ("ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.2", "", (0x301, 0x303)),
        ("force-tlsv12", "", (0x303, 0x303)),
        ("force-tlsv12 force-tlsv13", "", (0x304, 0x304)),
        ("no-tlsv13", "", (0x303, 0x303)),
        ("no-sslv3 no-tlsv10 no-tlsv11", "", (0x303, 0x304)),
        ("no-tlsv12", "", (0x304, 0x304)),
        ("", "ssl-default-bind-options ssl-min-ver TLSv1.1 no-tls-tickets", (0x302, 0x304)),
        ("ssl-min-ver TLSv1.3", "ssl-default-bind-options ssl-min-ver TLSv1.1", (0x304, 0x304)),
        ("", "ssl-default-bind-options no-sslv3 no-tlsv10 no-tlsv11", (0x303, 0x304)),
        ("", "ssl-default-bind-options force-tlsv13", (0x304, 0x304)),
    ],
)
def test_versions(crt: str, words: str, general: str, expect: tuple[int, int]) -> None:
    params = settings(crt, words, general)
    assert (params.min_version, params.max_version) == expect


def test_contradicting_versions_are_warned_about(crt: str) -> None:
    assert configure(f"ssl crt {crt} ssl-min-ver TLSv1.1 no-tlsv12")[1] == [
        f"[W] Proxy 'f': no-sslv3/no-tlsv1x are ignored {FOR}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
    ]
    told = (
        f"[W] Proxy 'f': Ambiguous configuration {FOR}: the ssl-min-ver value is not configured and the ssl-max-ver value is "
        "lower than the default ssl-min-ver value (TLSv1.2). Setting the ssl-min-ver to TLSv1.1. Use 'ssl-min-ver' to fix this."
    )
    assert configure(f"ssl crt {crt} ssl-max-ver TLSv1.1")[1] == [told]


def test_alpn(crt: str) -> None:
    assert settings(crt).alpn == (b"http/1.1",)
    assert settings(crt, mode="tcp").alpn == ()
    assert settings(crt, "no-alpn").alpn == ()
    assert settings(crt, "alpn http/1.1,http/1.0").alpn == (b"http/1.1", b"http/1.0")
    config, told = configure(f"ssl crt {crt} alpn h2,http/1.1 alpn h2,http/1.1")
    assert told == ["[W] parsing [t.cfg:8] : alpn: h2 is not supported yet, not offered"]
    context = server_context(config.proxies[0].binds[0], config)
    assert context is not None and context.params.alpn == (b"http/1.1",)


def test_defaults_and_numbers(crt: str) -> None:
    general = (
        "ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256\n  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256\n"
        "  ssl-default-bind-curves X25519\n  tune.ssl.maxrecord 4000\n  tune.ssl.hard-maxrecord 1400\n  tune.ssl.lifetime 60\n"
        "  tune.ssl.default-dh-param 2048\n  ssl-default-bind-options prefer-client-ciphers"
    )
    params = parameters_of(crt, "", general)
    assert (params.ciphers, params.ciphersuites) == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256")
    assert (params.curves, params.max_record, params.lifetime) == ("X25519", 1400, 60)
    assert params.dh_auto and params.prefer_client_ciphers
    assert parameters_of(crt, "ciphers AES128-SHA curves P-256", general).ciphers == "AES128-SHA"


def parameters_of(crt: str, words: str, general: str) -> TlsParams:
    """Like settings(), from the words alone: line numbers differ with several global lines."""
    config, told = configure(f"ssl crt {crt} {words}", general=general)
    assert told == []
    bind: Bind = config.proxies[0].binds[0]
    return parameters(bind, config, True)


def test_client_certificates(crt: str) -> None:
    ca = Path(crt).parent / "ca.pem"
    params = settings(crt, f"verify optional ca-file {ca} crt-ignore-err all ca-ignore-err 10,20 no-ca-names")
    assert (params.verify, params.ca_pem, params.ca_names) == (1, CA.pem, False)
    assert params.ca_ignore == {10, 20} and 94 in params.crt_ignore
    assert settings(crt, "verify required ca-file ca.pem", f"ca-base {ca.parent}").verify == 2


def test_ticket_keys(crt: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    rows = [base64.b64encode(bytes([i]) * 80) for i in range(3)]
    path.write_bytes(b"\n".join(rows) + b"\n")
    assert settings(crt, f"tls-ticket-keys {path}").tickets
    for body, told in (
        (b"\n".join(rows[:2]), "please supply at least 3 keys in the tls-tickets-file"),
        (b"***", "unable to decode base64 key on line 1"),
        (rows[0] + b"\nAAAA", "key size is not 48 or 80 bytes on line 2"),
    ):
        path.write_bytes(body)
        assert configure(f"ssl crt {crt} tls-ticket-keys {path}")[1][0] == f"{BIND}'{path}' : {told}"


@pytest.mark.parametrize(
    ("general", "told"),
    [
        ("ssl-default-bind-options", "global statement 'ssl-default-bind-options' expects an option as an argument."),
        ("ssl-default-bind-options no-sslv3 foo", "unknown option 'foo' on global statement 'ssl-default-bind-options'."),
        ("ssl-default-bind-options ssl-min-ver X", "'X' : unknown ssl/tls version on global statement 'ssl-default-bind-options'."),
        ("ssl-default-bind-ciphers", "global statement 'ssl-default-bind-ciphers' expects a cipher suite as an argument."),
        ("ssl-default-server-options prefer-client-ciphers",
         "unknown option 'prefer-client-ciphers' on global statement 'ssl-default-server-options'."),
        ("tune.ssl.default-dh-param 512", "'tune.ssl.default-dh-param' expects a value >= 1024."),
        ("tune.ssl.cachesize -1", "'tune.ssl.cachesize' expects a positive numeric value."),
        ("tune.ssl.lifetime 5x", "unexpected character 'x' in argument to <tune.ssl.lifetime>."),
        ("ssl-server-verify maybe", "'ssl-server-verify' expects 'none' or 'required' as argument."),
        ("ssl-dh-param-file /absent", "'ssl-dh-param-file': unable to load DH parameters from file </absent>."),
        ("crt-base", "global statement 'crt-base' expects a directory path as an argument."),
        ("ssl-load-extra-files foo", "'ssl-load-extra-files' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer, key)."),
    ],
)  # fmt: skip
def test_global_refusals(general: str, told: str) -> None:
    assert configure(general=general)[1] == ["[A] parsing [t.cfg:2] : " + told]
