"""bench.picks runs with every algorithm of the registry."""

from __future__ import annotations

import pytest

from bench import picks
from haproxy_py import features

features.load()


@pytest.mark.parametrize("title, lines", list(picks.kinds()), ids=lambda text: text.partition("\n")[0])
def test_every_algorithm_is_measured(title: str, lines: str) -> None:
    cost = picks.apart(lines, 10, picks.WEIGHTS["uneven"], 200)
    assert cost.request > 0 and cost.state > 0 and cost.weight > 0
    assert picks.row(title, [cost]).startswith(f"| {title} | ")
