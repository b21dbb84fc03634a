"""Any bytes, cut anywhere, give the same commands or the same refusal, and nothing is kept beyond the limit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.runtime.master import written
from haproxy_py.runtime.reader import Reader, Request, TooBig, split

LIMIT = 64
BYTES = st.lists(st.sampled_from([b"a", b"b c", b" ", b";", b"\\", b"\n", b"\r\n", b"<<", b"<<E", b"E\n", b"\0", b"\xff", b"x" * 30])).map(
    b"".join
)


def taken(pieces: list[bytes]) -> list[Request | None]:
    """All requests; None at the end: refused."""
    reader, found = Reader(LIMIT), []
    for piece in pieces:
        reader.feed(piece)
        try:
            while (request := reader.next()) is not None:
                found.append(request)
        except TooBig:
            return [*found, None]
    return found


@settings(max_examples=200)
@given(BYTES, st.data())
def test_cuts_do_not_matter(sent: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole = taken([sent])
    assert taken(pieces) == whole
    assert taken([sent[i : i + 1] for i in range(len(sent))]) == whole


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(blacklist_characters="\n\r\0", blacklist_categories=["Cs"]), min_size=1), min_size=1, max_size=5), st.none() | st.binary(max_size=40))
def test_the_master_writes_what_a_worker_reads(words: list[str], payload: bytes | None) -> None:
    """Words with blanks, semicolons and backslashes, any payload of lines."""
    if payload is not None:
        payload = payload.replace(b"\r", b"") + b"\n"
    if words[-1].startswith("<<"):
        words = [*words, "x"]
    reader = Reader(10000)
    reader.feed(written(words, payload))
    request = reader.next()
    assert request is not None and request.words == words and request.payload == payload
    assert reader.next() is None and not reader.pending


@settings(max_examples=200)
@given(st.binary())
def test_words_never_fail(raw: bytes) -> None:
    assert all(split(raw))
