"""`balance hash EXPRESSION` and `balance rdp-cookie`: compiled when every file has been read, as HAProxy does (manual 4.2)."""

from __future__ import annotations

from dataclasses import replace

from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.balance import BALANCE
from haproxy_py.config.keywords.proxy import DISABLED, MODE
from haproxy_py.config.model import Config, Proxy, Setting
from haproxy_py.config.registry import whole_file_check
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.registry import BIT, NEEDS
from haproxy_py.rules.sample import Expr
from haproxy_py.rules.scope import REFERENCES, Scope

OF_HTTP = frozenset({"uri", "url_param", "hdr"})
HASH_EXPR: Setting[Expr | None] = Setting("compiled balance hash", None, inherit=False)


@whole_file_check
def need_http(config: Config, faults: Faults) -> None:
    """Keys of HTTP in a backend that is not: it takes turns."""
    for proxy in config.proxies:
        if proxy[DISABLED] or not proxy.is_backend or proxy[MODE] == "http" or proxy[BALANCE][0] not in OF_HTTP:
            continue
        told = f"Layer 7 hash not possible for {proxy.title} (needs 'mode http'). Falling back to round robin."
        faults.warning(told)
        proxy[BALANCE] = ("roundrobin",)


@whole_file_check
def compile_hash_expressions(config: Config, faults: Faults) -> None:
    """The key of every backend that computes one."""
    for proxy in config.proxies:
        if proxy[DISABLED] or not proxy.is_backend or not proxy[BALANCE]:
            continue
        word, *rest = proxy[BALANCE]
        if word == "hash":
            proxy[HASH_EXPR] = compiled(config, proxy, rest[0], faults)
        elif word == "rdp-cookie":
            proxy[HASH_EXPR] = compiled(config, proxy, f'req.rdp_cookie("{rest[0] if rest else "mstshash"}")', faults)


def compiled(config: Config, proxy: Proxy, text: str, faults: Faults) -> Expr | None:
    """The expression, or None after a complaint."""
    scope = Scope(config, proxy, proxy.said.get(BALANCE) or proxy.where, faults, "use-server")
    references = config.globals[REFERENCES]
    known = len(references)
    title = f"{proxy.title} [{proxy.where}]"
    try:
        expr, _, _ = parse_expr([text], 0, scope)
    except ExprError as wrong:
        faults.alert(f"{title}: failed to parse 'balance hash' expression '{text}' in : {wrong}.")
        return None
    for i in range(known, len(references)):
        user = references[i].user.replace("fetch method", "sample fetch keyword") + " in use-server or balance expression"
        references[i] = replace(references[i], user=user)
    for row in scope.used:
        if not row.where & BIT["use-server"]:
            faults.alert(
                f"{title}: error detected while parsing 'balance hash' expression '{text}' "
                f"which requires information from {NEEDS[row.needs][1]}, which is not available here."
            )
            return None
    return expr
