"""tcp-check scripts on memory: every kind of answer, with the packaged haproxy's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.checks.pattern import Pattern
from backends.checks.rules import Connect
from backends.checks.status import BY_NAME, Finding
from backends.checks.tcp import Comment, Hear, Say, Script, TcpStep, parts
from haproxy_py import features
from haproxy_py.config.model import Proxy
from haproxy_py.config.reader import load

HEAD = "defaults\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nbackend b\n"


def named(name: str, info: str = "") -> Finding:
    return Finding(BY_NAME[name], 0, info)


PONG = Hear("string", data=b"PONG")
UNWANTED = Hear("string", True, b"POX")
REGEX = Hear("rstring", regex=Pattern("P.X"), comment="mine")
BINARY = Hear("binary", data=b"OO")
CASES: dict[str, tuple[list[TcpStep], bytes, Finding]] = {
    "what is expected": ([Say(b"PING"), PONG], b"PONG", named("L7OK", "(tcp-check)")),
    "something else": (
        [Say(b"PING"), PONG], b"POXX", named("L7RSP", "TCPCHK did not match content 'PONG' at step 2")),
    "nothing": ([Say(b"PING"), PONG], b"", named("L7RSP", "TCPCHK got an empty response at step 2")),
    "nothing, with a comment": (
        [Comment("mine"), REGEX], b"", named("L7RSP", "TCPCHK got an empty response at step 2 comment: 'mine'")),
    "unwanted": ([UNWANTED], b"POXX", named("L7RSP", "TCPCHK matched unwanted content 'POX' at step 1")),
    "not unwanted": ([UNWANTED], b"PONG", named("L7OK", "(tcp-check)")),
    "a regex": ([REGEX], b"a POX", named("L7OK", "(tcp-check)")),
    "no match of a regex": ([REGEX], b"PONG", named("L7RSP", "TCPCHK did not match content (regex) at step 1 comment: mine")),
    "binary": ([BINARY], b"GOO", named("L7OK", "(tcp-check)")),
    "binary regex": ([Hear("rbinary", regex=Pattern("50..4E"))], b"PON", named("L7OK", "(tcp-check)")),
    "two of one answer": ([PONG, Hear("string", data=b"X")], b"PONG X", named("L7OK", "(tcp-check)")),
    "a status of one's own": ([Hear("string", data=b"a", error_status=BY_NAME["L4CON"])], b"b", named(
        "L4CON", "TCPCHK did not match content 'a' at step 1")),
}  # fmt: skip


def judge(steps: list[TcpStep], *pieces: bytes) -> Finding:
    """The finding after the pieces and the end of the connection."""
    script = Script(parts(steps)[0])
    finding = script.begin()
    for piece in [*pieces, b""]:
        if finding is None:
            finding = script.step(piece)
    assert finding is not None
    return finding


@pytest.mark.parametrize("case", list(CASES))
def test_findings(case: str) -> None:
    steps, answer, wanted = CASES[case]
    assert judge(steps, *([answer] if answer else [])) == wanted
    assert judge(steps, *(answer[i : i + 1] for i in range(len(answer)))) == wanted


def test_speech_and_answers_take_turns() -> None:
    script = Script(parts([Say(b"a"), Say(b"b"), Hear("string", data=b"1"), Say(b"c"), Hear("string", data=b"1")])[0])
    assert script.begin() is None and script.take() == b"ab"
    assert script.step(b"x1") is None and script.take() == b"c", (
        "what came before the second speech does not count again"
    )
    assert script.step(b"1") == named("L7OK", "(tcp-check)")


def test_troubles_name_the_step() -> None:
    script = Script(parts([Connect(), Say(b"a"), PONG])[0])
    script.begin()
    assert script.timeout() == named("L7TOUT", " at step 3 of tcp-check (expect string 'PONG')")
    assert script.broken("Broken") == named("SOCKERR", "Broken at step 3 of tcp-check (expect string 'PONG')")


def test_speech_alone_passes() -> None:
    script = Script(parts([Say(b"a")])[0])
    assert script.begin() == named("L7OK", "(tcp-check)") and script.take() == b"a"


def test_enough_bytes_decide_at_once() -> None:
    script = Script(parts([Hear("string", data=b"PONG", min_recv=2)])[0])
    assert script.begin() is None and script.step(b"P") is None
    assert script.step(b"O") == named("L7RSP", "TCPCHK did not match content 'PONG' at step 1")


def test_places_of_connections() -> None:
    one, two = parts([Connect(), PONG, Connect(port=81, comment="x")])
    assert one.place == " at step 1 of tcp-check (connect)"
    assert two.place == " at step 3 of tcp-check (connect port 81) comment: 'x'"
    assert parts([])[0].place == " at initial connection step of tcp-check"


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8), st.sampled_from(list(CASES)))
def test_any_answer_gives_a_finding(pieces: list[bytes], case: str) -> None:
    """Invariant: the end of the connection is the end of the check."""
    assert isinstance(judge(CASES[case][0], *pieces), Finding)


def told(lines: str) -> tuple[Proxy, list[str]]:
    features.load_config_language()
    config, faults = load([], texts=[("t.cfg", (HEAD + lines + "\n").encode())], strict=True)
    backend = config.backend("b")
    assert backend is not None
    return backend, [str(fault) for fault in faults.found]


def test_words() -> None:
    from backends.checks.tcp_keywords import TCP_CHECK_STEPS

    backend, faults = told(
        " option tcp-check\n tcp-check connect port 81\n tcp-check comment c\n tcp-check send PING\\r\\n\n"
        " tcp-check send-binary 4f4F\n tcp-check expect ! rstring ^x comment d"
    )
    assert faults == []
    connect, comment, say, binary, hear = backend[TCP_CHECK_STEPS]
    assert (connect, comment) == (Connect(port=81), Comment("c"))
    assert (say, binary) == (Say(b"PING\r\n", "c"), Say(b"OO"))
    assert isinstance(hear, Hear) and hear.negated and hear.comment == "d"


REFUSED = {
    "tcp-check foo": (
        "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', "
        "'unset-var(*)'. but got 'foo'"
    ),
    "tcp-check expect string": "'tcp-check expect' : 'string' expects a <pattern> as argument.",
    "tcp-check send-binary 4": "'tcp-check send-binary' : '4' is not a hexadecimal string of whole bytes (two digits each)..",
    "tcp-check send-lf": "'tcp-check send-lf' : 'string' expects a send-lf as argument.",
    "tcp-check send-lf %foo": (
        "'tcp-check send-lf' : '%foo' invalid log-format string (no such format variable 'foo'. If you wanted to emit the '%' "
        "character verbatim, you need to use '%%')."
    ),
    "tcp-check set-var": (
        "'tcp-check set-var' : 'set-var' : invalid or incomplete action 'set-var'. Expects 'set-var(<var-name>)', "
        "'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'."
    ),
    "tcp-check connect port foozle": (
        "'tcp-check connect' : error detected while parsing port expression : unknown fetch method 'foozle'."
    ),
    "tcp-check connect proto h1": "'tcp-check connect' : 'proto' : invalid MUX protocol 'h1' for tcp-check.",
}


@pytest.mark.parametrize("line", list(REFUSED))
def test_refusals(line: str) -> None:
    assert told(" option tcp-check\n " + line)[1][0] == f"parsing [t.cfg:7] : {REFUSED[line]}"
