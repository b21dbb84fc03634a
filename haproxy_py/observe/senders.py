"""LogSenders for a configuration, and messages about proxies and the process itself (manual 4.2, log; 3.1, log-tag).

One sender per proxy; they share one LogOutput per process. `notice` is for whoever has no sender at hand: health checks,
the supervisor, the runtime socket.
"""

from __future__ import annotations

import socket

from haproxy_py.config.model import Config, Proxy
from haproxy_py.observe.sender import LogSender
from haproxy_py.observe.targets import LEVELS, LOG_SEND_HOSTNAME, tag_of, targets_of

_by_proxy: dict[str, LogSender] = {}


def hostname_of(config: Config) -> str | None:
    """What log-send-hostname says; None: it was not said."""
    said = config.globals[LOG_SEND_HOSTNAME]
    return (said or socket.gethostname()) if said is not None else None


def make_sender(config: Config, proxy: Proxy | None) -> LogSender:
    """The sender of a proxy; None: of the process. Raises: ConfigError: a name that cannot be resolved."""
    return LogSender(targets_of(config, proxy), tag_of(config, proxy), hostname_of(config))


def make_senders(config: Config) -> dict[str, LogSender]:
    """Senders by proxy name, "" for the process; notice() uses them from now on. A frontend and a backend of one name
    share one entry (the later one's)."""
    made = {"": make_sender(config, None)}
    for proxy in config.proxies:
        made[proxy.name] = make_sender(config, proxy)
    _by_proxy.clear()
    _by_proxy.update(made)
    return made


def notice(proxy: str, level: int | str, text: str) -> None:
    """Log `text` where the proxy's log lines say ("": the process). level: 0 emerg .. 7 debug, or its name.

    A proxy without log lines, or one that is not known, logs nothing, as in HAProxy.
    """
    sender = _by_proxy.get(proxy)
    if sender is not None:
        sender.log(LEVELS.index(level) if isinstance(level, str) else level, text)


def proxy_stopped(proxy: str, frontend_conns: int, backend_conns: int) -> str:
    """HAProxy's words when a proxy ends; also logged at level warning."""
    text = f"Proxy {proxy} stopped (cumulated conns: FE: {frontend_conns}, BE: {backend_conns})."
    notice(proxy, "warning", text)
    return text

