"""The table of algorithms."""

from __future__ import annotations

import pytest

import balancers
from balancers.roundrobin import RoundRobin


def test_rows() -> None:
    row = balancers.find("roundrobin")
    assert row is not None and row.make is RoundRobin and row.dynamic and row.module == "balancers.roundrobin"
    assert "roundrobin" in balancers.names() and balancers.find("nothing") is None


def test_a_duplicate_names_both_modules() -> None:
    with pytest.raises(RuntimeError, match=r"balance 'roundrobin' registered by balancers\.roundrobin and "):
        balancers.balancer("roundrobin", dynamic=True, source="test")(RoundRobin)
