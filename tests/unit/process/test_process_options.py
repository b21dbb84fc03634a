"""The command line's grammar, flag by flag."""

from __future__ import annotations

import pytest

from haproxy_py.process.options import Options, UsageError, parse


def parsed(*words: str) -> Options:
    return parse([*words, "-f", "x.cfg"])


def test_files_in_the_order_of_the_command_line() -> None:
    assert parse(["-f", "a", "-D", "-f", "b", "--", "c", "-d"]).files == ["a", "b", "c", "-d"]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-c"], "check", True),
        (["-C", "/etc"], "directory", "/etc"),
        (["-D"], "daemon", True),
        (["-d"], "debug", True),
        (["-db"], "foreground", True),
        (["-dD"], "diagnose", True),
        (["-dW"], "zero_warning", True),
        (["-dS"], "no_splice", True),
        (["-dV"], "no_server_verify", True),
        (["-dr"], "ignore_resolution", True),
        (["-dR"], "no_reuseport", True),
        (["-W"], "master", True),
        (["-Ws"], "systemd", True),
        (["-q"], "quiet", True),
        (["-V"], "verbose", True),
        (["-n", "100"], "maxconn", 100),
        (["-N", "50"], "proxy_maxconn", 50),
        (["-m", "64"], "memory_mb", 64),
        (["-p", "/run/x"], "pidfile", "/run/x"),
        (["-L", "me"], "peer", "me"),
        (["-S", "/run/m,level,admin"], "master_sockets", ["/run/m,level,admin"]),
        (["-x", "/run/s"], "inherit_from", "/run/s"),
        (["-sf", "1", "22"], "finish", [1, 22]),
        (["-st", "333"], "terminate", [333]),
        (["-sf"], "finish", []),
    ],
)
def test_each_flag(words: list[str], name: str, value: object) -> None:
    assert getattr(parsed(*words), name) == value


def test_systemd_is_a_master() -> None:
    assert parsed("-Ws").master


@pytest.mark.parametrize(
    "flag", ["-dM", "-dM0x50,no-merge", "-de", "-dk", "-dp", "-dG", "-dA", "-dF", "-dI", "-dt", "-dZ", "-4"]
)
def test_flags_about_internals_are_taken(flag: str) -> None:
    assert parsed(flag) == Options(files=["x.cfg"])


@pytest.mark.parametrize(
    "words", [[], ["-c"], ["-y"], ["x.cfg"], ["-f"], ["-f", ""], ["-dQ", "-f", "x"], ["--"], ["-vvv"], ["-sf", "x", "-f", "y"]]
)
def test_what_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(words)


def test_dumps() -> None:
    told = parsed("-dC12,line", "-dKacl,cfg", "-dL", "-dM0x41,fail")
    assert (told.dump, told.keywords, told.objects, told.memory_help) == ("12,line", "acl,cfg", True, False)
    assert parse(["-dMfail,help"]).memory_help, "needs no file"
    with pytest.raises(UsageError, match="^-dM: unknown pool debugging feature <foo>$"):
        parsed("-dMfail,foo,help")


@pytest.mark.parametrize("word", ["", "x", "-1", "1x", "\u0661", "9" * 30])
def test_numbers(word: str) -> None:
    with pytest.raises(UsageError):
        parsed("-n", word)


@pytest.mark.parametrize(("word", "left"), [("x", "x"), ("12x", "x"), ("1 2", "2"), ("1-", "-")])
def test_process_ids(word: str, left: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed("-sf", "7", word)
    assert refused.value.text == f"-sf option: some bytes unconsumed in PID list {{{left}}}" and not refused.value.usage


@pytest.mark.parametrize("word", ["0", "", "2147483648", "99999999999999999999999"])
def test_process_ids_of_nobody(word: str) -> None:
    with pytest.raises(UsageError, match="^$|failed to parse {9*}: Numerical result out of range"):
        parsed("-st", "5", word)


def test_several_process_ids() -> None:
    assert parsed("-st", "5", " 7").terminate == [5, 7]


def test_a_socket_is_needed_behind_x() -> None:
    with pytest.raises(UsageError, match="Unix socket path expected with the -x flag"):
        parse(["-x"])


def test_versions_and_conditions_need_no_file() -> None:
    assert parse(["-v"]).version == 1
    assert parse(["-vv", "-v"]).version == 2
    assert parse(["-cc", "feature(OPENSSL)"]).condition == "feature(OPENSSL)"


def test_verbose_wins_over_quiet() -> None:
    assert parsed("-q").quiet_with(False)
    assert parsed().quiet_with(True)
    assert not parsed("-q", "-V").quiet_with(True)
