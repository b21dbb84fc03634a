"""The heaps of waiting streams against a sorted list: nobody is lost, doubled or served out of order."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.engine.testing import WaitHeap

STEPS = st.lists(
    st.tuples(st.sampled_from("iiirl"), st.integers(-3, 3), st.integers(0, 5), st.integers(0, 1000)), max_size=120
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_a_heap_is_a_sorted_list(steps: list[tuple[str, int, int, int]]) -> None:
    heap, model = WaitHeap(200), []
    for kind, priority, when, which in steps:
        if kind == "i":
            model.append((priority, when, heap.insert(priority, when)))
        elif model and kind == "r":
            model.sort()
            assert heap.first() == model[0][2]
            heap.remove(model.pop(0)[2])
        elif model:
            heap.remove(model.pop(which % len(model))[2])
    for _, _, number in sorted(model):
        assert heap.first() == number
        heap.remove(number)
    assert heap.first() == 0


def test_ten_thousand_in_order_keep_the_cost_logarithmic() -> None:
    heap = WaitHeap(10_000)
    for number in range(10_000):
        assert heap.insert(0, number // 7) == number + 1
        assert heap.longest_right_spine() <= math.log2(number + 2)
    for number in range(1, 10_001):
        assert heap.first() == number
        heap.remove(number)
        assert heap.longest_right_spine() <= math.log2(10_001)
