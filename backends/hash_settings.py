"""What a backend says about hashing, given to its balancer."""

from __future__ import annotations

from typing import Any

from backends.hash_key import ExprKey
from balancers.hashed import Hashed
from balancers.registry import find
from haproxy_py.config.keywords.balance import BALANCE, HASH_BALANCE_FACTOR, HASH_TYPE
from haproxy_py.config.keywords.hashing import HASH_KEY, HASH_PRESERVE_AFFINITY
from haproxy_py.config.model import Proxy, Server
from haproxy_py.rules.hash_expr import HASH_EXPR


def dynamic(proxy: Proxy) -> bool:
    """Whether weights may change at run time: as the algorithm says, and with every consistent hash."""
    row = find(proxy[BALANCE][0] if proxy[BALANCE] else "roundrobin")
    return row is None or row.dynamic or (row.argument == "hash" and proxy[HASH_TYPE][0] == "consistent")


def server_added(balancer: Any, item: Server, slot: Any) -> None:
    """A server came at run time: `slot` is in the balancer by now, and in maintenance."""
    if isinstance(balancer, Hashed):
        balancer.hash_key(slot, item[HASH_KEY])


def apply(made: Any, proxy: Proxy) -> None:
    """Finish a balancers.hashed.Hashed that has been configure()d and not attached yet."""
    expr = proxy[HASH_EXPR]
    if expr is not None:
        made.computed_by(ExprKey(expr, filled=proxy[BALANCE][0] == "rdp-cookie"))
    method, function, modifier = proxy[HASH_TYPE]
    made.hash_type(
        method, function, modifier, factor=proxy[HASH_BALANCE_FACTOR], affinity=proxy[HASH_PRESERVE_AFFINITY]
    )
    made.hash_keys([server[HASH_KEY] for server in proxy.servers])
