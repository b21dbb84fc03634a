"""TLS words of the global section (manual 3.1, 3.2), and what bind and server lines share: file bases, ALPN, error lists.

tune.ssl.maxrecord bounds every record here (HAProxy only those behind an idle time), tune.ssl.hard-maxrecord the same;
the lower one counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Global, Item, Setting
from haproxy_py.config.registry import global_keyword
from haproxy_py.config.units import leading_int
from haproxy_py.tls import versions
from haproxy_py.tls.pem import EXTRA_FILES, Certificate, PemError, load_authorities, load_certificate, load_dh

CRT_BASE: Setting[str] = Setting("crt-base", "")
CA_BASE: Setting[str] = Setting("ca-base", "")
KEY_BASE: Setting[str] = Setting("key-base", "")
EXTRA: Setting[frozenset[str]] = Setting("ssl-load-extra-files", EXTRA_FILES)
EXTRA_DEL_EXT: Setting[bool] = Setting("ssl-load-extra-del-ext", False)
DH_PEM: Setting[bytes | None] = Setting("ssl-dh-param-file", None)
DH_BITS: Setting[int] = Setting("tune.ssl.default-dh-param", 0)
CACHESIZE: Setting[int] = Setting("tune.ssl.cachesize", 20000)
LIFETIME: Setting[int] = Setting("tune.ssl.lifetime", 300)  # seconds
MAXRECORD: Setting[int] = Setting("tune.ssl.maxrecord", 0)  # bytes; 0: no limit
HARD_MAXRECORD: Setting[int] = Setting("tune.ssl.hard-maxrecord", 0)
MAXSSLCONN: Setting[int] = Setting("maxsslconn", 0)  # 0: no limit
MAXSSLRATE: Setting[int] = Setting("maxsslrate", 0)  # new sessions per second; 0: no limit
SERVER_VERIFY: Setting[str] = Setting("ssl-server-verify", "required")
SECURITY_LEVEL: Setting[int | None] = Setting("ssl-security-level", None)
BIND_DEFAULTS: Setting[Item | None] = Setting("ssl-default-bind-options", None)
SERVER_DEFAULTS: Setting[Item | None] = Setting("ssl-default-server-options", None)
NO_TICKETS: Setting[bool] = Setting("no-tls-tickets", False)
PREFER_CLIENT: Setting[bool] = Setting("prefer-client-ciphers", False)
LOADED: Setting[dict[str, Certificate]] = Setting("loaded certificates", dict)
SOURCE = "manual 3.1"
TUNE = "manual 3.2"
_UNEXPECTED = "'{}' cannot handle unexpected argument '{}'."


# -- texts that OpenSSL judges -------------------------------------------------------------------------------------------

DEFAULT_TEXTS: dict[str, Setting[str | None]] = {}


def _text(name: str, what: str) -> None:
    setting: Setting[str | None] = Setting(name, None)
    DEFAULT_TEXTS[name] = setting

    @global_keyword(name, source=SOURCE, missing=f"global statement '{name}' expects {what} as an argument.")
    def set_text(line: Line, item: Global) -> None:
        item[setting] = line.arg(0)


for _side in ("bind", "server"):
    _text(f"ssl-default-{_side}-ciphers", "a cipher suite")
    _text(f"ssl-default-{_side}-ciphersuites", "a cipher suite")
    _text(f"ssl-default-{_side}-curves", "a curves suite")
    _text(f"ssl-default-{_side}-sigalgs", "a signature algorithms list")
    _text(f"ssl-default-{_side}-client-sigalgs", "a signature algorithms list")


# -- options -------------------------------------------------------------------------------------------------------------

OptionFn = Callable[[Line, Item, int], int]


def _flag(setting: Setting[bool], value: bool = True) -> OptionFn:
    def set_flag(line: Line, item: Item, at: int) -> int:
        item[setting] = value
        return at + 1

    return set_flag


COMMON_OPTIONS: dict[str, OptionFn] = {"no-tls-tickets": _flag(NO_TICKETS)}
versions.register(COMMON_OPTIONS.__setitem__)
BIND_ONLY: dict[str, OptionFn] = {"prefer-client-ciphers": _flag(PREFER_CLIENT)}


def _options(name: str, setting: Setting[Item | None], table: dict[str, OptionFn]) -> None:
    missing = f"global statement '{name}' expects an option as an argument."

    @global_keyword(name, args=(1, None), source=SOURCE, missing=missing)
    def set_options(line: Line, item: Global) -> None:
        made = item[setting] or Item(line.where)
        at = 1
        while at < len(line.words):
            word = line.words[at]
            if word not in table:
                line.fail(f"unknown option '{word}' on global statement '{name}'.")
            try:
                at = table[word](line, made, at)
            except Exception as wrong:
                text = getattr(wrong, "text", None)
                if text is None:
                    raise
                line.fail(f"{text} on global statement '{name}'.")
        item[setting] = made


_options("ssl-default-bind-options", BIND_DEFAULTS, COMMON_OPTIONS | BIND_ONLY)
_options("ssl-default-server-options", SERVER_DEFAULTS, COMMON_OPTIONS)


# -- places and files ----------------------------------------------------------------------------------------------------


def _base(setting: Setting[str]) -> None:
    name = setting.name

    @global_keyword(name, source=SOURCE, missing=f"global statement '{name}' expects a directory path as an argument.")
    def set_base(line: Line, item: Global) -> None:
        if item[setting]:
            line.fail(f"'{name}' already specified.")
        item[setting] = line.arg(0)


for _setting in (CRT_BASE, CA_BASE, KEY_BASE):
    _base(_setting)


@global_keyword("ssl-dh-param-file", source=SOURCE, missing="'ssl-dh-param-file' expects a file path as an argument.")
def ssl_dh_param_file(line: Line, item: Global) -> None:
    """Diffie-Hellman parameters for bind lines whose certificates bring none."""
    try:
        item[DH_PEM] = load_dh(line.arg(0))
    except PemError as wrong:
        line.fail(f"'ssl-dh-param-file': {wrong}")


@global_keyword("ssl-load-extra-files", args=(0, None), source=SOURCE)
def ssl_load_extra_files(line: Line, item: Global) -> None:
    """Which files beside a certificate are looked for: none, all, or some of bundle sctl ocsp issuer key."""
    chosen: set[str] = set()
    for word in line.args or ["?"]:
        if word not in EXTRA_FILES | {"none", "all"}:
            expects = "expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer, key)."
            line.fail(f"'ssl-load-extra-files' {expects}")
        chosen |= EXTRA_FILES if word == "all" else {word} - {"none"}
    item[EXTRA] = frozenset(chosen)


@global_keyword("ssl-load-extra-del-ext", args=0, source=SOURCE)
def ssl_load_extra_del_ext(line: Line, item: Global) -> None:
    """Extra files are named without the certificate's own extension: example.key for example.crt."""
    item[EXTRA_DEL_EXT] = True


