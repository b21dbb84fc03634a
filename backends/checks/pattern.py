"""The regexes of checks (rstring, rstatus, rbinary, hdr ... -m reg): PCRE2 as in rules, within bounds.

A pattern that backtracks without end must not hold up the worker that checks, which has traffic too: it is given up after STEPS,
which takes some milliseconds at most, and has found nothing then. Who asks again with every byte that comes should not, after that.
"""

from __future__ import annotations

from haproxy_py.rules.regex import Regex

STEPS = 1_000_000  # of PCRE2's match limit, whose default is ten times that


class GaveUp(Exception):
    """The pattern had not come to an end within its bounds."""


class Pattern:
    """text: the regex. Raises ValueError with HAProxy's complaint."""

    def __init__(self, text: str) -> None:
        self.regex = Regex(text)

    def found(self, subject: bytes) -> bool:
        """Whether it is in there. Raises: GaveUp."""
        verdict = self.regex.within(subject, STEPS)
        if verdict < 0:
            raise GaveUp(self.regex.pattern)
        return verdict > 0

    def found_at_all(self, subject: bytes) -> bool:
        """found(), where giving up is not finding."""
        return self.regex.within(subject, STEPS) > 0
