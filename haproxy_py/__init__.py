"""pyhaproxy: a layer-7 and layer-4 load balancer that reads HAProxy's configuration and behaves as HAProxy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haproxy_py.version import VERSION

if TYPE_CHECKING:
    from balancers.registry import balancer
    from haproxy_py.api import ConfigurationError, Proxy

__version__ = VERSION
__all__ = ["ConfigurationError", "Proxy", "__version__", "balancer"]


def __getattr__(name: str) -> object:
    """The embedding API is imported when it is first asked for: the command line starts without it."""
    if name == "balancer":
        from balancers.registry import balancer

        return balancer
    if name in ("Proxy", "ConfigurationError"):
        from haproxy_py import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
