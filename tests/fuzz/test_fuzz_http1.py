"""A short run of the HTTP/1 fuzz target, the same every time."""

import random

import pytest

from tests.fuzz.fuzz_http1 import one_round


@pytest.mark.parametrize("seed", range(4))
def test_rounds(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        one_round(rng)