# -- numbers -------------------------------------------------------------------------------------------------------------


@global_keyword("tune.ssl.default-dh-param", source=TUNE, missing="'tune.ssl.default-dh-param' expects an integer argument.")
def tune_default_dh_param(line: Line, item: Global) -> None:
    """Largest Diffie-Hellman key; OpenSSL's own parameters of a fitting size are used when set."""
    value = leading_int(line.arg(0))
    if value < 1024:
        line.fail("'tune.ssl.default-dh-param' expects a value >= 1024.")
    item[DH_BITS] = value


def _positive(setting: Setting[int]) -> None:
    name = setting.name

    @global_keyword(name, source=TUNE, missing=f"'{name}' expects an integer argument.")
    def set_positive(line: Line, item: Global) -> None:
        value = leading_int(line.arg(0))
        if value < 0:
            line.fail(f"'{name}' expects a positive numeric value.")
        item[setting] = value


for _number in (CACHESIZE, MAXRECORD, HARD_MAXRECORD, MAXSSLCONN, MAXSSLRATE):
    _positive(_number)


@global_keyword("tune.ssl.lifetime", source=TUNE, missing="'tune.ssl.lifetime' expects ssl sessions <lifetime> in seconds as argument.")
def tune_lifetime(line: Line, item: Global) -> None:
    """How long a session may be resumed."""
    found = re.search(r"[^0-9]", line.arg(0))
    if found or len(line.arg(0)) > 9:
        character = found.group() if found else line.arg(0)[9]
        line.fail(f"unexpected character '{character}' in argument to <tune.ssl.lifetime>.")
    item[LIFETIME] = leading_int(line.arg(0))


