"""Bytes of a runtime connection become commands, wherever the packets are cut."""

from __future__ import annotations

import pytest

from haproxy_py.runtime.reader import MAX_WORDS, Reader, Request, TooBig

CASES: list[tuple[bytes, list[tuple[list[str], bytes | None]]]] = [
    (b"show version\n", [(["show", "version"], None)]),
    (b"a;b c\n", [(["a"], None), (["b", "c"], None)]),
    (b"  a \t b\r\n", [(["a", "b"], None)]),
    (b"a\\;b c\\ d e\\\\\n", [(["a;b", "c d", "e\\"], None)]),
    (b"\n;\n", [([], None), ([], None), ([], None)]),
    (b"add map m <<\nk v\nk2 v2\n\nquit\n", [(["add", "map", "m"], b"k v\nk2 v2\n"), (["quit"], None)]),
    (b"add map m <<\n\n", [(["add", "map", "m"], b"")]),
    (b"x <<END\n\n;a\nEND\ny\n", [(["x"], b"\n;a\n"), (["y"], None)]),
    (b"x <<;a\n\n", [(["x"], b"a\n")]),
    (b"x \\<< y\n", [(["x", "<<", "y"], None)]),
    (b"\xff\xfe\n", [(["\udcff\udcfe"], None)]),
]


def taken(reader: Reader) -> list[Request]:
    found = []
    while (request := reader.next()) is not None:
        found.append(request)
    return found


@pytest.mark.parametrize(("sent", "wanted"), CASES)
def test_whole_byte_by_byte_and_in_two(sent: bytes, wanted: list[tuple[list[str], bytes | None]]) -> None:
    cuts = [[sent], [sent[i : i + 1] for i in range(len(sent))]]
    cuts += [[sent[:at], sent[at:]] for at in range(1, len(sent))]
    for cut in cuts:
        reader = Reader(1000)
        found: list[Request] = []
        for piece in cut:
            reader.feed(piece)
            found += taken(reader)
        assert [(r.words, r.payload) for r in found] == wanted
        assert not reader.pending and not reader.in_payload


def test_which_command_ends_the_line() -> None:
    reader = Reader(100)
    reader.feed(b"a;b\nc <<\n\n")
    assert [r.last for r in taken(reader)] == [False, True, True]


def test_more_words_than_there_is_room_for() -> None:
    reader = Reader(1000)
    reader.feed(b"w " * 100 + b"\n")
    assert len(taken(reader)[0].words) == MAX_WORDS


@pytest.mark.parametrize("sent", [b"x" * 65, b"x" * 65 + b"\n", b"a <<\n" + b"y" * 65, b"a <<\n" + b"y\n" * 40])
def test_what_does_not_fit_is_refused(sent: bytes) -> None:
    reader = Reader(64)
    reader.feed(sent)
    with pytest.raises(TooBig):
        taken(reader)


def test_the_prompt_knows_of_a_payload() -> None:
    reader = Reader(100)
    reader.feed(b"a <<\nb\n")
    assert reader.next() is None and reader.in_payload and reader.lines_kept == 1
