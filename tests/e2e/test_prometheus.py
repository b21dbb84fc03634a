"""Debian's Prometheus and promtool on the exporter: nothing to object to, scraped, asked for, quantiles of the histograms."""

from __future__ import annotations

import gzip
import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.e2e.conftest import unavailable
from tests.e2e.services import Kind, Service, program
from tests.harness.ports import Reservation
from tests.harness.products import ROOT, pyhaproxy

SECONDS = 60.0
CONFIG = """global
  nbthread 2
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend fe
  bind 127.0.0.1:{fe}
  description "the \\"door\\""
  option socket-stats
  http-request use-service prometheus-exporter if {{ path /metrics }}
  default_backend be
backend be
  server s1 127.0.0.1:{origin}
  server s2 127.0.0.1:{origin} disabled
listen origin
  bind 127.0.0.1:{origin}
  http-request return status 200
listen raw
  mode tcp
  bind 127.0.0.1:{raw}
  server s 127.0.0.1:{origin} check inter 1h
"""
SCRAPES = """global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
- {{job_name: whole, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
- {{job_name: much, params: {{desc: [""], extra-counters: [""]}}, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
- {{job_name: servers, params: {{scope: [server], no-maint: [""]}}, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""
QUERIES = ("", "?scope=global", "?scope=frontend&scope=server", "?scope=", "?scope=*&no-maint", "?desc", "?extra-counters&desc",
           "?metrics=haproxy_frontend_status", "?metrics=-haproxy_frontend_status")  # fmt: skip
pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a running proxy that exports itself."""
    with Reservation() as taken:
        ports = {name: taken.take() for name in ("fe", "origin", "raw")}
        with pyhaproxy().start(CONFIG.format(**ports), ports.values()):
            yield ports["fe"]


def got(url: str, **fields: str) -> tuple[dict[str, str], bytes]:
    """The head (names in lower case) and the body of a reply."""
    asked = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in fields.items()})
    with urllib.request.urlopen(asked, timeout=10) as reply:
        return {name.lower(): value for name, value in reply.headers.items()}, reply.read()


