"""What HAProxy 3.x added to hashing: hash-preserve-affinity of a backend, hash-key of a server (manual 4.2, 5.2)."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword, server_option

HASH_PRESERVE_AFFINITY: Setting[str] = Setting("hash-preserve-affinity", "always")  # always, maxconn, maxqueue
HASH_KEY: Setting[str] = Setting("hash-key", "id")  # id, addr, addr-port


@proxy_keyword("hash-preserve-affinity", sections=BACKEND, args=(0, None), source="manual 4.2")
def hash_preserve_affinity(line: Line, proxy: Proxy) -> None:
    """`hash-preserve-affinity always|maxconn|maxqueue`: which servers a request is hashed past."""
    value = line.arg(0)
    if value not in ("always", "maxconn", "maxqueue"):
        line.fail(f"'hash-preserve-affinity' only supports 'always', 'maxconn' and 'maxqueue' (got '{value}').")
    line.set(proxy, HASH_PRESERVE_AFFINITY, value)


@server_option("hash-key", args=1, source="manual 5.2")
def hash_key(line: Line, server: Server, at: int) -> int:
    """`hash-key id|addr|addr-port`: what a server's place in consistent hashing is computed from."""
    value = line.words[at + 1]
    if value not in ("id", "addr", "addr-port"):
        line.fail(f"'hash-key' has to be 'id', 'addr', or 'addr-port' (got '{value}').")
    server[HASH_KEY] = value
    return at + 2
