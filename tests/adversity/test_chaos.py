"""A short storm of clients and servers that behave at random leaves nothing behind (tests.adversity.chaos runs longer ones)."""

import asyncio

import pytest

from tests.adversity.chaos import storm


@pytest.mark.parametrize(("seed", "maxconn"), [(1, 1000), (2, 6)])
def test_nothing_is_left_after_a_storm(seed: int, maxconn: int) -> None:
    report = asyncio.run(storm(seed, clients=120, together=20, maxconn=maxconn))
    assert report.leaks == []
    assert report.served > 20
