"""Statistics without traffic: rows of a configuration, their forms, what a query chooses."""

from __future__ import annotations

import csv
import json

import pytest

from haproxy_py.api import Proxy
from haproxy_py.observe.statistics import formats, serverstate
from haproxy_py.observe.statistics.fields import INFO, PLACE, PROXY_FIELDS, STAT
from haproxy_py.observe.statistics.info import uptime
from haproxy_py.observe.statistics.query import Query, StatError, Statistics
from haproxy_py.process.instance import Instance

TEXT = """
global
  maxconn 100
  node here
frontend fe
  mode http
  bind 127.0.0.1:1
  default_backend be
frontend other
  id 9
  mode http
  bind 127.0.0.1:2
frontend off
  disabled
  bind 127.0.0.1:3
backend be
  mode http
  server s1 127.0.0.1:1 maxconn 5 weight 7
  server s2 [::1]:2 backup disabled
listen t
  bind 127.0.0.1:4
  server s3 127.0.0.1:9
"""


@pytest.fixture(scope="module")
def made() -> Statistics:
    return Instance.build(Proxy.from_text(TEXT).config, workers=2).statistics


def table(made: Statistics, *words: str) -> list[dict[str, str]]:
    text = b"".join(made.show_stat(list(words))).decode()
    rows = list(csv.reader(text.removeprefix("# ").splitlines()))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_the_first_fields_stand_where_they_always_stood() -> None:
    assert [found.name for found in STAT][:5] == ["pxname", "svname", "qcur", "qmax", "scur"]
    assert (PLACE["status"], PLACE["type"], PLACE["hrsp_1xx"], PLACE["dses"]) == (17, 32, 39, 82)
    assert (PROXY_FIELDS, len(INFO)) == (113, 81)
    assert formats.header().startswith("# pxname,svname,qcur,") and ",proto,-,ssl_sess," in formats.header()


def test_rows_in_order_with_numbers(made: Statistics) -> None:
    rows = [(r["pxname"], r["svname"], r["iid"], r["sid"], r["type"]) for r in table(made)]
    assert rows == [
        ("fe", "FRONTEND", "1", "0", "0"), ("other", "FRONTEND", "9", "0", "0"), ("be", "s1", "4", "1", "2"),
        ("be", "s2", "4", "2", "2"), ("be", "BACKEND", "4", "0", "1"), ("t", "FRONTEND", "5", "0", "0"),
        ("t", "s3", "5", "1", "2"), ("t", "BACKEND", "5", "0", "1"),
    ]  # fmt: skip


def test_fields_of_a_server(made: Statistics) -> None:
    first, second = (r for r in table(made) if r["pxname"] == "be" and r["type"] == "2")
    shown = {k: first[k] for k in ("slim", "weight", "uweight", "status", "addr", "lastsess", "act", "bck", "mode")}
    assert shown == {
        "slim": "5", "weight": "7", "uweight": "7", "status": "no check", "addr": "127.0.0.1:1", "lastsess": "-1",
        "act": "1", "bck": "0", "mode": "http",
    }  # fmt: skip
    assert (second["status"], second["addr"], second["bck"]) == ("MAINT", "[::1]:2", "1")
    assert (first["chkfail"], first["hrsp_2xx"]) == ("", "0")


def test_a_tcp_proxy_has_no_http_fields(made: Statistics) -> None:
    for row in table(made):
        assert (row["hrsp_2xx"] == "") == (row["pxname"] == "t")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["1", "-1", "-1"], ["FRONTEND"]),
        (["be", "4", "-1"], ["s1", "s2"]),
        (["be", "6", "2"], ["s2"]),
        (["domain", "proxy", "be", "2", "-1"], ["BACKEND"]),
        (["be", "4"], ["FRONTEND", "FRONTEND", "s1", "s2", "BACKEND", "FRONTEND", "s3", "BACKEND"]),
        (["be", "-1", "-1", "up"], ["s1", "BACKEND"]),
        (["be", "-1", "-1", "no-maint"], ["s1", "BACKEND"]),
    ],
)
def test_queries(made: Statistics, words: list[str], names: list[str]) -> None:
    assert [row["svname"] for row in table(made, *words)] == names


