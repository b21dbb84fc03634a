"""The timing wheel against a sorted list: what is due comes, when it is due, in time order, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from haproxy_py.engine.testing import WheelDoor

START = 1_000_003
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 19), st.integers(0, 400_000)),
        st.tuples(st.just("set"), st.integers(0, 19), st.integers(0, 200)),
        st.tuples(st.just("remove"), st.integers(0, 19), st.just(0)),
        st.tuples(st.just("go"), st.just(0), st.integers(0, 100_000)),
        st.tuples(st.just("go"), st.just(0), st.integers(0, 70)),
    ),
    max_size=60,
)


@given(STEPS)
def test_wheel_equals_a_sorted_list(steps: list[tuple[str, int, int]]) -> None:
    wheel, now = WheelDoor(20, START), START
    due: dict[int, int] = {}
    for what, i, value in steps:
        if what == "set":
            wheel.set(i, now + value)
            due[i] = now + value
        elif what == "remove":
            wheel.remove(i)
            due.pop(i, None)
        else:
            now += value
            expected = {i: t for i, t in due.items() if t <= now}
            came = wheel.pop_all(now)
            assert sorted(came) == sorted(expected)
            assert [expected[i] for i in came] == sorted(expected.values())
            for i in expected:
                del due[i]
        if due:
            assert 0 < wheel.next() <= max(min(due.values()), now)
        else:
            assert wheel.pop_all(now) == []


def test_far_beyond_the_reach_comes_in_the_end() -> None:
    wheel = WheelDoor(1, START)
    wheel.set(0, START + 2**40)
    assert wheel.pop_all(START + 2**30) == []
    assert 0 < wheel.next() <= START + 2**40
