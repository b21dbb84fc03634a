"""The instruments themselves, on the real haproxy: one case runs, its parts are recorded and masked."""

import asyncio

import pytest

from tests.harness.canon import canon
from tests.harness.case import Case, Names, Result, mask_log
from tests.harness.origin import Origin
from tests.harness.ports import Reservation
from tests.harness.products import StartError, haproxy26, lacking_oracle
from tests.harness.relay import Mood, Relay
from tests.harness.runner import run_cases
from tests.harness.wire import Close, Until, connect
from tests.oracle.http import TEMPLATES
from tests.oracle.http.shorthand import GET, OK, answers

needs_oracle = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())


@needs_oracle
def test_one_case_records_both_sides_and_the_log() -> None:
    found = run_cases(haproxy26(), TEMPLATES, [Case("self", "plain", [GET, Until(b"ok")], answers(OK))])["self"]
    assert isinstance(found, Result)
    assert [(side.received, side.fate) for side in found.clients] == [(OK, "open")]
    assert [(side.received, side.fate) for side in found.servers] == [(GET, "open")]
    assert found.logs == ('<134>DATE haproxy[PID]: 127.0.0.1:C0 [STAMP] ID ID/s1 T/T/T/T/T 200 51 - - ---- N/1/0/0/0 0/0 "GET / HTTP/1.1"',)


@needs_oracle
def test_a_bad_file_is_a_start_error() -> None:
    with Reservation() as ports, pytest.raises(StartError, match="ended with 1"):
        haproxy26().start("frontend x\n bind nowhere:port\n", [ports.take()])


def test_chunk_boundaries_do_not_count() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert canon(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n") == head + b"5\r\nabcde\r\n0\r\nx: y\r\n\r\n"
    assert canon(head + b"3\r\nab") == head + b"2\r\nab\r\n"
    assert canon(head + b"3\r\nabc\r\n") != canon(head + b"3\r\nabc\r\n0\r\n\r\n")


def test_masks() -> None:
    line = b'<134>Nov  2 01:02:03 haproxy[77]: 127.0.0.1:4242 [02/Nov/2026:01:02:03.004] c_x c_x/s1 1/-1/2/3/+4 200 5 - - ---- 9/1/0/0/0 0/0 "GET / HTTP/1.1"\n'
    expected = '<134>DATE haproxy[PID]: 127.0.0.1:C0 [STAMP] ID ID/s1 T/-1/T/T/+T 200 5 - - ---- N/1/0/0/0 0/0 "GET / HTTP/1.1"'
    assert mask_log(line, Names("c_x", {4242: "C0"})) == expected


def test_relay_cuts_and_stalls() -> None:
    assert asyncio.run(_through(Mood(cut_at=3, hard=True))) == b"abc"
    assert asyncio.run(_through(Mood(piece=1))) == b"abcdef"
    assert asyncio.run(_through(Mood(stall_at=2))) == b"ab"


async def _through(down: Mood) -> bytes:
    """What comes out of a relay in front of a server that says abcdef, until it ends or stalls."""
    origin = Origin("s1", [[b"abcdef", Close()]], 0.1)
    origin.open()
    async with Relay(origin.port, down=down) as relay:
        peer = await connect(relay.port, 0.1)
        await peer.quiet()
        peer.close()
        origin.close()
        return bytes(peer.received)
