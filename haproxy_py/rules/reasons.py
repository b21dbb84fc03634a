"""Reason phrases for replies that rules make: the known one, else that of the class."""

from __future__ import annotations

from haproxy_py.engine.reasons import reason as known

_CLASSES = {1: b"Informational", 2: b"Success", 3: b"Redirection", 4: b"Client Error", 5: b"Server Error"}


def reason(status: int) -> bytes:
    """The phrase of a status."""
    return known(status) or _CLASSES.get(status // 100, b"Other")
