"""`python-load FILE|MODULE`: run a user's Python, which registers what it brings (docs/balancers.md). Ours, not HAProxy's.

A word with a slash or ending in .py is a file, run once in a process however often it is named; any other is a module on
Python's path. It is loaded where it is read, so lines below it may use what it registers; workers inherit it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys

from haproxy_py.config.line import Line
from haproxy_py.config.model import Global
from haproxy_py.config.registry import global_keyword


@global_keyword(
    "python-load", args=1, source="docs/balancers.md", missing="'python-load' expects a file or the name of a module as argument."
)
def python_load(line: Line, globals_: Global) -> None:
    """Load it; whatever it raises is a fault of this line."""
    what = line.arg(0)
    try:
        if "/" in what or what.endswith(".py"):
            load_file(what)
        else:
            importlib.import_module(what)
    except (Exception, SystemExit) as wrong:
        line.fail(f"'python-load' : cannot load '{what}': {type(wrong).__name__}: {wrong}")


def load_file(path: str) -> None:
    """Run a file as a module of a name of its own, unless it has been. Raises: OSError and whatever the file raises."""
    real = os.path.realpath(path)
    name = "python_load_" + hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, real)
    if spec is None or spec.loader is None:
        raise ImportError("Python cannot load a file of this name; it should end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
