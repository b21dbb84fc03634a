"""Opening the master's runtime sockets (-S ADDRESS[,option]...) and keeping them over reloads (management manual 3)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence

from frontends.bind import BindFailure, Wanted, complaint, key_of, open_one, still_there
from haproxy_py.config.address import parse_listen
from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.keywords import bind as words
from haproxy_py.config.line import Line
from haproxy_py.config.model import Bind, Config, Global, Proxy
from haproxy_py.process import mastercommands
from haproxy_py.process.mastersocket import MasterSocket
from haproxy_py.process.output import Console
from haproxy_py.process.reexec import MasterState
from haproxy_py.process.supervisor import Supervisor, told_reload
from haproxy_py.process.types import StartError
from haproxy_py.runtime.registry import Level
from haproxy_py.runtime.sockets import Door, shown

HERE = Where("master-socket", 0)
REFUSED = "config : Can't create the master's CLI."
assert mastercommands  # it registers them


def doors(texts: Sequence[str], env: Mapping[str, str], state: MasterState) -> list[tuple[int, Door]]:
    """Descriptor and door of each -S, opened or taken from before the reload. Raises: StartError, BindFailure."""
    found = []
    for text in texts:
        for one in _wanted(text, env):
            try:
                _open(one, state)
            except OSError as wrong:
                raise BindFailure(complaint(one, wrong)) from None
            level = Level[one.bind[words.LEVEL].upper()] if words.LEVEL in one.bind else Level.ADMIN
            door = Door(one.key, shown(one), level, one.bind[words.SEVERITY_OUTPUT], False, one.bind)
            found.append((state.sockets[one.key], door))
    return found


def _open(one: Wanted, state: MasterState) -> None:
    """Have the descriptor in state.sockets. Raises: OSError."""
    kept = state.sockets.get(one.key, -1)
    if kept < 0 or not still_there(one):
        state.sockets[one.key] = open_one(one)
        if kept >= 0:
            os.close(kept)
    os.set_inheritable(state.sockets[one.key], False)


def _wanted(text: str, env: Mapping[str, str]) -> list[Wanted]:
    """The sockets of one -S. Raises: StartError."""
    address, *options = text.split(",")
    line = Line(["-S", "", address, *options], HERE, Faults(), Config(Global(HERE)))
    try:
        places = parse_listen(address, env)
    except ConfigError as wrong:
        raise StartError("config : Cannot create the listener of the master CLI", f"config : {wrong.text}", REFUSED) from None
    found = []
    for each in places:
        item = Bind(HERE, address=each)
        try:
            words.options(line, item, 3, f"'{address}'")
        except ConfigError as wrong:
            raise StartError(f"config : {wrong.text}", REFUSED) from None
        found.append(Wanted(f"master {key_of(each, each.port)}", Proxy(HERE, kind="listen", name="MASTER"), item, each, each.port))
    return found


def serve(supervisor: Supervisor, state: MasterState, found: list[tuple[int, Door]]) -> MasterSocket | None:
    """The socket at work, None without -S."""
    return MasterSocket(supervisor, found, state.born) if found else None


def answer(state: MasterState, success: bool, console: Console) -> None:
    """Tell those who asked for the reload, before the exec, how it went."""
    for fd in state.waiting:
        with contextlib.suppress(OSError):
            os.write(fd, told_reload(success, console.kept))
        with contextlib.suppress(OSError):
            os.close(fd)
    state.waiting.clear()
