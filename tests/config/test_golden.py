"""Golden files: cases/NAME.cfg is read, the model and the faults are compared with cases/NAME.expected.

`python -m tests.config.test_golden` writes the expected files anew; look at the difference before it is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from haproxy_py.config.errors import format_fault
from haproxy_py.config.model import Address, Config, Item, Proxy
from haproxy_py.config.reader import load
from haproxy_py.features import load_config_language

CASES = sorted((Path(__file__).parent / "cases").glob("*.cfg"))


def shown(value: Any) -> str:
    if isinstance(value, Address):
        return value.text
    return repr(value)


def settings(item: Item, indent: str) -> Iterator[str]:
    for setting, value in sorted(item.values.items(), key=lambda pair: pair[0].name):
        if value not in ([], {}):
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
    load_config_language()
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
