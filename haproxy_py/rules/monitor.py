"""monitor fail (manual 4.2): when monitor-uri answers 503."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import proxy_keyword
from haproxy_py.rules.acl import condition
from haproxy_py.rules.actions.flow import Final, stop
from haproxy_py.rules.actionset import is_condition
from haproxy_py.rules.rule import Rule
from haproxy_py.rules.scope import Scope

MONITOR_FAIL: Setting[list[Rule]] = Setting("monitor fail", list, inherit=False)  # any that stops: 503


@proxy_keyword("monitor", sections=frozenset({"frontend", "listen"}), args=(0, None), source="manual 4.2")
def monitor(line: Line, proxy: Proxy) -> None:
    """monitor fail if|unless <condition>"""
    if line.arg(0) != "fail":
        line.fail("'monitor' only supports 'fail'.")
    if not is_condition(line.arg(1)):
        line.fail("'monitor fail' requires either 'if' or 'unless' followed by a condition.")
    made_if = condition(line.args[1:], Scope.of(line, proxy), "a 'monitor fail' condition")
    made: Final = stop()
    made.keyword = "monitor fail"
    proxy[MONITOR_FAIL].append(Rule(made, made_if, line.where))
