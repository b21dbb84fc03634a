"""Where servers' states are kept over a restart: server-state-file, server-state-base, server-state-file-name (manual 3.1, 4.2)."""

from __future__ import annotations

from haproxy_py.config.errors import Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Global, Proxy, Setting
from haproxy_py.config.registry import BACKEND, global_keyword, proxy_keyword, whole_file_check

STATE_FILE: Setting[str] = Setting("server-state-file", "")
STATE_BASE: Setting[str] = Setting("server-state-base", "")
STATE_FILE_NAME: Setting[str] = Setting("server-state-file-name", "")  # "": the backend's name
LOAD_STATE: Setting[str] = Setting("load-server-state-from-file", "none")


def _path(setting: Setting[str], what: str) -> None:
    def set_path(line: Line, globals_: Global) -> None:
        if setting in globals_:
            line.fail(f"'{setting.name}' already specified. Continuing.")
        line.set(globals_, setting, line.arg(0))

    global_keyword(setting.name, source="manual 3.1", missing=f"'{setting.name}' expects one argument: {what}.")(set_path)


_path(STATE_FILE, "a file path")
_path(STATE_BASE, "a directory path")


@proxy_keyword("server-state-file-name", sections=BACKEND, args=(0, 1), source="manual 4.2")
def state_file_name(line: Line, proxy: Proxy) -> None:
    """`server-state-file-name [use-backend-name|FILE]`."""
    name = line.arg(0)
    line.set(proxy, STATE_FILE_NAME, "" if name == "use-backend-name" else name)


@proxy_keyword("load-server-state-from-file", sections=BACKEND, args=(0, 1), source="manual 4.2")
def load_server_state(line: Line, proxy: Proxy) -> None:
    """`load-server-state-from-file global|local|none`."""
    if line.arg(0) not in ("global", "local", "none"):
        line.fail(f"'load-server-state-from-file' expects 'global', 'local' or 'none'. Got '{line.arg(0)}'")
    line.set(proxy, LOAD_STATE, line.arg(0))


@whole_file_check
def global_file(config: Config, faults: Faults) -> None:
    """Warn of backends that load from a file that nobody named."""
    for proxy in config.proxies:
        if proxy.is_backend and proxy[LOAD_STATE] == "global" and not config.globals[STATE_FILE]:
            told = "configured to load server state file from global section 'server-state-file' directive"
            faults.warning(f"backend '{proxy.name}' {told}. Unfortunately, 'server-state-file' is not set!")
