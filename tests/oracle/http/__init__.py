"""The differential cases of HTTP and TCP exchanges: every module cases_*.py of this folder has a table CASES."""

import importlib
import pkgutil

from tests.harness.case import Case
from tests.oracle.http.templates import TEMPLATES

CASES: list[Case] = [
    case
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name.startswith("cases_"))
    for case in importlib.import_module(f"{__name__}.{module}").CASES
]

if len({case.id for case in CASES}) != len(CASES):
    raise ValueError("two cases have one id: " + ", ".join(sorted({c.id for c in CASES if [d.id for d in CASES].count(c.id) > 1})))

__all__ = ["CASES", "TEMPLATES"]
