"""Stubs beside compiled modules: one for each that Python imports, and nothing in them that the module does not have."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from haproxy_py import features

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("haproxy_py", "frontends", "backends", "balancers")
STUBS = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.pyi"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def names_of(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """(name, statement) of what a stub's module or class declares, imports apart."""
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if ast.unparse(statement.annotation) != "TypeAlias":
                yield statement.target.id, statement
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name, statement


def undeclared(owner: object, body: list[ast.stmt], told: str) -> Iterator[str]:
    """Names of the stub that the compiled module or class lacks.

    A private base class exists in the stub only; fields of a Python class appear with its instances.
    """
    free = isinstance(owner, type) and owner.__dictoffset__ != 0
    for name, statement in names_of(body):
        private = isinstance(statement, ast.ClassDef) and name.startswith("_")
        if private or (free and isinstance(statement, ast.AnnAssign)):
            continue
        if not hasattr(owner, name):
            yield f"{told}.{name}"
        elif isinstance(statement, ast.ClassDef):
            yield from undeclared(getattr(owner, name), statement.body, f"{told}.{name}")


@pytest.mark.parametrize("stub", STUBS, ids=dotted)
def test_stub_declares_what_is_there(stub: Path) -> None:
    features.load()
    module = importlib.import_module(dotted(stub))
    assert list(undeclared(module, ast.parse(stub.read_text()).body, module.__name__)) == []


def imported() -> Iterator[tuple[Path, str]]:
    """(file, module) of every absolute import in the packages' Python files."""
    for path in (p for name in PACKAGES for p in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield path, node.module
                yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)


def test_every_compiled_module_that_python_imports_has_a_stub() -> None:
    places = {ROOT.joinpath(*module.split(".")) for _, module in imported()}
    compiled = [place for place in places if place.with_suffix(".pyx").exists()]
    assert compiled
    assert [str(p.relative_to(ROOT)) for p in compiled if not p.with_suffix(".pyi").exists()] == []


def test_no_stub_outlives_its_module() -> None:
    assert [dotted(p) for p in STUBS if not p.with_suffix(".pyx").exists()] == []
