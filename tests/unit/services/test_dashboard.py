"""The Grafana dashboard asks for metrics that the exporter has."""

from __future__ import annotations

import json
import re
from pathlib import Path

from haproxy_py.api import Proxy
from haproxy_py.process.instance import Instance
from haproxy_py.services.prometheus.exposition import Exposition
from haproxy_py.services.prometheus.wish import Wish

FILE = Path(__file__).resolve().parents[3] / "etc/grafana-dashboard.json"
TEXT = "listen l\n mode http\n bind 127.0.0.1:1\n server s 127.0.0.1:2 check\n"


def test_every_metric_exists() -> None:
    board = json.loads(FILE.read_text())
    asked = {name for panel in board["panels"] for t in panel["targets"] for name in re.findall(r"haproxy_\w+", t["expr"])}
    text = b"".join(Exposition(Instance.build(Proxy.from_text(TEXT).config).statistics, Wish(b"")).pieces()).decode()
    known = set(re.findall(r"^(haproxy_\w+)", text, re.MULTILINE))
    assert asked - known == set() and len(asked) > 15
