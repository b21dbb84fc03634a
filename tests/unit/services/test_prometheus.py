"""The exporter's text, without traffic: families, labels, filters, both formats, read back by prometheus-client."""

from __future__ import annotations

import gzip

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_modern
from prometheus_client.parser import text_string_to_metric_families as read_plain

from haproxy_py.api import Proxy
from haproxy_py.observe.statistics.query import Statistics
from haproxy_py.process.instance import Instance
from haproxy_py.services.prometheus.exporter import packed, takes_gzip
from haproxy_py.services.prometheus.exposition import Exposition, escaped
from haproxy_py.services.prometheus.wish import BadRequest, Wish

TEXT = """
resolvers names
  nameserver first 127.0.0.1:1
  nameserver second 127.0.0.1:2
frontend fe
  mode http
  description front "door"
  option socket-stats
  bind 127.0.0.1:1 name foo
  default_backend be
backend be
  mode http
  server s1 127.0.0.1:1 check
  server s2 127.0.0.1:2 disabled
listen t
  mode tcp
  bind 127.0.0.1:4
  server s3 127.0.0.1:9
"""


@pytest.fixture(scope="module")
def made() -> Statistics:
    return Instance.build(Proxy.from_text(TEXT).config).statistics


def text(made: Statistics, query: bytes = b"", *, modern: bool = False) -> str:
    return b"".join(Exposition(made, Wish(query), open_metrics=modern).pieces()).decode()


def samples(found: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    got: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_plain(found):
        for sample in family.samples:
            got.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return got


def test_families_are_whole_and_once(made: Statistics) -> None:
    names = [line.split()[2] for line in text(made).splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 200
    assert {"haproxy_process_nbthread", "haproxy_listener_status", "haproxy_backend_agg_check_status"} < set(names)


def test_nameservers_have_their_counters(made: Statistics) -> None:
    made.world.nameservers["names"]["second"].add("nx")
    got = {
        (labels["resolver"], labels["nameserver"]): value
        for labels, value in samples(text(made, b"scope=resolver"))["haproxy_resolver_nx"]
    }
    assert (got["names", "first"], got["names", "second"]) == (0, 1)
    assert "haproxy_resolver_" not in text(made, b"scope=server")


def test_states_have_one_sample_each(made: Statistics) -> None:
    got = samples(text(made))
    states = {labels["state"]: value for labels, value in got["haproxy_server_status"] if labels["server"] == "s2"}
    assert states == {"DOWN": 0, "UP": 0, "MAINT": 1, "DRAIN": 0, "NOLB": 0}
    counted = {labels["state"]: value for labels, value in got["haproxy_backend_agg_server_status"] if labels["proxy"] == "be"}
    assert counted == {"DOWN": 0, "UP": 1, "MAINT": 1, "DRAIN": 0, "NOLB": 0}


def test_tcp_proxies_lack_http_metrics(made: Statistics) -> None:
    got = samples(text(made))
    assert {labels["proxy"] for labels, _ in got["haproxy_frontend_http_responses_total"]} == {"fe"}
    assert {labels["proxy"] for labels, _ in got["haproxy_frontend_sessions_total"]} == {"fe", "t"}


def test_histograms(made: Statistics) -> None:
    got = samples(text(made, b"scope=server&metrics=haproxy_server_request_duration_seconds"))
    assert set(got) == {f"haproxy_server_request_duration_seconds_{end}" for end in ("bucket", "sum", "count")}
    bounds = [labels["le"] for labels, _ in got["haproxy_server_request_duration_seconds_bucket"] if labels["server"] == "s1"]
    assert (len(bounds), bounds[0], bounds[-1]) == (21, "0.000256", "+Inf")
    assert [float(b) for b in bounds] == sorted(float(b) for b in bounds)


@pytest.mark.parametrize(
    ("query", "scopes"),
    [
        (b"scope=server", {"server"}), (b"scope=frontend&scope=global", {"frontend", "process"}), (b"scope=", set()),
        (b"scope=*", {"process", "frontend", "listener", "backend", "server", "resolver"}), (b"scope=sticktable", set()),
    ],
)  # fmt: skip
def test_scopes(made: Statistics, query: bytes, scopes: set[str]) -> None:
    assert {name.split("_")[1] for name in samples(text(made, query))} == scopes


@pytest.mark.parametrize("query", [b"scope", b"scope=foo", b"a=b&scope=servers"])
def test_an_unknown_scope_is_refused(query: bytes) -> None:
    with pytest.raises(BadRequest):
        Wish(query)


def test_filters(made: Statistics) -> None:
    assert set(samples(text(made, b"metrics=haproxy_server_status,haproxy_process_node"))) == {
        "haproxy_server_status", "haproxy_process_node",
    }  # fmt: skip
    assert "haproxy_server_status" not in samples(text(made, b"metrics=-haproxy_server_status"))
    names = {labels["server"] for labels, _ in samples(text(made, b"no-maint"))["haproxy_server_weight"]}
    assert names == {"s1", "s3"}


def test_descriptions_and_modules(made: Statistics) -> None:
    assert 'proxy="fe",desc="front \\"door\\""} 0' in text(made, b"desc") or 'desc="front door"' in text(made, b"desc")
    assert "haproxy_frontend_h1_total_streams" in text(made, b"extra-counters")
    assert "haproxy_frontend_h1_total_streams" not in text(made)


def test_open_metrics(made: Statistics) -> None:
    found = text(made, b"extra-counters", modern=True)
    families = {family.name: family for family in read_modern(found)}
    assert found.endswith("# EOF\n")
    assert families["haproxy_frontend_sessions"].type == "counter"
    assert families["haproxy_process_failed_resolutions"].type == "unknown"


def test_counters_with_other_names_have_no_type(made: Statistics) -> None:
    found = text(made, b"extra-counters")
    assert "# TYPE haproxy_process_failed_resolutions untyped\n" in found
    assert [line for line in found.splitlines() if line.endswith(" counter") and not line.endswith("_total counter")] == []


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        (b"gzip", True), (b"deflate, GZip;q=0.5", True), (b"x-gzip,br", True), (b"gzip ; q=1", True), (b"gzip;q=0.001, br", True),
        (b"", False), (b"identity", False), (b"gzip;q=0", False), (b"gzip; q=0.000 , br", False), (b"gzipped", False), (b"agzip", False),
    ],
)  # fmt: skip
def test_who_takes_gzip(accepted: bytes, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


def test_packed() -> None:
    assert gzip.decompress(b"".join(packed(iter([b"a", b"", b"bc"])))) == b"abc"


def test_labels_are_escaped() -> None:
    assert escaped('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
