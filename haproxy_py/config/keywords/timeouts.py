"""`timeout ...` of proxies (manual 4.2). Every setting is in milliseconds; None was never said, 0 means "no limit"."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, BACKEND, FRONTEND, proxy_keyword

TIMEOUT_CHECK: Setting[int | None] = Setting("timeout check", None)
TIMEOUT_CLIENT: Setting[int | None] = Setting("timeout client", None)
TIMEOUT_CLIENT_FIN: Setting[int | None] = Setting("timeout client-fin", None)
TIMEOUT_CLIENT_HS: Setting[int | None] = Setting("timeout client-hs", None)
TIMEOUT_CONNECT: Setting[int | None] = Setting("timeout connect", None)
TIMEOUT_HTTP_KEEP_ALIVE: Setting[int | None] = Setting("timeout http-keep-alive", None)
TIMEOUT_HTTP_REQUEST: Setting[int | None] = Setting("timeout http-request", None)
TIMEOUT_QUEUE: Setting[int | None] = Setting("timeout queue", None)
TIMEOUT_SERVER: Setting[int | None] = Setting("timeout server", None)
TIMEOUT_SERVER_FIN: Setting[int | None] = Setting("timeout server-fin", None)
TIMEOUT_TARPIT: Setting[int | None] = Setting("timeout tarpit", None)
TIMEOUT_TUNNEL: Setting[int | None] = Setting("timeout tunnel", None)


def _register(setting: Setting[int | None], sections: frozenset[str]) -> None:
    name = setting.name

    def set_timeout(line: Line, proxy: Proxy) -> None:
        if len(line.words) > 3:
            line.fail(f"'{name}' : unexpected extra argument '{line.arg(1)}' after value '{line.arg(0)}'.")
        line.set(proxy, setting, line.time(0))

    missing = f"'{name}' expects an integer value (in milliseconds)"
    proxy_keyword(name, sections=sections, args=(1, None), source="manual 4.2", missing=missing)(set_timeout)


for _setting in (TIMEOUT_CLIENT, TIMEOUT_CLIENT_FIN, TIMEOUT_CLIENT_HS):
    _register(_setting, FRONTEND)
for _setting in (TIMEOUT_HTTP_KEEP_ALIVE, TIMEOUT_HTTP_REQUEST, TIMEOUT_TARPIT):
    _register(_setting, ANY_PROXY)
for _setting in (TIMEOUT_CHECK, TIMEOUT_CONNECT, TIMEOUT_QUEUE, TIMEOUT_SERVER, TIMEOUT_SERVER_FIN, TIMEOUT_TUNNEL):
    _register(_setting, BACKEND)