@pytest.mark.parametrize("query", QUERIES)
def test_promtool_is_silent(port: int, query: str) -> None:
    if not program("promtool"):
        unavailable("promtool is not installed")
    _, text = got(f"http://127.0.0.1:{port}/metrics{query}")
    assert bool(text) == (query != "?scope=")
    done = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_open_metrics_by_accept(port: int) -> None:
    head, text = got(f"http://127.0.0.1:{port}/metrics?extra-counters&desc", accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert head["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    assert families["haproxy_frontend_http_requests"].type == "counter"
    assert families["haproxy_backend_request_duration_seconds"].type == "histogram"
    assert {s.labels["desc"] for s in families["haproxy_frontend_status"].samples if s.labels["proxy"] == "fe"} == {'the "door"'}


def test_gzip(port: int) -> None:
    head, text = got(f"http://127.0.0.1:{port}/metrics?scope=server", accept_encoding="deflate, gzip;q=0.9")
    assert (head["content-encoding"], head["vary"], head["content-type"]) == ("gzip", "accept-encoding", "text/plain; version=0.0.4")
    plain, known = got(f"http://127.0.0.1:{port}/metrics?scope=server", accept_encoding="gzip;q=0")
    assert "content-encoding" not in plain
    names = [[line.partition(b" ")[0] for line in found.splitlines()] for found in (gzip.decompress(text), known)]
    assert names[0] == names[1] and len(text) < len(known) / 4


def test_head(port: int) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/metrics", method="HEAD"), timeout=10) as reply:
        assert (reply.status, reply.headers["content-type"], reply.read()) == (200, "text/plain; version=0.0.4", b"")


class Prometheus:
    """A server that scrapes a proxy. port: its own."""

    def __init__(self, service: Service, port: int) -> None:
        self.service, self.port = service, port

    def asks(self, path: str, **words: str) -> Any:
        """What its API answers, None while it does not."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            return json.loads(got(url)[1])["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    def until(self, there: Callable[[], Any], what: str) -> Any:
        """The first answer that is true. Raises: AssertionError with the server's log."""
        end = time.monotonic() + SECONDS
        while not (found := there()):
            assert time.monotonic() < end, f"no {what}: {self.service.said()[-2000:]}"
            time.sleep(0.1)
        return found

    def value(self, query: str) -> dict[tuple[str, ...], float]:
        """Label values (without name, instance and job) -> value; numbers that are none are left out."""
        answer = self.asks("query", query=query)
        rows = answer["result"] if answer else ()
        dull = ("__name__", "instance", "job")
        found = {tuple(v for k, v in sorted(row["metric"].items()) if k not in dull): float(row["value"][1]) for row in rows}
        return {labels: value for labels, value in found.items() if value == value}


@pytest.fixture(scope="module")
def server(port: int) -> Iterator[Prometheus]:
    if not program("prometheus"):
        unavailable("prometheus is not installed")

    def prepare(folder: Path, own: int) -> list[str]:
        (folder / "conf.yml").write_text(SCRAPES.format(port=port))
        return [program("prometheus"), f"--config.file={folder}/conf.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{own}"]  # fmt: skip

    with Reservation() as taken:
        own = taken.take()
        taken.release()
        with Service(Kind("prometheus", "", prepare), own) as service:
            yield Prometheus(service, own)


def test_the_targets_are_up(server: Prometheus) -> None:
    def up() -> list[dict[str, Any]]:
        found = (server.asks("targets") or {}).get("activeTargets", [])
        return found if len(found) == 3 and all(one["health"] == "up" for one in found) else []

    assert {one["lastError"] for one in server.until(up, "target that is up")} == {""}


def test_names_types_and_values(server: Prometheus, port: int) -> None:
    for _ in range(20):
        got(f"http://127.0.0.1:{port}/")
    total = 'haproxy_server_http_responses_total{job="whole",code="2xx",proxy="be"}'
    server.until(lambda: server.value(total).get(("2xx", "be", "s1"), 0) >= 20, "20 replies of the server")
    assert server.value('haproxy_server_status{job="whole",state="MAINT"} == 1') == {("be", "s2", "MAINT"): 1}
    streams = 'haproxy_frontend_h1_total_streams{job="much",proxy="fe"}'
    server.until(lambda: server.value(streams).get(('the "door"', "fe"), 0) >= 20, "20 streams with a description")
    weights = server.until(lambda: server.value('haproxy_server_weight{job="servers"}'), "weights")
    assert ("be", "s1") in weights and ("be", "s2") not in weights
    types = {"frontend_sessions": "counter", "backend_status": "gauge", "server_request_duration_seconds": "histogram"}
    told = server.until(lambda: server.asks("metadata"), "metadata")
    assert {name: told[f"haproxy_{name}"][0]["type"] for name in types} == types


@pytest.mark.parametrize("scope", ["frontend", "backend", "server"])
def test_quantiles_of_the_histograms(server: Prometheus, port: int, scope: str) -> None:
    name = f'haproxy_{scope}_request_duration_seconds_bucket{{job="whole",proxy=~"fe|be"}}'

    def quantile() -> dict[tuple[str, ...], float]:
        got(f"http://127.0.0.1:{port}/")  # so that the rate is above nothing
        return server.value(f"histogram_quantile(0.9, sum by (le) (rate({name}[1m])))")

    assert 0 < server.until(quantile, "quantile")[()] < SECONDS


def test_the_dashboard_speaks_the_query_language(tmp_path: Path) -> None:
    """Each expression as a recording rule; tests/unit/services/test_dashboard.py has the names."""
    if not program("promtool"):
        unavailable("promtool is not installed")
    board = json.loads((ROOT / "etc/grafana-dashboard.json").read_text())
    asked = [target["expr"].replace("$__rate_interval", "1m") for panel in board["panels"] for target in panel["targets"]]
    rules = [{"record": f"dashboard:{number}", "expr": text} for number, text in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    done = subprocess.run([program("promtool"), "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0 and len(rules) > 15, done.stderr.decode()
