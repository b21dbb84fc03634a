"""Everything that registers itself: imports each module of the feature packages, so that the tables are complete.

Call load() once before a configuration is read; later calls cost nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

from haproxy_py.config.keywords.balance import use_algorithms
from haproxy_py.config.registry import CHECKS

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
    "haproxy_py.services",
    "frontends",
    "haproxy_py.runtime",
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
    _order_checks()
    _loaded = True


def _order_checks() -> None:
    """Whole-file checks in the order of the packages above: an embedding program may have imported some modules before."""
    packages = [name for name in ("haproxy_py.config.keywords", *PACKAGES) if _present(name)]
    modules = [*MODULES, *(module for name in packages for module in _modules(name))]
    place = {module: i for i, module in enumerate(modules)}
    CHECKS.sort(key=lambda check: place.get(check.__module__, len(modules)))


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
    for module in _modules(name):
        importlib.import_module(module)


def _modules(package: str) -> list[str]:
    """The modules of a package, by name."""
    path = importlib.import_module(package).__path__
    return sorted(f"{package}.{found.name}" for found in pkgutil.iter_modules(path) if not found.name.startswith("__"))
