"""Imports run one way: the table of docs/ARCHITECTURE.md against every import and cimport of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("haproxy_py", "frontends", "backends", "balancers")
SUFFIXES = (".py", ".pyi", ".pyx", ".pxd")
ROW = re.compile(r"^\| (?P<rooms>`[^|]+) \| [^|]+ \| (?P<imports>[^|]+) \|$", re.MULTILINE)
CYTHON = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<base>[\w.]+)[ \t]+c?import[ \t]*(?:\((?P<many>[^)]*)\)|(?P<few>[^\n#]*))"
    r"|c?import[ \t]+(?P<whole>[\w., \t]+))",
    re.MULTILINE,
)


def table() -> dict[str, set[str]]:
    """Room -> rooms that it may import; a room is a folder or module as the document names it."""
    allowed: dict[str, set[str]] = {}
    for row in ROW.finditer((ROOT / "docs/ARCHITECTURE.md").read_text()):
        names = re.findall(r"`([\w/.]+)`", row["rooms"])
        said = row["imports"].strip()
        above = set(allowed)
        listed = {} if said == "nobody" else {name for name in above if name.split("/")[-1] in re.split(r",\s*", said)}
        for name in names:
            allowed[name] = above | set(names) if said == "the above" else {*listed, name}
    return allowed


def split_names(text: str) -> list[str]:
    """The names of "a, b as c"."""
    return [part.split()[0] for part in text.replace("\\", " ").split(",") if part.split()]


def cython_imports(text: str) -> Iterator[str]:
    """Modules that a .pyx or .pxd imports or cimports; `from a import b` gives a.b, since b may be a module."""
    for found in CYTHON.finditer(text):
        if found["base"]:
            yield from (f"{found['base']}.{name}" for name in split_names(found["many"] or found["few"] or ""))
        else:
            yield from split_names(found["whole"])


def python_imports(text: str) -> Iterator[str]:
    """The same of a .py or .pyi."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: str, rooms: set[str]) -> str:
    """The room in which a file or dotted module lies: the longest that fits."""
    inside = path.removesuffix(".py") + "/"
    return max((room for room in rooms if inside.startswith(room.removesuffix(".py") + "/")), key=len, default=path)


def sources() -> list[Path]:
    return sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*") if p.suffix in SUFFIXES)


def foreign(path: Path, allowed: dict[str, set[str]]) -> Iterator[str]:
    """What a file imports although the table does not let it."""
    read = python_imports if path.suffix in (".py", ".pyi") else cython_imports
    name = path.relative_to(ROOT).as_posix()
    own = room_of(name, set(allowed))
    for module in read(path.read_text()):
        if module.split(".")[0] in PACKAGES:
            other = room_of(module.replace(".", "/"), set(allowed))
            if own not in allowed or other not in allowed[own]:
                yield f"{name} ({own}) imports {module} ({other})"


def test_table_is_read() -> None:
    found = table()
    assert found["haproxy_py/engine"] == {"haproxy_py/engine"}
    assert found["haproxy_py/rules"] == {"haproxy_py/rules", "haproxy_py/engine", "haproxy_py/config"}
    assert {"backends", "haproxy_py/stream"} < found["frontends"]
    assert "haproxy_py/process" not in found["frontends"]


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("from a.b cimport c, d as e  # f\n", ["a.b.c", "a.b.d"]),
        ("from a cimport (\n    b,\n    c,\n)\n", ["a.b", "a.c"]),
        ("    cimport a.b as c\nimport d, e.f\n", ["a.b", "d", "e.f"]),
        ("cdef from_a(b): pass\n", []),
    ],
)
def test_cython_imports_are_read(text: str, modules: list[str]) -> None:
    assert list(cython_imports(text)) == modules


def test_imports_run_one_way() -> None:
    allowed = table()
    assert [line for path in sources() for line in foreign(path, allowed)] == []


def test_every_room_is_in_the_table() -> None:
    rooms = set(table())
    files = [path.relative_to(ROOT).as_posix() for path in sources()]
    assert [name for name in files if room_of(name, rooms) not in rooms] == []
