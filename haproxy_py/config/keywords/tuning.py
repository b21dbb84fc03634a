"""tune.* settings that mean something here (manual 3.2). The others are accepted without effect: see effectless.py."""

from __future__ import annotations

from typing import TypeVar

from haproxy_py.config.errors import GLUED
from haproxy_py.config.keywords.effectless import accept
from haproxy_py.config.line import Line
from haproxy_py.config.model import Global, Setting
from haproxy_py.config.registry import global_keyword
from haproxy_py.config.units import UnitError, leading_int, parse_size, parse_time

BUFSIZE: Setting[int] = Setting("tune.bufsize", 16384)
MAXREWRITE: Setting[int] = Setting("tune.maxrewrite", 1024)
MAXHDR: Setting[int] = Setting("tune.http.maxhdr", 101)
LOGURILEN: Setting[int] = Setting("tune.http.logurilen", 1024)
COOKIELEN: Setting[int] = Setting("tune.http.cookielen", 63)
MAXACCEPT: Setting[int] = Setting("tune.maxaccept", 0)  # 0: chosen here
IDLE_POOL_SHARED: Setting[bool] = Setting("tune.idle-pool.shared", True)
POOL_LOW_FD_RATIO: Setting[int] = Setting("tune.pool-low-fd-ratio", 20)
POOL_HIGH_FD_RATIO: Setting[int] = Setting("tune.pool-high-fd-ratio", 25)
COMP_MAXLEVEL: Setting[int] = Setting("tune.comp.maxlevel", 1)
IDLETIMER: Setting[int] = Setting("tune.idletimer", 1000)  # ms
# Kernel buffer sizes of sockets in bytes; 0: the system's.
RCVBUF_CLIENT: Setting[int] = Setting("tune.rcvbuf.client", 0)
RCVBUF_SERVER: Setting[int] = Setting("tune.rcvbuf.server", 0)
SNDBUF_CLIENT: Setting[int] = Setting("tune.sndbuf.client", 0)
SNDBUF_SERVER: Setting[int] = Setting("tune.sndbuf.server", 0)
PIPESIZE: Setting[int] = Setting("tune.pipesize", 0)
MANUAL = "manual 3.2"
T = TypeVar("T")
SMALLEST_BUFFER = 1024  # room for the shortest of HAProxy's own replies and a rewrite
LARGEST_BUFFER = 256 * 1024 * 1024


# Checked, and then like those of effectless.py.
WITHOUT_EFFECT = frozenset({MAXACCEPT, IDLE_POOL_SHARED, POOL_LOW_FD_RATIO, POOL_HIGH_FD_RATIO, COMP_MAXLEVEL, IDLETIMER})


def _keep(line: Line, globals_: Global, setting: Setting[T], value: T) -> None:
    if setting in WITHOUT_EFFECT:
        accept(setting.name, globals_)
    line.set(globals_, setting, value)


def _number(setting: Setting[int], least: int, most: int) -> None:
    name = setting.name

    def set_number(line: Line, globals_: Global) -> None:
        value = leading_int(line.arg(0))
        if not least <= value <= most:
            line.fail(f"'{name}' expects a numeric value between {least} and {most}")
        _keep(line, globals_, setting, value)

    global_keyword(name, source=MANUAL, missing=f"'{name}' expects an integer argument.")(set_number)


_number(MAXHDR, 1, 32767)
_number(COMP_MAXLEVEL, 1, 9)
_number(LOGURILEN, 0, 65535)
_number(COOKIELEN, 0, 65535)
_number(MAXACCEPT, -1, 2**31 - 1)
_number(POOL_LOW_FD_RATIO, 0, 100)
_number(POOL_HIGH_FD_RATIO, 0, 100)


def _size(setting: Setting[int], least: int, most: int = 2**31 - 1) -> None:
    name = setting.name

    def set_size(line: Line, globals_: Global) -> None:
        try:
            value = parse_size(line.arg(0))
        except UnitError:
            value = -1
        if value <= 0 and least > 0:
            line.fail(f"'{name}' expects a positive integer argument.")
        if not least <= value <= most:
            line.fail(f"'{name}' expects a size between {least} and {most} bytes (got '{line.arg(0)}').")
        line.set(globals_, setting, value)

    global_keyword(name, source=MANUAL, missing=f"'{name}' expects an integer argument.")(set_size)


_size(BUFSIZE, SMALLEST_BUFFER, LARGEST_BUFFER)
_size(MAXREWRITE, 0)
for _setting in (RCVBUF_CLIENT, RCVBUF_SERVER, SNDBUF_CLIENT, SNDBUF_SERVER, PIPESIZE):
    _size(_setting, 0)


@global_keyword("tune.idle-pool.shared", args=1, source=MANUAL)
def idle_pool_shared(line: Line, globals_: Global) -> None:
    """`tune.idle-pool.shared on|off`."""
    if line.arg(0) not in ("on", "off"):
        line.fail(f"'tune.idle-pool.shared' expects 'on' or 'off' but got '{line.arg(0)}'.")
    _keep(line, globals_, IDLE_POOL_SHARED, line.arg(0) == "on")


@global_keyword("tune.idletimer", args=(0, 1), source=MANUAL)
def idletimer(line: Line, globals_: Global) -> None:
    """`tune.idletimer DELAY`: how long a stream counts as busy."""
    told = "'tune.idletimer' expects a timer value between 0 and 65535 ms."
    if not line.args:
        line.fail(told)
    try:
        value = parse_time(line.arg(0), "ms", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in argument to <tune.idletimer>.", GLUED)
        line.fail(told)
    if value > 65535:
        line.fail(told)
    _keep(line, globals_, IDLETIMER, value)
