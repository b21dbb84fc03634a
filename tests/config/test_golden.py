"""Golden files: cases/NAME.cfg is read, the model and the faults are compared with cases/NAME.expected.

`python -m tests.config.test_golden` writes the expected files anew; look at the difference before it is committed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from haproxy_py.config import keywords
from haproxy_py.config.errors import format_fault
from haproxy_py.config.keywords import options
from haproxy_py.config.model import Address, Config, Item, Proxy, Setting
from haproxy_py.config.reader import load
from haproxy_py.features import load as load_features

CASES = sorted((Path(__file__).parent / "cases").glob("*.cfg"))


@cache
def own_settings() -> frozenset[Setting[Any]]:
    """The settings that the configuration package declares; those of features have tests of their own."""
    modules = [importlib.import_module(f"{keywords.__name__}.{found.name}") for found in pkgutil.iter_modules(keywords.__path__)]
    return frozenset(value for module in modules for value in vars(module).values() if isinstance(value, Setting)) | {
        *options.SWITCHES.values()
    }


def shown(value: Any) -> str:
    if isinstance(value, Address):
        return value.text
    return repr(value)


def settings(item: Item, indent: str) -> Iterator[str]:
    for setting, value in sorted(item.values.items(), key=lambda pair: pair[0].name):
        if setting in own_settings() and value not in ([], {}):
            yield f"{indent}{setting.name} = {shown(value)}"


def dump(config: Config) -> Iterator[str]:
    yield "global"
    yield from settings(config.globals, "  ")
    for proxy in (*config.defaults, *config.proxies):
        yield from dump_proxy(proxy)


def dump_proxy(proxy: Proxy) -> Iterator[str]:
    yield f"{proxy.kind} {proxy.name} ({proxy.where})"
    yield from settings(proxy, "  ")
    for bind in proxy.binds:
        a = bind.address
        yield f"  bind {a.family} {a.host!r} {a.port}-{a.port_high}"
        yield from settings(bind, "    ")
    for server in proxy.servers:
        a = server.address
        yield f"  server {server.number} {server.name} {a.family} {a.host!r} {a.name!r} {a.port} {a.relative}"
        yield from settings(server, "    ")


def outcome(path: Path) -> str:
    load_features()
    config, faults = load([], texts=[(path.name, path.read_bytes())], env={}, strict=True)
    rows = [*dump(config), "-" * 20, *(format_fault(fault, 1) for fault in faults.found)]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    """A configuration gives another model or other faults than before."""
    assert outcome(path) == path.with_suffix(".expected").read_text()


if __name__ == "__main__":
    for one in CASES:
        one.with_suffix(".expected").write_text(outcome(one))
