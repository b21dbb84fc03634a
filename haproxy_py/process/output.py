"""Messages to the terminal in HAProxy's form: `[WARNING]  (pid) : text` on stderr, led in once by version and path."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from haproxy_py.config.errors import Fault, Level, format_fault
from haproxy_py.version import EMULATED, VERSION

MOST_KEPT = 1000  # messages
VERSION_TEXT = f"{EMULATED}-pyhaproxy-{VERSION}"


def _stderr(text: str) -> None:
    try:
        os.write(2, text.encode("utf-8", "surrogateescape"))
    except OSError:
        return  # nobody reads


class Console:
    """Where this process complains. quiet: print nothing (-q). preface: whether version lines lead the first complaint in."""

    def __init__(self, *, quiet: bool = False, preface: bool = True, write: Callable[[str], None] = _stderr) -> None:
        self.quiet = quiet
        self.preface = preface
        self.warned = False
        self.kept: list[str] = []  # what was said since the start or the last reload
        self.pid = 0  # shown instead of our own, if not 0
        self._write = write

    def _line(self, level: str, text: str) -> None:
        if not self.quiet:
            self._say(f"{'[' + level + ']':<10} ({self.pid or os.getpid()}) : {text}\n")

    def _say(self, text: str) -> None:
        if len(self.kept) < MOST_KEPT:
            self.kept.append(text)
        self._write(text)

    def _lead_in(self) -> None:
        if self.preface:
            self.preface = False
            self.notice(f"haproxy version is {VERSION_TEXT}")
            self.notice(f"path to executable is {sys.argv[0]}")

    def notice(self, text: str) -> None:
        """Something worth knowing."""
        self._line("NOTICE", text)

    def warning(self, text: str) -> None:
        """Something that may be a mistake."""
        self.warned = True
        self._lead_in()
        self._line("WARNING", text)

    def alert(self, text: str) -> None:
        """Something that prevents work."""
        self._lead_in()
        self._line("ALERT", text)

    def faults(self, found: Iterable[Fault]) -> None:
        """Faults of the configuration, in their order."""
        for fault in found:
            if fault.level >= Level.WARNING:
                self._lead_in()
                self.warned = self.warned or fault.level is Level.WARNING
            if not self.quiet:
                self._say(format_fault(fault, self.pid or os.getpid()) + "\n")


def stdout(text: str) -> None:
    """Text that was asked for, on stdout, at once."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        return
