"""Certificate files: what `crt` and `crt-list` load, which name selects what, and the words for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontends import tls_options
from frontends.certificates import Entry, group
from haproxy_py.engine.tls_params import CertificateParams
from haproxy_py.tls.pem import Certificate, PemError, load_authorities, load_certificate
from tests.harness.certs import Authority, ec_key, key_pem, rsa_key
from tests.harness.tls_config import configure

CA = Authority.new()
UNKNOWN_VERIFY = (
    "parsing [{}/list:1]: 'verify' : unknown verify method 'maybe', only 'none', 'optional', and 'required' are supported"
)


def put(folder: Path, name: str, *parts: bytes) -> str:
    path = folder / name
    path.write_bytes(b"".join(parts))
    return str(path)


def test_bundle_in_any_order(tmp_path: Path) -> None:
    leaf = CA.issue("a.example", "*.B.example", cn="Common.example")
    for parts in ((leaf.cert_pem, CA.pem, leaf.key_pem), (leaf.key_pem, leaf.cert_pem, CA.pem)):
        loaded = load_certificate(put(tmp_path, "x.pem", b"bag attributes\n", *parts))
        assert loaded.params.cert_pem == leaf.cert_pem
        assert loaded.params.chain_pem == CA.pem
        assert loaded.names == (b"a.example", b"*.b.example", b"common.example")
        assert loaded.kind == "ecdsa"


def test_key_beside_the_certificate(tmp_path: Path) -> None:
    leaf = CA.issue("a.example", key=rsa_key())
    path = put(tmp_path, "x.pem", leaf.cert_pem)
    put(tmp_path, "x.pem.key", leaf.key_pem)
    assert load_certificate(path).kind == "rsa"
    with pytest.raises(PemError, match="No Private Key found"):
        load_certificate(path, frozenset())


def test_words_for_what_is_wrong(tmp_path: Path) -> None:
    leaf = CA.issue("a.example")
    locked = key_pem(ec_key(), b"secret")
    cases = {
        put(tmp_path, "empty", b""): "unable to load certificate from file '{}': no start line.",
        put(tmp_path, "rubbish", b"\x00\xff" * 50): "unable to load certificate from file '{}': no start line.",
        put(tmp_path, "only-key", leaf.key_pem): "unable to load certificate from file '{}': no start line.",
        put(tmp_path, "only-cert", leaf.cert_pem): "No Private Key found in '{}.key'.",
        put(tmp_path, "other-key", leaf.cert_pem, key_pem(ec_key())): "inconsistencies between private key and certificate loaded '{}'.",
        put(tmp_path, "locked", leaf.cert_pem, locked): "No Private Key found in '{0}.key'. The key in '{0}' is encrypted: "
        "remove its passphrase.",
        str(tmp_path / "absent"): "unable to stat SSL certificate from file '{}' : No such file or directory.",
    }
    for path, words in cases.items():
        with pytest.raises(PemError) as told:
            load_certificate(path)
        assert str(told.value) == words.format(path)


def test_damaged_blocks_never_escape_as_anything_else(tmp_path: Path) -> None:
    bundle = CA.issue("a.example").bundle
    for at in range(0, len(bundle), 37):
        damaged = bytearray(bundle)
        damaged[at] ^= 0x15
        try:
            load_certificate(put(tmp_path, "x.pem", bytes(damaged)))
        except PemError:
            pass


def test_authorities(tmp_path: Path) -> None:
    path = put(tmp_path, "ca.pem", b"text\n", CA.pem)
    put(tmp_path, ".hidden.pem", b"no")
    put(tmp_path, "readme.txt", b"no")
    assert load_authorities(path) == CA.pem
    assert load_authorities(str(tmp_path)) == CA.pem
    none = put(tmp_path, "none.pem", b"nothing")
    for wrong, reason in ((none, "no certificate or crl found"), ("/absent", "No such file or directory")):
        with pytest.raises(PemError) as told:
            load_authorities(wrong)
        assert str(told.value) == f"Couldn't open the ca-file '{wrong}' ({reason})."


def test_directory_in_order_without_reserved_names(tmp_path: Path) -> None:
    for name in ("b.pem", "a.pem"):
        put(tmp_path, name, CA.issue(name).bundle)
    for name in (".hidden", "a.pem.key", "a.pem.sctl", "a.pem.issuer"):
        put(tmp_path, name, b"not a certificate")
    (tmp_path / "folder").mkdir()
    config, told = configure(f"ssl crt {tmp_path}")
    assert told == []
    entries = config.proxies[0].binds[0][tls_options.CERTIFICATES]
    assert [Path(e.certificate.params.file).name for e in entries] == ["a.pem", "b.pem"]


def test_bundle_of_key_types(tmp_path: Path) -> None:
    put(tmp_path, "x.pem.rsa", CA.issue("a.example", key=rsa_key()).bundle)
    put(tmp_path, "x.pem.ecdsa", CA.issue("a.example").bundle)
    config, told = configure(f"ssl crt {tmp_path / 'x.pem'}")
    assert told == []
    entries = config.proxies[0].binds[0][tls_options.CERTIFICATES]
    names = group(entries, lambda entry: None, False)
    assert len(names.groups) == 1 and len(names.groups[0].certificates) == 2
    _, told = configure(f"ssl crt {tmp_path / 'x.pem'}", general="ssl-load-extra-files none")
    assert "unable to stat SSL certificate from file" in told[0]


def test_bad_staple_is_ignored_with_a_warning(tmp_path: Path) -> None:
    path = put(tmp_path, "x.pem", CA.issue("a.example").bundle)
    put(tmp_path, "x.pem.ocsp", b"")
    assert configure(f"ssl crt {path}")[1] == []
    put(tmp_path, "x.pem.ocsp", b"rubbish")
    _, told = configure(f"ssl crt {path}")
    assert len(told) == 1 and told[0].startswith(f"[W] parsing [t.cfg:8] : Loading '{path}.ocsp': Unable to parse OCSP")


# -- grouping


def entry(names: str, kind: str = "ecdsa", filters: str = "", own: str = "", file: str = "f", default: bool = False) -> Entry:
    params = CertificateParams(kind.encode(), b"", file=file)
    loaded = Certificate(params, tuple(n.encode() for n in names.split()), kind, 1)
    chosen = tuple(f.encode() for f in filters.split()) or None
    return Entry(loaded, chosen, tuple(own.split()), None, default)


def table(*entries: Entry) -> dict[bytes, list[int]]:
    """name -> indexes of the entries whose certificates it selects; -2 excluded."""
    made = group(list(entries), lambda e: None, False)
    where = {id(e.certificate.params): i for i, e in enumerate(entries)}
    return {name: [where[id(p)] for p in made.groups[g].certificates] if g >= 0 else [-2] for name, g in made.names}


def test_first_of_a_key_type_wins_and_types_join() -> None:
    rows = (entry("a b"), entry("a c"), entry("a", "rsa"), entry("d", "rsa"))
    assert table(*rows) == {b"a": [0, 2], b"b": [0], b"c": [1], b"d": [3]}


def test_filters_replace_names() -> None:
    rows = (entry("a", filters="!*"), entry("b", filters="*.x !no.x"), entry("c", filters="y"))
    assert table(*rows) == {b"*.x": [1], b"no.x": [-2], b"y": [2]}


def test_settings_of_its_own_keep_apart() -> None:
    assert table(entry("a", own="alpn x"), entry("a", "rsa"), entry("b")) == {b"a": [0], b"b": [2]}


def test_default_is_the_first_or_what_is_marked() -> None:
    def default(*entries: Entry) -> list[str]:
        return [c.file for c in group(list(entries), lambda e: None, False).groups[0].certificates]

    assert default(entry("a", file="1"), entry("b", "rsa", file="2")) == ["1"]
    assert default(entry("a", file="p.rsa", kind="rsa"), entry("a", file="p.ecdsa")) == ["p.rsa", "p.ecdsa"]
    assert default(entry("a", file="1"), entry("b", file="2", default=True), entry("c", "rsa", file="3", default=True)) == ["2", "3"]


# -- crt-list


def test_crt_list(tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(tmp_path, name + ".pem", CA.issue(name + ".example").bundle)
    path = put(tmp_path, "list", b"# comment\n\none.pem !*\r\ntwo.pem [ssl-min-ver TLSv1.3 alpn http/1.0] *.x.example !y.x.example # tail\n")
    config, told = configure(f"ssl crt-list {path}", general=f"crt-base {tmp_path}")
    assert told == []
    entries = config.proxies[0].binds[0][tls_options.CERTIFICATES]
    assert [(e.filters, e.own) for e in entries] == [
        ((b"!*",), ()),
        ((b"*.x.example", b"!y.x.example"), ("ssl-min-ver", "TLSv1.3", "alpn", "http/1.0")),
    ]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{}/one.pem [foo]", "parsing [{}/list:1]: unknown ssl keyword foo"),
        ("{}/one.pem [crt x]", "parsing [{}/list:1]: unknown ssl keyword crt"),
        ("{}/one.pem [verify maybe]", UNKNOWN_VERIFY),
        ("{}/one.pem [verify", "parsing [{}/list:1]: expects a ']'"),
        ("{}/absent.pem", "unable to stat SSL certificate from file '{}/absent.pem' : No such file or directory."),
        ("# nothing", "no certificate in file '{}/list'"),
    ],
)  # fmt: skip
def test_crt_list_refusals(tmp_path: Path, row: str, told: str) -> None:
    put(tmp_path, "one.pem", CA.issue("one.example").bundle)
    path = put(tmp_path, "list", row.format(tmp_path).encode() + b"\n")
    _, said = configure(f"ssl crt-list {path}")
    assert said[0] == f"[A] parsing [t.cfg:8] : 'bind 127.0.0.1:1' in section 'frontend' : 'crt-list' : {told.format(tmp_path)}"
