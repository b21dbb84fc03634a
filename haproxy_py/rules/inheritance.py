"""Which defaults sections may be inherited by whom, once they hold rules or capture slots (manual 4, defaults; since 2.5)."""

from __future__ import annotations

from haproxy_py.config.errors import GLUED, Faults
from haproxy_py.config.model import Config, Proxy
from haproxy_py.config.registry import whole_file_check
from haproxy_py.rules.keywords import RULES_OF
from haproxy_py.rules.slots import REQUEST_SLOTS, RESPONSE_SLOTS


def _has_rules(proxy: Proxy) -> bool:
    return any(proxy[setting] for setting in RULES_OF.values())


def _refused(proxy: Proxy, parent: Proxy, used: set[str]) -> list[str]:
    """Why `proxy` must not inherit from `parent`. used: kinds of sections that did so before."""
    where = f"(defaults section at {parent.where})"
    told = []
    if _has_rules(parent):
        if proxy.kind == "listen":
            told.append("a listen section cannot inherit from a defaults section defining TCP/HTTP rules.")
        elif proxy.kind == "defaults":
            told.append(f"a defaults section cannot inherit from a defaults section defining TCP/HTTP rules {where}.")
        elif used - {proxy.kind}:
            told.append(
                f"frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules {where}."
            )
    if proxy.kind != "frontend" and (parent[REQUEST_SLOTS] or parent[RESPONSE_SLOTS]):
        told.append(f"backend or defaults sections cannot inherit from a defaults section defining capptures {where}.")
    return told


@whole_file_check
def check_inheritance(config: Config, faults: Faults) -> None:
    """A rule is written for one side: sections of both must not share it."""
    used: dict[int, set[str]] = {}
    for proxy in [*config.defaults, *config.proxies]:
        parent = proxy.parent
        if parent is None:
            continue
        kinds = used.setdefault(id(parent), set())
        for told in _refused(proxy, parent, kinds):
            faults.alert(told, proxy.where, GLUED)
        if proxy.kind in ("frontend", "backend"):
            kinds.add(proxy.kind)
