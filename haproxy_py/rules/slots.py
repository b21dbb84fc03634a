"""Capture slots of a frontend: the most bytes that each may hold, in order (manual 8.8)."""

from __future__ import annotations

from haproxy_py.config.model import Setting
from haproxy_py.config.units import leading_int

LENGTH_MOST = 65535
REQUEST_SLOTS: Setting[list[int]] = Setting("request capture slots", list)
RESPONSE_SLOTS: Setting[list[int]] = Setting("response capture slots", list)


def length_of(text: str) -> int:
    """The length that a text begins with, 0 for anything else."""
    return min(max(leading_int(text), 0), LENGTH_MOST)
