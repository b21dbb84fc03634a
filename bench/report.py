"""Medians and the Markdown table."""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Sample:
    """One product on one line in one round. value: CPU microseconds per request, or the line's own unit (extras)."""

    line: str
    product: str
    round: int
    value: float
    rate: float
    bad: int


def medians(samples: Sequence[Sample], line: str, product: str) -> tuple[float, float] | None:
    """Returns: the medians of value and rate, None when there is nothing."""
    mine = [sample for sample in samples if sample.line == line and sample.product == product]
    if not mine:
        return None
    return statistics.median(s.value for s in mine), statistics.median(s.rate for s in mine)


def ratio(samples: Sequence[Sample], line: str) -> float | None:
    """Returns: the median over the rounds of pyhaproxy / min(the others), None when one is missing."""
    found = []
    for number in {sample.round for sample in samples if sample.line == line}:
        here = {s.product: s.value for s in samples if s.line == line and s.round == number}
        others = [value for product, value in here.items() if product != "pyhaproxy"]
        if "pyhaproxy" in here and others:
            found.append(here["pyhaproxy"] / min(others))
    return statistics.median(found) if found else None


def table(samples: Sequence[Sample], titles: dict[str, str], goals: dict[str, float], products: Sequence[str]) -> str:
    """Returns: the Markdown table: value (requests/s) per product, the ratio and its goal."""
    rows = ["| work | " + " | ".join(products) + " | ratio | goal |", "|" + "---|" * (len(products) + 3)]
    for line in dict.fromkeys(sample.line for sample in samples):
        cells = [_cell(medians(samples, line, product)) for product in products]
        share = ratio(samples, line) if line in goals else None
        goal = f"{goals[line]:g}" if line in goals else ""
        rows.append(f"| {titles[line]} | " + " | ".join(cells) + f" | {'' if share is None else f'{share:.2f}'} | {goal} |")
    bad = sum(sample.bad for sample in samples)
    return "\n".join(rows) + (f"\n\n{bad} failed requests: see the results file." if bad else "")


def _cell(found: tuple[float, float] | None) -> str:
    if found is None:
        return ""
    value, rate = found
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 or rate else f"{value:.2f}"
    return text + (f" ({rate:,.0f}/s)" if rate else "")


def save(samples: Sequence[Sample], about: dict[str, str]) -> Path:
    """Write everything to bench/results/TIME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps({"about": about, "samples": [asdict(sample) for sample in samples]}, indent=1))
    return path
