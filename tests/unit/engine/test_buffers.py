"""Pools give distinct memory, take it back, and never pool a pipe that still holds bytes."""

from __future__ import annotations

import pytest

from haproxy_py.engine.buffers import BufferPool, PipePool
from haproxy_py.engine.testing import pipe_round, take_and_give


def test_buffers_come_back() -> None:
    pool = BufferPool(2048)
    during, pooled, distinct = take_and_give(pool, 100)
    assert (during, pooled, distinct) == (100, 100, True)
    assert pool.in_use == 0
    take_and_give(pool, 10)
    assert pool.pooled == 100


def test_the_pool_is_bounded() -> None:
    pool = BufferPool(1024)
    _, pooled, _ = take_and_give(pool, 3000)
    assert pooled == 1024


def test_too_small_a_buffer_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1024"):
        BufferPool(512)


def test_a_pipe_with_bytes_in_it_is_closed() -> None:
    capacity, clean, after_dirty = pipe_round(PipePool(65536))
    assert capacity >= 65536
    assert (clean, after_dirty) == (1, 0)
