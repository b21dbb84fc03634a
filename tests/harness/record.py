"""Writes tests/oracle/http/recorded.json: what a newer haproxy does where it differs from the packaged one.

`python -m tests.harness.record`, with both oracles of tests/harness/products.py. The newer answer decides; a machine without
the newer one compares with the recording.
"""

import json
import sys
from pathlib import Path

from tests.harness.case import Result, Side
from tests.harness.products import haproxy26, haproxy28
from tests.harness.runner import run_cases
from tests.oracle.http import CASES, TEMPLATES

RECORDED = Path(__file__).resolve().parents[1] / "oracle" / "http" / "recorded.json"
ROUNDS = 2


def _pack(result: Result) -> dict[str, list[list[str]] | list[str]]:
    def sides(part: tuple[Side, ...]) -> list[list[str]]:
        return [[side.received.decode("latin-1"), side.fate] for side in part]

    return {"clients": sides(result.clients), "servers": sides(result.servers), "servers2": sides(result.servers2), "logs": list(result.logs)}


def load() -> dict[str, Result]:
    """Returns: the recorded results by case id."""
    found: dict[str, Result] = {}
    for ident, parts in json.loads(RECORDED.read_text()).items():
        clients, servers, servers2 = (_sides(parts[name]) for name in ("clients", "servers", "servers2"))
        found[ident] = Result(clients, servers, servers2, tuple(parts["logs"]))
    return found


def _sides(rows: list[list[str]]) -> tuple[Side, ...]:
    return tuple(Side(text.encode("latin-1"), fate) for text, fate in rows)


def main() -> int:
    """Run both versions twice; what differs both times and is itself stable is recorded."""
    if haproxy28().missing:
        sys.exit(haproxy28().missing)
    rounds = [(run_cases(haproxy26(), TEMPLATES, CASES), run_cases(haproxy28(), TEMPLATES, CASES)) for _ in range(ROUNDS)]
    recorded: dict[str, object] = {}
    for case in CASES:
        old, new = [pair[0][case.id] for pair in rounds], [pair[1][case.id] for pair in rounds]
        if any(isinstance(result, str) for result in (*old, *new)):
            print(f"{case.id}: not run: {old} {new}")
        elif any(a.differences(old[0]) for a in old) or any(a.differences(new[0]) for a in new):    # type: ignore[union-attr, arg-type]
            print(f"{case.id}: not stable")
        elif new[0].differences(old[0]):    # type: ignore[union-attr, arg-type]
            recorded[case.id] = _pack(new[0])    # type: ignore[arg-type]
    RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
    print(f"{len(recorded)} recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
