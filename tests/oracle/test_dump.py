"""-dC: the configuration as its words were understood, hidden by a key or not, beside the real haproxy."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from haproxy_py.process.dump import SECTIONS, SHAPES
from tests.harness.products import haproxy28, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")
LINES = Path(__file__).with_name("dump_lines.txt").read_text()
FLAGS = (
    "-dC",
    "-dC12",
    "-dC,line",
    "-dC12,line",
    "-dCline",
    "-dC12line",
    "-dC1,x,line",
    "-dC-1",
    "-dC4294967297",
    "-dC0x10,line",
)
FIRST = sorted(
    {*SECTIONS, *(word.split()[0] for word in SHAPES), "option", "balance", "no", "log-format", "frobnicate"}
)
SECOND = sorted({"", *(word.split()[1] for word in SHAPES if " " in word)})
OTHERS = st.sampled_from(
    ["10.0.0.1:80", "127.0.0.1:80", "[fe80::1]:443", "*:80", "ipv4@10.1.2.3", "ipv6@[2001:db8::1]:8", "unix@/x", "fd@3", "x", "/x/y",
     '"a b"', "a\\ b", "if", "{", "path", "}", "#", "1k", "global", "stdout", "10.0.0.1:+5", "300.0.0.1:80", "a@b", "::", "''"]
)  # fmt: skip


def dumped(config: str, flag: str) -> tuple[list[str], list[str]]:
    """Theirs and ours."""
    said = [product.check(config, ("-c", flag)).stdout.splitlines() for product in (haproxy28(), pyhaproxy())]
    theirs, ours = ([line for line in lines if not line.startswith("Configuration file")] for lines in said)
    return theirs, ours


@pytest.mark.parametrize("flag", FLAGS)
def test_the_same_words(flag: str) -> None:
    theirs, ours = dumped(LINES, flag)
    assert ours == theirs
    assert len(theirs) > 200


@settings(max_examples=3, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(FIRST), st.sampled_from(SECOND), st.lists(OTHERS, max_size=4)),
        min_size=30,
        max_size=60,
    )
)
def test_lines_of_any_words(rows: list[tuple[str, str, list[str]]]) -> None:
    config = "".join(
        f" {' '.join(word for word in (first, second, *others) if word)}\n" for first, second, others in rows
    )
    theirs, ours = dumped(config, "-dC77,line")
    assert ours == theirs


def test_quiet_shows_nothing() -> None:
    assert (
        pyhaproxy().check(LINES, ("-c", "-q", "-dC")).stdout
        == haproxy28().check(LINES, ("-c", "-q", "-dC")).stdout
        == ""
    )


SMALL = "global\n daemon\nlisten l\n mode tcp\n bind 127.0.0.1:1\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"


def listed(flag: str) -> list[set[str]]:
    """Lines on stdout, theirs and ours."""
    return [set(product.check(SMALL, ("-c", "-q", flag)).stdout.splitlines()) for product in (haproxy28(), pyhaproxy())]


def test_lists_of_keywords() -> None:
    """Ours has nothing that it cannot do, and what both have is told alike."""
    theirs, ours = listed("-dKacl,svc,flt,help")
    assert len(ours) > 80 and "prometheus-exporter" in ours
    theirs, ours = ({(line.split(" = ")[0], line.rpartition(" -m ")[2]) for line in lines} for lines in (theirs, ours))
    known = {name for name, _ in theirs}
    assert {row for row in ours if row[0] in known} <= theirs
    theirs, ours = listed("-dKcnv,smp")
    names = [
        {line.partition("] ")[2].partition(":")[0] or line.partition(":")[0] for line in lines}
        for lines in (theirs, ours)
    ]
    assert {"path", "src", "lower", "add(string)", "always_true"} <= names[0] & names[1]
    theirs, ours = listed("-dKcli,cfg")
    assert {
        "show info [WORKER] ",
        "\ttimeout client",
        "\tbind <addr> accept-proxy",
        "\tserver <name> <addr> backup",
    } <= ours
    assert "acme renew [WORKER] " not in ours, "known, not built"


def test_loaded_objects() -> None:
    theirs, ours = (product.check(SMALL, ("-c", "-dL")).stdout.splitlines() for product in (haproxy28(), pyhaproxy()))
    assert (
        theirs[0] == ours[0] == "List of loaded object files:"
        and theirs[-1] == ours[-1] == "Configuration file is valid"
    )
    for lines in (theirs, ours):
        assert all(line.startswith("/") for line in lines[1:-1]) and any("libc.so" in line for line in lines)


@pytest.mark.parametrize("words", ["", "0x41", "50,fail", "fail,,no-tag", "foo", "12x", "0x", "fail,foo", "x,help"])
def test_words_of_memory(words: str) -> None:
    theirs, ours = (product.check(SMALL, ("-c", "-q", f"-dM{words}")) for product in (haproxy28(), pyhaproxy()))
    assert ours.code == theirs.code
    assert [line.split(" : ")[-1] for line in ours.stderr.splitlines()[-1:]] == [
        line.split(" : ")[-1] for line in theirs.stderr.splitlines()[-1:]
    ]
