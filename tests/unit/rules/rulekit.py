"""Compile a snippet as a configuration would be, and try it on a transaction made from bytes."""

from __future__ import annotations

from dataclasses import dataclass

from haproxy_py import features
from haproxy_py.config import reader
from haproxy_py.config.errors import Faults, Level
from haproxy_py.config.model import Config, Proxy
from haproxy_py.rules.acl import parse_condition
from haproxy_py.rules.cond import Tree
from haproxy_py.rules.expr import parse_expr
from haproxy_py.rules.sample import Expr
from haproxy_py.rules.scope import Scope

HEAD = """defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout tarpit 1s
"""


@dataclass
class Loaded:
    """A file's result."""

    config: Config
    faults: Faults

    @property
    def frontend(self) -> Proxy:
        found = self.config.frontend("f")
        assert found is not None
        return found

    def alerts(self) -> list[str]:
        return [fault.text for fault in self.faults.found if fault.level is Level.ALERT]

    def warnings(self) -> list[str]:
        return [fault.text for fault in self.faults.found if fault.level is Level.WARNING]


def load(lines: str, *, mode: str = "http", backend: str = "") -> Loaded:
    """A frontend f with these lines and a backend b behind it."""
    features.load()
    body = "".join(f"    {line.strip()}\n" for line in lines.strip().split("\n"))
    text = HEAD.replace("mode http", f"mode {mode}")
    text += f"frontend f\n    bind 127.0.0.1:8080\n    default_backend b\n{body}"
    text += f"backend b\n    server s 127.0.0.1:8081\n    server s2 127.0.0.1:8082\n{backend}"
    return Loaded(*reader.load([], texts=[("t.cfg", text.encode())]))


def expression(*words: str) -> Expr:
    """One compiled expression."""
    features.load()
    return parse_expr(list(words), 0, Scope())[0]


def condition(text: str) -> Tree:
    """A compiled condition: `if ...`."""
    features.load()
    return parse_condition(text.split(), Scope())




def head(target: str = "/", *fields: str, method: str = "GET") -> bytes:
    """A request head."""
    return f"{method} {target} HTTP/1.1\r\n{''.join(f + chr(13) + chr(10) for f in fields)}\r\n".encode("latin-1")
