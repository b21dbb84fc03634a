"""`-c` beside the real haproxy: the same files are accepted, the same lines refused, in the same words.

cases/*.cfg is the folder of files; deviations.txt lists those that differ on purpose, each with its reason.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from haproxy_py.config.address import resolve
from haproxy_py.config.errors import Faults, Level
from haproxy_py.config.reader import load
from haproxy_py.features import load as load_features
from tests.harness.products import haproxy26

HERE = Path(__file__).parent
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/someone", "X": "xx", "Z": "one two  three", "H": "z"}
_LINE = re.compile(r"\[(ALERT|WARNING|NOTICE)\] +\([0-9]+\) : (?:config : )?(.*)")
_SUMMARY = re.compile(r"Error\(s\) found|Fatal errors|haproxy version|path to exec|Failed to initialize")


def deviations() -> dict[str, str]:
    """File to the kind of its deviation."""
    rows = (HERE / "deviations.txt").read_text().splitlines()
    return {row.split()[0]: row.split()[1].rstrip(":") for row in rows if row and not row.startswith("#")}


def oracle(path: Path) -> tuple[bool, list[str]]:
    """Whether haproxy accepts the file, and its alerts (whole text, continued lines included)."""
    product = haproxy26()
    assert not product.missing, product.missing
    command = [*product.command, "-c", "-f", path.name]
    done = subprocess.run(command, capture_output=True, cwd=path.parent, env=ENV, timeout=20, check=False)
    alerts: list[str] = []
    level = ""
    for row in done.stderr.decode("utf-8", "replace").split("\n"):
        found = _LINE.match(row)
        if found:
            level = found.group(1) if not _SUMMARY.search(found.group(2)) else ""
            if level == "ALERT":
                alerts.append(found.group(2).rstrip())
        elif level == "ALERT" and row.strip():
            alerts[-1] += "\n" + row.rstrip()
    return done.returncode in (0, 2), alerts


def ours(path: Path) -> tuple[bool, list[str]]:
    """The same for the loader."""
    load_features()
    _, faults = load([str(path)], env=ENV, resolver=resolve, strict=True)
    return not faults.fatal, [row.replace(str(path), path.name) for row in alerts_of(faults)]


def alerts_of(faults: Faults) -> list[str]:
    found = (str(fault) for fault in faults.found if fault.level is Level.ALERT)
    return ["\n".join(row.rstrip() for row in text.split("\n")) for text in found]


def places(alerts: list[str], name: str) -> set[str]:
    return set(re.findall(re.escape(name) + r":([0-9]+)[]()]", "\n".join(a.split("\n")[0] for a in alerts)))


CASES = sorted((HERE / "cases").glob("*.cfg"))


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 80
    assert set(deviations()) <= {case.stem for case in CASES}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_same_answer(path: Path) -> None:
    """The real haproxy and the loader disagree about a file, a line or a message."""
    kind = deviations().get(path.stem, "")
    accepted, alerts = oracle(path)
    we_accept, our_alerts = ours(path)
    if kind == "result":
        assert (we_accept, our_alerts) != (accepted, alerts), "no deviation any more: strike it from deviations.txt"
        return
    assert we_accept == accepted, our_alerts or alerts
    if kind == "places":
        return
    assert places(our_alerts, path.name) >= places(alerts, path.name)
    if kind != "words":
        assert set(our_alerts) >= set(alerts)
