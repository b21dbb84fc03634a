"""Warnings about rules written below rules that run later (manual 4: the stages keep their order)."""

from __future__ import annotations

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting

# Stages in the order they run.
STAGES = ("tcp-request connection", "tcp-request session", "tcp-request content", "http-request", "redirect", "use_backend")
SEEN: Setting[frozenset[int]] = Setting("stages of rules", frozenset(), inherit=False)


def note_order(line: Line, proxy: Proxy, stage: str) -> None:
    """Warn when the proxy already has a rule of a later stage: the nearest such stage is named."""
    if stage not in STAGES:
        return
    at = STAGES.index(stage)
    later = min((one for one in proxy[SEEN] if one > at), default=None)
    if later is not None:
        article = "an" if STAGES[later] == "http-request" else "a"
        word = "tcp-request" if stage.startswith("tcp-request") else stage
        line.warn(f"a '{word}' rule placed after {article} '{STAGES[later]}' rule will still be processed before.")
    proxy[SEEN] = proxy[SEEN] | {at}
