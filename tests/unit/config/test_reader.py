"""Files, sections, inheritance, environment, freezing: what load() makes of texts and paths (manual 2, 3.1, 4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from haproxy_py.config.errors import Level, format_fault
from haproxy_py.config.keywords.options import DONTLOGNULL, HTTP_MODE, REDISPATCH
from haproxy_py.config.keywords.process import DESCRIPTION, STRICT_LIMITS
from haproxy_py.config.keywords.proxy import MODE, RETRIES
from haproxy_py.config.keywords.server_options import CHECK, INTER, WEIGHT
from haproxy_py.config.keywords.timeouts import TIMEOUT_CLIENT
from haproxy_py.config.keywords.userlist import USERS
from haproxy_py.config.model import Config, Frozen
from haproxy_py.config.reader import load
from haproxy_py.features import load_config_language


def read(*texts: str, env: dict[str, str] | None = None) -> tuple[Config, list[str]]:
    """Load texts named a, b, ...; the faults as they are written, without severity and pid."""
    load_config_language()
    named = [("abcdef"[i], text.encode()) for i, text in enumerate(texts)]
    config, faults = load([], texts=named, env=env or {}, strict=True)
    return config, [str(fault) for fault in faults.found]


SINCE_21 = "directive is not supported anymore since HAProxy 2.1."
FORCECLOSE = (
    "is not supported any more since HAProxy 2.0, please just remove it, or use 'option httpclose' if absolutely needed."
)
TIMEOUTS = "timeout client 1s\n timeout connect 1s\n timeout server 1s\n"


def test_empty() -> None:
    """Nothing at all is a configuration."""
    config, faults = read("")
    assert (config.proxies, faults) == ([], [])


def test_defaults_are_taken_over() -> None:
    """A proxy has the settings of the last defaults section, its own come first."""
    config, faults = read(
        f"defaults\n mode http\n retries 5\n {TIMEOUTS} default-server inter 7s weight 3\nbackend b\n retries 1\n"
        " server a 192.0.2.1:80 check weight 9\ndefaults\nbackend c\n"
    )
    b, c = config.proxies
    assert faults == []
    assert (b[MODE], b[RETRIES], c[MODE], c[RETRIES]) == ("http", 1, "tcp", 3)
    (server,) = b.servers
    assert (server[CHECK], server[INTER], server[WEIGHT], server.number) == (True, 7000, 9, 1)


def test_named_defaults() -> None:
    """`from` picks a defaults section; one can build on another."""
    config, faults = read(
        f"defaults one\n {TIMEOUTS}\ndefaults two from one\n mode http\ndefaults three\n"
        "frontend f from two\n bind :80\nfrontend g from one\n bind :81\n"
    )
    f, g = config.proxies
    assert faults == []
    assert (f[MODE], f[TIMEOUT_CLIENT], g[MODE]) == ("http", 1000, "tcp")
    assert f.parent is not None and f.parent.name == "two"


def test_inherited_lists_are_copies() -> None:
    """What a proxy adds does not reach its defaults or its neighbours."""
    config, _ = read("defaults\n errorloc 500 /a\nbackend b\n errorloc 501 /b\nbackend c\n")
    from haproxy_py.config.keywords.errorfiles import ERRORFILES

    b, c = config.proxies
    assert (sorted(b[ERRORFILES]), sorted(c[ERRORFILES])) == ([500, 501], [500])


def test_no_and_default() -> None:
    """`no option` switches off, `default option` forgets."""
    config, faults = read(
        "defaults\n option dontlognull\n option httpclose\n option redispatch\nlisten b\n no option dontlognull\n"
        " no option httpclose\n no option redispatch\nlisten c\n default option dontlognull\n option http-server-close\n"
        " no option httpclose\n"
    )
    b, c = config.proxies
    assert (b[DONTLOGNULL], b[HTTP_MODE], b[REDISPATCH]) == (False, "http-keep-alive", 0)
    assert (c[DONTLOGNULL], c[HTTP_MODE], c[REDISPATCH]) == (None, "http-server-close", -1)
    assert not any("parsing" in fault and "ignored" not in fault for fault in faults)


def test_environment() -> None:
    """setenv and its kin change what later lines see, not the process."""
    config, faults = read(
        'global\n setenv A 1\n presetenv A 2\n presetenv B "x y"\n unsetenv GONE\n no strict-limits\n'
        ' description "$A ${B} ${GONE-gone} ${.LINE} ${.FILE} ${.SECTION} $HAPROXY_BRANCH"\n',
        env={"GONE": "no"},
    )
    assert faults == []
    assert config.globals[DESCRIPTION] == "1 x y gone 7 a global 3.2"
    assert config.globals[STRICT_LIMITS] is False
    assert config.env["A"] == "1"


def test_own_variables() -> None:
    """HAProxy's variables are there; the environment of the caller can set the peer's name."""
    config, _ = read("", "", env={"HAPROXY_LOCALPEER": "me"})
    assert config.env["HAPROXY_CFGFILES"] == "a;b"
    assert config.env["HAPROXY_LOCALPEER"] == "me"
    assert config.env["HAPROXY_TCP_LOG_FMT"].startswith("%ci:%cp [%t]")


def test_conditional_sections() -> None:
    """A branch that is not taken does not exist; nesting and else work."""
    config, faults = read(".if defined(X)\nbackend a\n.elif 1\n .if 0\nbackend b\n .else\nbackend c\n .endif\n.else\nbackend d\n.endif\n")
    assert ([p.name for p in config.proxies], faults) == (["c"], [])


def test_every_fault_is_told() -> None:
    """All faults of all files are collected, in order, with file and line."""
    _, faults = read("global\n maxcon 1\n nbthread 0\n", "backend b\n mod http\n server s\nfoo\n")
    assert faults == [
        "parsing [a:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
        "parsing [a:3] : 'nbthread' value must be between 1 and 1024 (was 0)",
        "parsing [b:2] : unknown keyword 'mod' in 'backend' section; did you mean 'mode' maybe ?",
        "[b:3] : 'server' expects <name> and <addr>[:<port>] as arguments.",
        "parsing [b:4] : unknown keyword 'foo' in 'backend' section",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("backend b\n use-fcgi-app x\n", "parsing [a:2] : 'use-fcgi-app' is known to HAProxy, not supported yet."),
        ("backend b\n option checkcache\n", "parsing [a:2] : 'option checkcache' is known to HAProxy, not supported yet."),
        ("cache c\n total-max-size 4\n", "parsing [a:1] : section 'cache' is known to HAProxy, not supported yet."),
        ("backend b\n server s 192.0.2.1:80 ws h1\n", "[a:2] : 'server b/s' : 'ws' is known to HAProxy, not supported yet."),
        ("global\n lua-load x\n", "parsing [a:2] : 'lua-load' is known to HAProxy, not supported yet."),
        ("backend b\n contimeout 5\n", f"parsing [a:2] : the 'contimeout' {SINCE_21} Use 'timeout connect'."),
        ("backend b\n reqadd x\n", f"parsing [a:2] : The 'reqadd' {SINCE_21} Use 'http-request add-header' instead."),
        ("backend b\n option forceclose\n", f"parsing [a:2]: option 'forceclose' {FORCECLOSE}"),
    ],
)  # fmt: skip
def test_three_answers(text: str, told: str) -> None:
    """Known words that are not built, removed ones and unknown ones are told apart."""
    _, faults = read(text)
    assert faults == [told]


def test_words_without_effect_are_listed_once() -> None:
    _, faults = read("global\n tune.maxpollevents 5\n cpu-map 1 0\n cpu-map 2 1\n no busy-polling\n")
    assert faults == ["accepted, no effect: busy-polling, cpu-map, tune.maxpollevents."]


def test_old_frontend_address() -> None:
    """The form of old guides works and says how to write it now."""
    config, faults = read(f"frontend web *:80\n {TIMEOUTS.splitlines()[0]}\n")
    assert [b.address.port for b in config.proxies[0].binds] == [80]
    assert faults == ["parsing [a:1] : the address '*:80' on the 'frontend' line is accepted; please use 'bind *:80' instead."]


def test_userlist() -> None:
    config, faults = read("userlist u\n user x insecure-password p groups g,h\n user y password $5$a\n group g users y\n group h\n")
    users = config.sections[0][USERS]
    assert faults == []
    assert (users["x"].plain, users["x"].groups, users["y"].password) == (True, ("g", "h"), "$5$a")


def test_frozen() -> None:
    """A finished configuration does not change."""
    config, _ = read("backend b\n server s 192.0.2.1:80\n")
    for item in (config.globals, config.proxies[0], config.proxies[0].servers[0]):
        with pytest.raises(Frozen):
            item[WEIGHT] = 5


def test_files_and_directories(tmp_path: Path) -> None:
    """A directory gives its *.cfg in order; what cannot be read is told."""
    load_config_language()
    (tmp_path / "b.cfg").write_bytes(b"backend b\n")
    (tmp_path / "a.cfg").write_bytes(b"backend a\r\n")
    (tmp_path / "c.txt").write_bytes(b"backend c\n")
    config, faults = load([str(tmp_path), str(tmp_path / "none.cfg")], env={})
    assert [p.name for p in config.proxies] == ["a", "b"]
    assert [str(f) for f in faults.found] == [
        f"Cannot open configuration file/directory {tmp_path / 'none.cfg'} : No such file or directory"
    ]


def test_format() -> None:
    """Faults are written as HAProxy writes them to stderr."""
    load_config_language()
    _, faults = load([], texts=[("f", b'global\n foo\n bar "x\nlisten a\n bind :80\n')], env={})
    rows = [format_fault(fault, 7) for fault in faults.found]
    assert rows[0] == "[ALERT]    (7) : config : parsing [f:2] : unknown keyword 'foo' in 'global' section"
    assert rows[1] == '[ALERT]    (7) : config : parsing [f:3]: unmatched quote at position 6:\n  bar "x\n      ^'
    _, faults = load([], texts=[("f", b"listen a\n bind :80\n")], env={})
    (fault,) = faults.found
    assert fault.level is Level.WARNING
    assert format_fault(fault, 7).startswith("[WARNING]  (7) : config : missing timeouts for proxy 'a'.\n   | While not properly")


def test_too_many_words() -> None:
    _, faults = read("global\n description " + " ".join(f"w{i}" for i in range(70)) + "\n")
    assert faults == ["parsing [a:2]: too many words, truncating after word 64, position 251: <w62>."]


def test_template() -> None:
    config, faults = read(f"listen b\n bind :80\n {TIMEOUTS} server-template web 2-4 192.0.2.1:80 check\n")
    assert faults == []
    assert [(s.name, s.number, s[CHECK]) for s in config.proxies[0].servers] == [("web2", 1, True), ("web3", 2, True), ("web4", 3, True)]


def test_thousands_of_servers() -> None:
    """Every server of a large file is there, without a fault."""
    lines = [f"defaults\n {TIMEOUTS}"]
    for i in range(100):
        lines.append(f"backend b{i}\n" + "".join(f" server s{j} 10.0.{i}.{j + 1}:80 check inter 2s\n" for j in range(10)))
    config, faults = read("".join(lines))
    assert (sum(len(p.servers) for p in config.proxies), faults) == (1000, [])
