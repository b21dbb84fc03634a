"""setenv, presetenv, resetenv, unsetenv: what later lines, and the process's children, see as environment (manual 3.1)."""

from __future__ import annotations

from haproxy_py.config.errors import GLUED
from haproxy_py.config.line import Line
from haproxy_py.config.model import Global
from haproxy_py.config.registry import global_keyword

MANUAL = "manual 3.1"


def _assignment(line: Line, name: str) -> tuple[str, str]:
    if len(line.args) < 2:
        line.fail(f"'{name}' expects a name and a value.", GLUED)
    if len(line.args) > 2:
        line.fail(f"'{name}' cannot handle unexpected argument '{line.arg(2)}'.")
    return line.arg(0), line.arg(1)


@global_keyword("setenv", args=(0, None), source=MANUAL)
def setenv(line: Line, globals_: Global) -> None:
    """`setenv NAME VALUE`."""
    name, value = _assignment(line, "setenv")
    line.config.env[name] = value


@global_keyword("presetenv", args=(0, None), source=MANUAL)
def presetenv(line: Line, globals_: Global) -> None:
    """`presetenv NAME VALUE`: unless it is set already."""
    name, value = _assignment(line, "presetenv")
    line.config.env.setdefault(name, value)


@global_keyword("unsetenv", args=(0, None), source=MANUAL)
def unsetenv(line: Line, globals_: Global) -> None:
    """`unsetenv NAME...`."""
    if not line.args:
        line.fail("'unsetenv' expects at least one variable name.", GLUED)
    for name in line.args:
        line.config.env.pop(name, None)


@global_keyword("resetenv", args=(0, None), source=MANUAL)
def resetenv(line: Line, globals_: Global) -> None:
    """`resetenv [NAME...]`: keep only these (HAProxy's own variables among them only when named)."""
    keep = set(line.args)
    for name in [name for name in line.config.env if name not in keep]:
        del line.config.env[name]
