"""A bounded run of fuzz_config, and plain random bytes."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_config import check, some_config


@pytest.fixture(autouse=True, scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The backing file of a ring is made while its line is read, as in HAProxy: not in the checkout."""
    with contextlib.chdir(tmp_path_factory.mktemp("fuzz")):
        yield


@pytest.mark.parametrize("seed", range(8))
def test_plausible_lines(seed: int) -> None:
    """A keyword raised something else than a ConfigError."""
    for i in range(50):
        body = some_config(random.Random(seed * 1000 + i))
        try:
            check(body)
        except Exception as wrong:
            raise AssertionError(f"{body!r}: {wrong!r}") from wrong


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    """Bytes raised an exception."""
    check(body)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100), st.sampled_from([b"global\n", b"defaults\n", b"listen a\n", b"userlist a\n", b"http-errors a\n"]))
def test_any_bytes_in_a_section(body: bytes, header: bytes) -> None:
    """Bytes within a section raised an exception."""
    check(header + body)
