"""pyhaproxy beside the real haproxy: the same configuration, the same bytes, the same answers, fates and log lines.

All cases run at once on each product when the first test asks for them; a case that differs is run again alone on both, with
more patience, before it counts.
"""

import os
from functools import cache

import pytest

from tests.harness import deviations, record
from tests.harness.case import Case, Result
from tests.harness.products import Product, haproxy26, pyhaproxy
from tests.harness.runner import Outcomes, run_cases
from tests.oracle.http import CASES, TEMPLATES

PATIENT_SECONDS = 0.6
TRIES = 3  # a client that speaks while it is closed sees an end or a reset, whichever comes first
PATIENCE = 90  # so many runs again; when more differ it is no matter of time
BY_ID = {case.id: case for case in CASES}


@cache
def _oracle() -> Product:
    product = haproxy26()
    if product.missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the oracle must be installed in CI: {product.missing}")
        pytest.skip(product.missing)
    return product


@cache
def _recorded() -> dict[str, Result]:
    return record.load()


@cache
def _all(product: Product) -> Outcomes:
    cases = CASES if product.name == "pyhaproxy" else [case for case in CASES if case.id not in _recorded()]
    return run_cases(product, TEMPLATES, cases)


again: list[str] = []  # cases that were run again, as often as they were


@cache
def _rows() -> list[deviations.Deviation]:
    return deviations.load()


def _differences(case: Case, ours: Result | str, theirs: Result | str) -> list[str]:
    if isinstance(ours, str) or isinstance(theirs, str):
        return [f"did not run:\n   ours   {ours if isinstance(ours, str) else 'ran'}\n   oracle {theirs if isinstance(theirs, str) else 'ran'}"]
    return ours.differences(theirs, case.ignore + deviations.allowed(case.id, _rows()))


def _again(case: Case) -> list[str]:
    """Both once more, alone and patiently."""
    ours = run_cases(pyhaproxy(), TEMPLATES, [case], PATIENT_SECONDS)[case.id]
    theirs = _recorded().get(case.id) or run_cases(_oracle(), TEMPLATES, [case], PATIENT_SECONDS)[case.id]
    return _differences(case, ours, theirs)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ident", list(BY_ID))
def test_same_as_oracle(ident: str) -> None:
    case = BY_ID[ident]
    theirs = _recorded().get(ident) or _all(_oracle())[ident]
    left = _differences(case, _all(pyhaproxy())[ident], theirs)
    while left and again.count(ident) < TRIES and len(again) < PATIENCE:
        again.append(ident)
        left = _again(case)
    if left:
        pytest.fail(f"{ident} ({case.template}) differs:\n" + "\n".join(left), pytrace=False)


def test_deviations_name_cases() -> None:
    """A row of the page of deviations that names no case is a slip of the pen."""
    used = {row.pattern for row in _rows() for case in CASES if row in _rows() and deviations.allowed(case.id, [row])}
    assert used == {row.pattern for row in _rows()}
