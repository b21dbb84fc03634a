"""`anonkey`: the key by which `set anon on` hides names when it is given none (manual 3.1)."""

from __future__ import annotations

from haproxy_py.config.errors import GLUED
from haproxy_py.config.line import Line
from haproxy_py.config.model import Global, Setting
from haproxy_py.config.registry import global_keyword
from haproxy_py.config.units import leading_number

ANONKEY: Setting[int] = Setting("anonkey", 0)  # 0: none
MOST = 4294967295


@global_keyword("anonkey", args=(0, None), source="manual 3.1")
def anonkey(line: Line, globals_: Global) -> None:
    """`anonkey KEY`: 0 to 2**32 - 1."""
    if not line.args:
        line.fail("a key is expected after 'anonkey'.", GLUED)
    key = leading_number(line.arg(0))
    if not 0 <= key <= MOST:
        line.fail(f"'anonkey' value must be within range 0-{MOST} (was '{line.arg(0)}').", GLUED)
    line.set(globals_, ANONKEY, key)
