"""Types of engine.counters for Python; the C side is in counters.pxd."""

TOTALS: tuple[str, ...]
