"""One invariant of the HTTP/1 parser: any bytes, in any pieces, are refused or understood, always in the same way, and
what goes out for them is understood again, as the same message.

Run `python -m tests.fuzz.fuzz_http1 SECONDS [SEED]` for longer; tests/fuzz/test_fuzz_http1.py runs a few hundred rounds.
"""

import random
import sys
import time

from haproxy_py.engine.http1_reader import BODY_CHUNKED, BodyReader, HeadReader, Refused
from tests.proto.test_h1_bodies import BAD, GOOD
from tests.proto.test_h1_heads import REQUESTS, RESPONSES

SPICE = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b",", b"/", b"#", b"\xff", b"HTTP/1.1", b"chunked", b"content-length: ", b"0", b";"]
Outcome = tuple[int, bytes, list[tuple[bytes, bytes]]]


def read_head(data: bytes, cuts: list[int], response: bool) -> Outcome:
    """(length of the head, 0 or error; what goes out; fields)."""
    reader = HeadReader(response=response, size=len(data) + 1)
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        try:
            length = reader.feed(data[start:end])
        except Refused as fault:
            return fault.code, b"", []
        if length:
            out = reader.head.response_bytes() if response else reader.head.request_bytes()
            assert out is not None
            return length, out, reader.head.items()
    return 0, b"", []


def check_head(data: bytes, cuts: list[int], response: bool) -> None:
    whole = read_head(data, [], response)
    assert read_head(data, cuts, response) == whole, (data, cuts)
    if whole[0] > 0:
        again = read_head(whole[1], [], response)
        kept = [field for field in whole[2] if field[0] != b"te"]     # of which only `trailers` goes out
        assert again[:2] == (len(whole[1]), whole[1]), (data, whole, again)
        assert [field for field in again[2] if field[0] != b"te"] == kept, (data, whole, again)


def read_body(data: bytes, cuts: list[int]) -> tuple[str, bytes, int]:
    body = BodyReader(BODY_CHUNKED)
    out = b""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        try:
            out += body.feed(data[start:end])[0]
        except Refused:
            return "refused", b"", 0
        if body.done:
            return "done", out, body.payload
    return "more", b"", body.payload


def check_body(data: bytes, cuts: list[int]) -> None:
    whole = read_body(data, [])
    assert read_body(data, cuts) == whole, (data, cuts)
    if whole[0] == "done":
        assert read_body(whole[1], []) == whole, (data, whole)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """A few bytes removed, doubled, exchanged or put in."""
    for _ in range(rng.randrange(1, 4)):
        at, to = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        to = min(to, at + 8)
        data = rng.choice([data[:at] + data[to:], data[:to] + data[at:], data[:at] + rng.choice(SPICE) + data[at:],
                           data[:at] + rng.randbytes(1) + data[at + 1:]])
    return data


def one_round(rng: random.Random) -> None:
    heads = rng.random() < 0.7
    response = rng.random() < 0.4
    seeds = [row[0] for row in (RESPONSES if response else REQUESTS)] if heads else [row[0] for row in GOOD] + BAD
    data = mutated(rng, rng.choice(seeds)[:2000])
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(5)))
    if heads:
        check_head(data, cuts, response)
    else:
        check_body(data, cuts)


def main() -> None:
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    rng = random.Random(seed)
    end = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else "10")
    rounds = 0
    print("seed", seed)
    while time.monotonic() < end:
        one_round(rng)
        rounds += 1
    print(rounds, "rounds")


if __name__ == "__main__":
    main()
