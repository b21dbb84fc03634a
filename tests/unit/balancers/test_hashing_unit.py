"""Hash functions against known values and against their definitions read literally."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancers.hashing import FUNCTIONS, digest, scatter, xx

WORD = 0xFFFFFFFF


def plain_sdbm(key: bytes) -> int:
    value = 0
    for byte in key:
        value = value * 65599 + byte & WORD
    return value


def plain_djb2(key: bytes) -> int:
    value = 5381
    for byte in key:
        value = value * 33 + byte & WORD
    return value


@given(st.binary(max_size=40))
def test_definitions(key: bytes) -> None:
    assert digest("sdbm", key) == plain_sdbm(key)
    assert digest("djb2", key) == plain_djb2(key)
    assert digest("crc32", key) == zlib.crc32(key)


@given(st.binary(max_size=40), st.sampled_from(FUNCTIONS))
def test_avalanche_comes_behind_the_function(key: bytes, function: str) -> None:
    assert digest(function, key, "avalanche") == scatter(digest(function, key))


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"", 0), (b"0", 0), (b"17", 17), (b"4294967299", 3), (b"-1", WORD), (b"+5x6", 5), (b"x5", 0), (b"-", 0), (b" 5", 0)],
)
def test_none_reads_a_number(key: bytes, value: int) -> None:
    assert digest("none", key) == value


@given(st.sets(st.integers(0, WORD), min_size=2, max_size=50))
def test_avalanche_loses_nothing(numbers: set[int]) -> None:
    assert len({scatter(n) for n in numbers}) == len(numbers)


@pytest.mark.parametrize(
    ("key", "seed", "value"),
    [
        (b"", 0, 0x02CC5D05),
        (b"", 0x9E3779B1, 0x36B78AE7),
        (b"Nobody inspects the spammish repetition", 0, 0xE2293B2F),
        (b"abc", 0, 0x32D153FF),
        (b"\0" * 16, 0, 0x8E022B3A),
    ],
)
def test_xxh32(key: bytes, seed: int, value: int) -> None:
    assert xx(key, seed) == value


def test_unknown_function() -> None:
    with pytest.raises(ValueError, match="md5"):
        digest("md5", b"")
