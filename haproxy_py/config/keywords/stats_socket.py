"""`stats socket`, `stats timeout`, `stats maxconn` of the global section: the runtime socket (manual 3.1).

The lines are kept as Bind items; haproxy_py.runtime serves them.
"""

from __future__ import annotations

from haproxy_py.config.address import parse_listen
from haproxy_py.config.errors import ConfigError, Faults
from haproxy_py.config.keywords.bind import options
from haproxy_py.config.line import Line
from haproxy_py.config.model import Bind, Config, Global, Setting
from haproxy_py.config.registry import global_keyword, whole_file_check
from haproxy_py.config.units import UnitError, leading_int, parse_time

STATS_SOCKETS: Setting[list[Bind]] = Setting("stats socket", list)
STATS_TIMEOUT: Setting[int] = Setting("stats timeout", 10000)  # ms
STATS_MAXCONN: Setting[int] = Setting("stats maxconn", 10)
MANUAL = "manual 3.1"
USAGE = "'stats socket' in global section expects an address or a path to a UNIX socket"


@global_keyword("stats socket", args=(1, None), source=MANUAL, missing=USAGE)
def stats_socket(line: Line, globals_: Global) -> None:
    """`stats socket ADDRESS [option]...`, options as on bind lines."""
    try:
        addresses = parse_listen(line.arg(0), line.config.env)
    except ConfigError as wrong:
        line.fail(f"'stats socket' : {wrong.text}")
    made = Bind(line.where, address=addresses[0])
    options(line, made, 3, f"'stats socket {line.arg(0)}' in section 'global'")
    globals_[STATS_SOCKETS].append(made)
    for address in addresses[1:]:
        globals_[STATS_SOCKETS].append(Bind(line.where, values=dict(made.values), said=dict(made.said), address=address))


@global_keyword("stats timeout", args=(0, 1), source=MANUAL)
def stats_timeout(line: Line, globals_: Global) -> None:
    """`stats timeout DELAY`: idle time of runtime connections."""
    try:
        value = parse_time(line.arg(0), "ms", line.warn)
    except UnitError as wrong:
        line.fail(f"'stats timeout' : unexpected character '{wrong.char}'" if wrong.kind == "char" else wrong.words("stats timeout"))
    if value <= 0:
        line.fail("'stats timeout' expects a positive value")
    line.set(globals_, STATS_TIMEOUT, value)


@global_keyword("stats maxconn", args=(0, 1), source=MANUAL)
def stats_maxconn(line: Line, globals_: Global) -> None:
    """`stats maxconn N`: runtime connections at once."""
    value = leading_int(line.arg(0))
    if value <= 0:
        line.fail("'stats maxconn' expects a positive value")
    line.set(globals_, STATS_MAXCONN, value)


@global_keyword("stats", args=(0, None), source=MANUAL)
def stats(line: Line, globals_: Global) -> None:
    """Any other word behind `stats` in the global section."""
    line.fail(f"'stats' only supports 'socket', 'maxconn' and 'timeout' (got '{line.arg(0)}')")


@whole_file_check
def check_sockets(config: Config, faults: Faults) -> None:
    """TLS and PROXY headers are not served there: better refused than left out."""
    for made in config.globals[STATS_SOCKETS]:
        for word in ("ssl", "accept-proxy"):
            if any(setting.name == word and value for setting, value in made.values.items()):
                faults.alert(f"'stats socket' : '{word}' is known to HAProxy, not supported yet.", made.where)
