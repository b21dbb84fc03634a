"""`log`, `log-tag` and `log-send-hostname` (manual 3.1, 4.2)."""

from __future__ import annotations

from haproxy_py.config.errors import ConfigError
from haproxy_py.config.line import Line
from haproxy_py.config.model import Global, Item, Proxy
from haproxy_py.config.registry import ANY_PROXY, global_keyword, proxy_keyword
from haproxy_py.observe.targets import GLOBAL_TARGETS, LOG_SEND_HOSTNAME, LOG_TAG, LOG_TARGETS, parse_target


def _flush(line: Line, item: Item) -> bool:
    """`no log`: forget what was said or inherited. True: it was that."""
    if not line.negated:
        return False
    if line.args:
        line.fail("log : 'no log' does not expect arguments")
    line.set(item, LOG_TARGETS, [])
    return True


def _add(line: Line, item: Item, wanted: str) -> None:
    try:
        made = parse_target(line.args, line.config.env, wanted)
        if made.ring is not None:
            made.ring.where = line.where
        item[LOG_TARGETS].append(made)
    except ConfigError as wrong:
        line.fail(wrong.text)


@global_keyword("log", args=(0, None), source="manual 3.1", negatable=True)
def global_log(line: Line, section: Global) -> None:
    if _flush(line, section):
        return
    if line.args == ["global"]:
        line.fail("log : 'global' is not supported for a global syslog server")
    _add(line, section, "")


@proxy_keyword("log", sections=ANY_PROXY, args=(0, None), source="manual 4.2", negatable=True)
def proxy_log(line: Line, proxy: Proxy) -> None:
    if _flush(line, proxy):
        return
    if line.args == ["global"]:
        proxy[LOG_TARGETS].append(GLOBAL_TARGETS)
        return
    _add(line, proxy, "or global")


def _set_tag(line: Line, item: Item) -> None:
    if not line.arg(0):
        line.fail("'log-tag' expects a tag for use in syslog.")
    line.set(item, LOG_TAG, line.arg(0))


TAG_WANTED = "'log-tag' expects a tag for use in syslog."
global_keyword("log-tag", source="manual 3.1", missing=TAG_WANTED)(_set_tag)
proxy_keyword("log-tag", sections=ANY_PROXY, args=(1, None), source="manual 4.2", missing=TAG_WANTED)(_set_tag)


@global_keyword("log-send-hostname", args=(0, None), source="manual 3.1")
def log_send_hostname(line: Line, section: Global) -> None:
    line.set(section, LOG_SEND_HOSTNAME, line.arg(0))