def test_hidden_servers_are_counted(made: Statistics) -> None:
    assert table(made, "be", "2", "-1", "up")[0]["status"] == "UP (1/2)"


@pytest.mark.parametrize(("words", "told"), [(["nosuch", "4", "-1"], "No such proxy."), (["domain", "x"], "Invalid statistics domain.")])
def test_refusals(made: Statistics, words: list[str], told: str) -> None:
    with pytest.raises(StatError, match=told):
        made.show_stat(words)


def test_typed_and_json_say_the_same(made: Statistics) -> None:
    lines = b"".join(made.show_stat(["typed"])).decode().splitlines()
    rows = json.loads(b"".join(made.show_stat(["json"])))
    flat = [item for row in rows for item in row]
    assert len(lines) == len(flat)
    for line, item in zip(lines, flat, strict=True):
        letter, iid, sid, place, name, process = line.split(":")[0].split(".")
        assert (item["field"], item["proxyId"], item["id"]) == ({"pos": int(place), "name": name}, int(iid), int(sid))
        assert str(item["value"]["value"]) == line.split(":", 3)[3]
        assert (item["objType"][0], process) == (letter, "1")
        assert item["tags"]["origin"][0] == line.split(":")[1][0]


def test_desc_is_quoted_behind_the_value(made: Statistics) -> None:
    assert b'F.1.0.0.pxname.1:KNS:str:fe:"Proxy name"\n' in b"".join(made.show_stat(["typed", "desc"]))
    assert b'Name: HAProxy:"Product name"\n' in b"".join(made.show_info(["desc"]))


def test_no_legends_no_addresses(made: Statistics) -> None:
    rows = [row for _, row in made.rows(Query(legends=False))]
    assert {row[PLACE[name]] for row in rows for name in ("addr", "cookie", "algo")} == {None}


def test_info(made: Statistics) -> None:
    lines = dict(line.split(": ", 1) for line in b"".join(made.show_info()).decode().splitlines())
    assert (lines["Maxconn"], lines["node"], lines["Nbthread"], lines["CurrConns"]) == ("100", "here", "2", "0")
    assert "." in b"".join(made.show_info(["float"])).decode().split("Uptime_sec: ")[1].split("\n")[0]
    items = json.loads(b"".join(made.show_info(["json"])))
    assert [item["field"]["name"] for item in items] == list(lines)


def test_a_comma_is_quoted() -> None:
    assert formats.csv_line(["a,b", 'c"d', None], modules=False) == '"a,b","c""d",,\n'


def test_uptime() -> None:
    assert uptime(93784) == "1d 2h03m04s"


def test_schema_is_json() -> None:
    assert json.loads(formats.schema())["$schema"] == "http://json-schema.org/draft-04/schema#"


@pytest.mark.parametrize(
    ("admin", "state", "status"),
    [
        (0, serverstate.RUNNING, "no check"),
        (serverstate.CMAINT, serverstate.RUNNING, "no check"),  # `disabled` on its line, enabled since
        (serverstate.FMAINT | serverstate.CMAINT, serverstate.STOPPED, "MAINT"),
        (serverstate.RMAINT, serverstate.STOPPED, "MAINT (resolution)"),
        (serverstate.FDRAIN, serverstate.RUNNING, "DRAIN"),
        (serverstate.FDRAIN, serverstate.STOPPED, "DOWN"),  # it is dead, whatever else was decided about it
    ],
)
def test_status_of_a_server(made: Statistics, admin: int, state: int, status: str) -> None:
    config = Proxy.from_text(TEXT).config
    proxy = next(each for each in config.proxies if each.name == "be")
    row = serverstate.ServerState(proxy, proxy.servers[0], 0)
    found = {"admin": admin, "state": state, "check_state": 0, "agent_state": 0, "agent_health": 0, "health": 1}
    assert row.status(found, (found, 2, 3)) == status
