"""Prints what a product does with cases: `python -m tests.harness.show [-p 2.6|2.8|py|both|vs] [-d] [PATTERN...]`.

`-p vs -d` lists where pyhaproxy differs from the oracle (recorded newer answers and docs/deviations.md included).
"""

import argparse
import fnmatch
import sys

from tests.harness import deviations, record
from tests.harness.case import Case, Result, Side
from tests.harness.products import Product, haproxy26, haproxy28, pyhaproxy
from tests.harness.runner import run_cases
from tests.harness.wire import On
from tests.oracle.http import CASES, TEMPLATES

_PRODUCTS = {"2.6": (haproxy26,), "2.8": (haproxy28,), "py": (pyhaproxy,), "both": (haproxy26, haproxy28), "vs": (haproxy26, pyhaproxy)}


def _side(label: str, side: Side) -> str:
    return f"  {label} [{side.fate}] {side.received!r}"


def render(result: Result | str) -> str:
    """Returns: the lines of one result."""
    if isinstance(result, str):
        return "  NOT RUN " + result
    rows = [_side("client", side) for side in result.clients]
    rows += [_side("server", side) for side in result.servers]
    rows += [_side("server2", side) for side in result.servers2]
    return "\n".join([*rows, *(f"  log    {line}" for line in result.logs)])


def brief(case: Case, result: Result | str) -> str:
    """Returns: one case in few lines for a page of facts: c> and s> what each side got (fate), log: from the proxies on."""
    if isinstance(result, str):
        return f"{case.id}: NOT RUN {result}"
    sides = [("c>", side) for side in result.clients] + [("s>", side) for side in (*result.servers, *result.servers2)]
    rows = [f"  {mark} {side.received!r} {side.fate}" for mark, side in sides]
    sent = " ".join(repr(step) if isinstance(step, bytes) else type(step).__name__ for step in case.client)
    return "\n".join([f"{case.id} ({case.template}): {sent}", *rows, *(f"  log: {line.split('STAMP] ')[-1]}" for line in result.logs)])


def _script(case: Case) -> str:
    words = [repr(step) if not isinstance(step, On) else f"client {step.index}:" for step in case.client]
    return " | ".join(words)


def _same(one: Result | str, other: Result | str, ignore: tuple[str, ...] = ()) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return False
    return not one.differences(other, ignore)


def _show(case: Case, outcomes: list[Result | str], names: list[str]) -> None:
    print(f"== {case.id} ({case.template})\n  sent   {_script(case)}\n  origin {list(case.server)!r}")
    if len(outcomes) == 2 and _same(outcomes[0], outcomes[1]):
        print("  (same on both)\n" + render(outcomes[0]))
        return
    for name, outcome in zip(names, outcomes, strict=True):
        print(f" {name}:\n{render(outcome)}")


def main() -> int:
    """Run the chosen cases and print them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", choices=sorted(_PRODUCTS), default="2.6")
    parser.add_argument("-d", action="store_true", help="only those that differ")
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("-b", action="store_true", help="brief: for a page of facts")
    words = parser.parse_args()
    cases = [case for case in CASES if any(fnmatch.fnmatch(case.id, pattern) for pattern in words.patterns)]
    products: list[Product] = [make() for make in _PRODUCTS[words.p]]
    for product in products:
        if product.missing:
            parser.error(product.missing)
    results = [run_cases(product, TEMPLATES, cases) for product in products]
    rows = deviations.load() if words.p == "vs" else []
    if words.p == "vs":
        results[0].update({case.id: newer for case in cases if (newer := record.load().get(case.id))})
    differing = 0
    for case in cases:
        outcomes = [result[case.id] for result in results]
        same = all(_same(outcomes[0], outcome, case.ignore + deviations.allowed(case.id, rows)) for outcome in outcomes)
        differing += not same
        if words.b:
            print(brief(case, outcomes[0]))
        elif not (words.d and same):
            _show(case, outcomes, [product.name for product in products])
    print(f"{len(cases)} cases, {differing} differ", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
