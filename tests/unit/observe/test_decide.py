"""Which streams are logged and how: recorded from HAProxy 2.6 with each of the three options."""

from __future__ import annotations

import pytest

from haproxy_py.observe.decide import should_log

# (cause, retries, redispatched, status, null): an error?
SEEN = [
    ("-", 0, False, 200, False, False),
    ("-", 0, False, 404, False, False),
    ("-", 0, False, 500, False, True),
    ("-", 0, False, 503, False, True),
    ("-", 0, False, -1, False, False),
    ("-", 0, False, -1, True, False),
    ("P", 0, False, 403, False, True),
    ("L", 0, False, 200, False, False),
    ("L", 0, False, 500, False, True),
    ("S", 1, False, 503, False, True),
    ("-", 1, True, 200, False, True),
    ("S", 0, False, 200, False, True),
    ("s", 0, False, 504, False, True),
    ("P", 0, False, 400, False, True),
    ("c", 0, False, 408, True, True),
    ("C", 0, False, 400, True, True),
    ("C", 0, False, 400, False, True),
    ("c", 0, False, -1, True, True),
]


@pytest.mark.parametrize("cause, retries, redispatched, status, null, wrong", SEEN)
def test_options(cause: str, retries: int, redispatched: bool, status: int, null: bool, wrong: bool) -> None:
    def told(**options: bool) -> int | None:
        return should_log(cause, retries=retries, redispatched=redispatched, status=status, null=null, **options)

    assert told() == 6
    assert told(dontlognull=True) == (None if null else 6)
    assert told(dontlog_normal=True) == (6 if wrong else None)
    assert told(separate_errors=True) == (3 if wrong else 6)
