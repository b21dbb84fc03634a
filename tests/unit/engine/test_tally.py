"""Numbers in the segment, with a real fork."""

from __future__ import annotations

import os

import pytest

from haproxy_py.engine.shm import Segment
from haproxy_py.engine.tally import Tally


def test_children_count_with_us() -> None:
    tally = Tally(Segment(2, extra_bytes=4096), 3)
    pid = os.fork()
    if not pid:
        tally.add(1, 5)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    tally.add(1)
    assert [tally.value(at) for at in range(tally.size)] == [0, 6, 0]


@pytest.mark.parametrize("at", [-1, 3])
def test_no_number_outside(at: int) -> None:
    tally = Tally(Segment(1, extra_bytes=4096), 3)
    with pytest.raises(IndexError):
        tally.add(at)
    with pytest.raises(IndexError):
        tally.value(at)
