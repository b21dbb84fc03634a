"""Random lines through both line readers: the same words, the same faults at the same places."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from haproxy_py.config.reader import load
from haproxy_py.features import load_config_language
from tests.harness.products import haproxy26

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "A": "1", "L": "x y  z"}
PIECES = ['"', "'", "\\", "$", "{", "}", "[*]", "-", "A", "L", "a", " ", "\t", "#", "\\x41", "\\x", "\\n", "$A", "${A}", "${L[*]}",
          "${L", ".LINE", "\r", "é", "b", "\\ ", '\\"', "\\'", "\\#", "\\$", ",", "(", ")"]  # fmt: skip
LINES = 45  # HAProxy stops at 50 faults


def told(text: str) -> dict[int, list[str]]:
    """Line number to what was said about it."""
    found: dict[int, list[str]] = {}
    rows: list[str] | None = None
    for row in text.split("\n"):
        head = re.match(r"\[ALERT\].*?\[w\.cfg:([0-9]+)\](.*)", row)
        if head:
            rows = found.setdefault(int(head.group(1)), [])
            rows.append(head.group(2).rstrip())
        elif row.startswith("["):
            rows = None
        elif rows is not None and row.strip():
            rows.append(row.rstrip())
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_lines(seed: int, tmp_path: Path) -> None:
    """A line is cut differently from haproxy. `daemon` shows its second word in its complaint."""
    load_config_language()
    pick = random.Random(seed)
    lines = ["daemon " + "".join(pick.choice(PIECES) for _ in range(pick.randrange(1, 9))) for _ in range(LINES)]
    body = ("global\n" + "\n".join(lines) + "\n").encode()
    (tmp_path / "w.cfg").write_bytes(body)
    product = haproxy26()
    assert not product.missing, product.missing
    command = [*product.command, "-c", "-f", "w.cfg"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=ENV, timeout=20, check=False)
    _, faults = load([], texts=[("w.cfg", body)], env=ENV, strict=True)
    theirs = told(done.stderr.decode("utf-8", "surrogateescape"))
    ours = told("\n".join(f"[{fault.level.name}] {fault}" for fault in faults.found))
    different = [(lines[n - 2], theirs.get(n), ours.get(n)) for n in sorted({*theirs, *ours}) if theirs.get(n) != ours.get(n)]
    assert not different
