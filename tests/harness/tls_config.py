"""Configurations with TLS words, loaded in memory, and what was said about them."""

from __future__ import annotations

import importlib
import pkgutil

from haproxy_py.config import keywords
from haproxy_py.config.errors import Level
from haproxy_py.config.model import Config
from haproxy_py.config.reader import load

for _name in ["haproxy_py.config.sections", "frontends.tls_options", "backends.tls_options"]:
    importlib.import_module(_name)
for _module in pkgutil.iter_modules(keywords.__path__):
    importlib.import_module(f"{keywords.__name__}.{_module.name}")


def configure(bind: str = "", server: str = "", general: str = "", mode: str = "http") -> tuple[Config, list[str]]:
    """One frontend (bind words in line 8), one backend (server words in line 12); `general`: words of line 2.

    Returns: the configuration, and warnings and alerts as "[L:place] text" with L the first letter of the level.
    """
    text = (
        f"global\n  {general}\ndefaults\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n"
        f"frontend f\n  bind 127.0.0.1:1 {bind}\n  mode {mode}\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:1 {server}\n  mode {mode}\n"
    )
    config, faults = load([], texts=[("t.cfg", text.encode())], strict=True)
    told = [f"[{f.level.name[0]}] {f}" for f in faults.found if f.level >= Level.WARNING]
    return config, told
