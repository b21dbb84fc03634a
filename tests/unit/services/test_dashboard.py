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


def expressions() -> list[str]:
    return [target["expr"] for panel in json.loads(FILE.read_text())["panels"] for target in panel["targets"]]


def exported() -> str:
    return b"".join(Exposition(Instance.build(Proxy.from_text(TEXT).config).statistics, Wish(b"")).pieces()).decode()


def test_every_label_exists() -> None:
    labels: dict[str, set[str]] = {}
    for name, told in re.findall(r"^(haproxy_\w+)\{(.*)\} ", exported(), re.MULTILINE):
        labels.setdefault(name, {"instance", "job"}).update(re.findall(r'(\w+)="', told))
    for text in expressions():
        for name, told in re.findall(r"(haproxy_\w+)\{([^}]*)\}", text):
            asked = set(re.findall(r"(\w+)=", told)) | {word for by in re.findall(r"by \(([^)]*)\)", text) for word in by.split(", ")}
            assert asked - labels.get(name, {"instance", "job"}) == set(), text


def test_every_metric_exists() -> None:
    asked = {name for text in expressions() for name in re.findall(r"haproxy_\w+", text)}
    known = set(re.findall(r"^(haproxy_\w+)", exported(), re.MULTILINE))
    assert asked - known == set() and len(asked) > 15
