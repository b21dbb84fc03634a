"""Everything that registers itself: imports each module of the feature packages, so that the tables are complete.

Call load() once before a configuration is read; later calls cost nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

from haproxy_py.config.keywords.balance import use_algorithms

# Packages whose modules are all imported, in this order; one that is not installed is left out.
PACKAGES = (
    "haproxy_py.rules",
    "haproxy_py.rules.fetches",
    "haproxy_py.rules.converters",
    "haproxy_py.rules.actions",
    "haproxy_py.tls",
    "haproxy_py.observe",
    "balancers",
    "backends",
    "backends.checks",
    "frontends",
)
# Modules apart from these packages that register something.
MODULES = ("haproxy_py.config.sections", "haproxy_py.config.checks")

_loaded = False


def load() -> None:
    """Import every feature module once. An error inside one is not hidden; an absent package is skipped."""
    global _loaded
    if _loaded:
        return
    load_config_language()
    for name in PACKAGES:
        if _present(name):
            _import_all(name)
    if _present("balancers"):
        use_algorithms(importlib.import_module("balancers.registry").names)
    _loaded = True


def load_config_language() -> None:
    """Only what the configuration package itself registers: enough to read files, without any feature."""
    for name in MODULES:
        importlib.import_module(name)
    _import_all("haproxy_py.config.keywords")


def _present(name: str) -> bool:
    """Whether a package is there at all (its parents included)."""
    parent, _, _ = name.rpartition(".")
    if parent and not _present(parent):
        return False
    return importlib.util.find_spec(name) is not None


def _import_all(name: str) -> None:
    package = importlib.import_module(name)
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not found.name.startswith("__"):
            importlib.import_module(f"{name}.{found.name}")
