"""Reads docs/deviations.md: where pyhaproxy's behaviour differs from the oracle's on purpose."""

import fnmatch
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deviations.md"


@dataclass(frozen=True)
class Deviation:
    """One row of the table: a case id or a pattern of ids, the parts that may differ, and the reason."""

    pattern: str
    parts: tuple[str, ...]
    what: str
    reason: str


def load(page: Path = PAGE) -> list[Deviation]:
    """Returns: the rows of the page's table `| case | parts | what | reason |`."""
    rows: list[Deviation] = []
    for line in page.read_text().split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            parts = tuple(word.strip() for word in cells[1].split(","))
            rows.append(Deviation(cells[0].strip("`"), parts, cells[2], cells[3]))
    return rows


def allowed(case_id: str, rows: list[Deviation]) -> tuple[str, ...]:
    """Returns: the parts of the result in which this case may differ."""
    return tuple(part for row in rows if fnmatch.fnmatch(case_id, row.pattern) for part in row.parts)
