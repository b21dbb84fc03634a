"""Log formats that nobody will ever see (manual 8.2): the frontend has no log address."""

from __future__ import annotations

from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.options import LOG_OPTION
from haproxy_py.config.keywords.proxy import DISABLED
from haproxy_py.config.model import Config, Proxy
from haproxy_py.config.registry import whole_file_check
from haproxy_py.observe.targets import targets_of
from haproxy_py.rules.logkeywords import LOG_FORMAT, LOG_FORMAT_SD


def _has_format(proxy: Proxy) -> bool:
    return bool(proxy[LOG_OPTION]) or proxy[LOG_FORMAT] is not None or proxy[LOG_FORMAT_SD] is not None


@whole_file_check
def check_unlogged(config: Config, faults: Faults) -> None:
    """Warn as HAProxy does; an error-log-format alone is nothing to it."""
    for proxy in config.proxies:
        if proxy.is_frontend and not proxy[DISABLED] and _has_format(proxy) and not targets_of(config, proxy):
            faults.warning(f"log format ignored for {proxy.title} since it has no log address.")