@global_keyword("ssl-server-verify", source=SOURCE, missing="'ssl-server-verify' expects 'none' or 'required' as argument.")
def ssl_server_verify(line: Line, item: Global) -> None:
    """What servers without `verify` do."""
    if line.arg(0) not in ("none", "required"):
        line.fail("'ssl-server-verify' expects 'none' or 'required' as argument.")
    item[SERVER_VERIFY] = line.arg(0)


@global_keyword("ssl-security-level", source=SOURCE)
def ssl_security_level(line: Line, item: Global) -> None:
    """OpenSSL's security level, 0 to 5."""
    if not re.fullmatch("[0-5]", line.arg(0)):
        line.fail("ssl-security-level : expects an integer between 0 and 5")
    item[SECURITY_LEVEL] = int(line.arg(0))


def _without_effect(name: str, least: int, most: int) -> None:
    """Knobs of HAProxy's own internals: accepted, no effect here (docs/ARCHITECTURE.md lists them)."""

    @global_keyword(name, args=(least, most), source=TUNE)
    def ignore(line: Line, item: Global) -> None:
        line.faults.diag(f"'{name}' is accepted and has no effect.", line.where)


for _name, _least in (
    ("tune.ssl.force-private-cache", 0), ("tune.ssl.ssl-ctx-cache-size", 1), ("tune.ssl.capture-buffer-size", 1),
    ("tune.ssl.capture-cipherlist-size", 1), ("tune.ssl.certificate-compression", 1), ("tune.ssl.keyupdate-rate-limit", 1),
    ("ssl-mode-async", 0), ("noktls", 0),
):  # fmt: skip
    _without_effect(_name, _least, _least)


# -- what bind and server lines share --------------------------------------------------------------------------------------


def located(config: Config, base: Setting[str], path: str) -> str:
    """A file name of the configuration, below its base unless it is absolute."""
    place = config.globals[base]
    return path if not place or path.startswith(("/", "@")) else os.path.join(place, path)


def certificate(config: Config, path: str) -> Certificate:
    """A certificate file, read once however often it is named. Raises PemError."""
    loaded = config.globals[LOADED]
    if path not in loaded:
        loaded[path] = load_certificate(path, config.globals[EXTRA], config.globals[EXTRA_DEL_EXT])
    return loaded[path]


def authorities(line: Line, word: str, path: str) -> bytes:
    """PEM of a ca-file or crl-file; fails as HAProxy does: what is wrong, then which word."""
    try:
        return load_authorities(located(line.config, CA_BASE, path))
    except PemError as wrong:
        line.faults.alert(str(wrong))
        line.fail(f"'{word}' : unable to load {located(line.config, CA_BASE, path)}")


def alpn_names(line: Line, text: str) -> tuple[bytes, ...]:
    """The protocols of an `alpn` word. HTTP/2 and HTTP/3 are not spoken here yet: not offered, said once."""
    names = [name.encode("utf-8", "surrogateescape") for name in text.split(",") if name]
    if any(len(name) > 255 for name in names):
        line.fail("'alpn' : ALPN protocol name too long")
    absent = [name for name in names if name in (b"h2", b"h3")]
    if absent:
        told = f"alpn: {absent[0].decode()} is not supported yet, not offered"
        if not any(fault.text == told for fault in line.faults.found):
            line.warn(told)
    return tuple(name for name in names if name not in absent)


def max_record(config: Config) -> int:
    """Plaintext bytes per record."""
    asked = [n for n in (config.globals[MAXRECORD], config.globals[HARD_MAXRECORD]) if n]
    return min(16384, max(512, min(asked))) if asked else 16384
