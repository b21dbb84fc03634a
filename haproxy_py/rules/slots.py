"""Capture slots of a frontend: one name for each, in order (manual 8.8)."""

from __future__ import annotations

from haproxy_py.config.model import Setting

REQUEST_SLOTS: Setting[list[str]] = Setting("request capture slots", list, inherit=False)
RESPONSE_SLOTS: Setting[list[str]] = Setting("response capture slots", list, inherit=False)


def length_of(text: str) -> int:
    """A positive length, 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
