"""`show info` and `show stat` in all their forms beside the real haproxy, after the same traffic: names, order, types, words, values.

Fields that a newer HAProxy brought are passed over; what may differ in value is listed, docs/deviations.md says why.
"""

from __future__ import annotations

import json
import re
import tempfile

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask
from tests.oracle.test_stats_page import CONFIG, LOOSE, LOOSE_PREFIX, PORTS, Origin, traffic

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
COMMANDS = ("show info", "show info typed", "show info desc", "show info typed desc", "show info json", "show info float",
            "show stat typed", "show stat typed desc", "show stat json", "show stat")  # fmt: skip
# What a process, a machine or a clock makes of them, and what stands in docs/deviations.md.
INFO_LOOSE = {
    "Version", "Release_date", "Build info", "Pid", "Uptime", "Uptime_sec", "Start_time_sec", "BootTime_ms", "Tainted", "Idle_pct",
    "Ulimit-n", "Maxsock", "CumConns", "Tasks", "Jobs", "BytesOutRate", "ConnRate", "SessRate", "MaxConnRate", "MaxSessRate",
    "PoolAlloc_MB", "PoolUsed_MB", "PoolAlloc_bytes", "PoolUsed_bytes", "CurrConns", "Run_queue",
}  # fmt: skip
NOT_OURS = {"ZlibMemUsage", "MaxZlibMemUsage"}  # of a build with zlib
ADDRESSES = {"addr"}  # ports differ
MISSPELT = {"hTTP/2": "HTTP/2", "send\"": "sent\"", "sendusing": "sent using", "in byes": "in bytes"}
Said = dict[str, str]


def said(product: Product) -> Said:
    """The answers to COMMANDS after the traffic."""
    with Reservation() as taken, tempfile.TemporaryDirectory(prefix="info-") as folder:
        ports = {name: taken.take() for name in PORTS}
        origin, closed = Origin(), taken.take()
        head = f"global\n  stats socket {folder}/s level admin\n  node n1\n  description some thing\n"
        text = CONFIG.replace("global\n", head).format(**ports, origin=origin.port, closed=closed)
        with product.start(text, ports.values()):
            traffic(ports)
            found = {command: ask(f"{folder}/s", command).decode() for command in COMMANDS}
        origin.sock.close()
        return found


@pytest.fixture(scope="module")
def both() -> tuple[Said, Said]:
    newer = haproxy28()
    return said(haproxy26() if newer.missing else newer), said(pyhaproxy())


def plain(text: str) -> dict[str, str]:
    """`Name: value` lines."""
    return {name: value for name, _, value in (line.partition(":") for line in text.splitlines() if line)}


def typed(text: str) -> dict[str, tuple[str, str]]:
    """What stands before the first colon -> kind and value."""
    found = (re.fullmatch(r"([^:]*):([A-Za-z]{3}:\w+):(.*)", line) for line in text.splitlines() if line)
    return {m[1]: (m[2], m[3]) for m in found if m}


def corrected(text: str) -> str:
    for wrong, right in MISSPELT.items():
        text = text.replace(wrong, right)
    return text


def test_info_has_the_same_names_in_the_same_order(both: tuple[Said, Said]) -> None:
    theirs, ours = (list(plain(one["show info"])) for one in both)
    assert set(theirs) - set(ours) <= NOT_OURS
    assert [name for name in ours if name in theirs] == [name for name in theirs if name in ours]


def test_info_values(both: tuple[Said, Said]) -> None:
    theirs, ours = (plain(one["show info"]) for one in both)
    assert {n: (v, ours[n]) for n, v in theirs.items() if n in ours and n not in INFO_LOOSE and ours[n] != v} == {}


def test_info_types_and_words(both: tuple[Said, Said]) -> None:
    def kinds(one: Said) -> dict[str, str]:
        return {key.split(".")[1]: kind for key, (kind, _) in typed(one["show info typed"]).items()}

    def words(one: Said) -> dict[str, str]:
        lines = corrected(one["show info typed desc"]).splitlines()
        return {line.split(":")[0].split(".")[1]: line.rpartition(':"')[2] for line in lines if line}

    for read in (kinds, words):
        theirs, ours = (read(one) for one in both)
        assert {n: (v, ours[n]) for n, v in theirs.items() if n in ours and ours[n] != v} == {}


def test_info_json_and_float(both: tuple[Said, Said]) -> None:
    theirs, ours = ({item["field"]["name"]: item for item in json.loads(one["show info json"])} for one in both)
    shape = {name: (item["tags"], item["value"]["type"], item["processNum"], list(item)) for name, item in theirs.items()}
    mine = {name: (item["tags"], item["value"]["type"], item["processNum"], list(item)) for name, item in ours.items()}
    assert {n: (v, mine[n]) for n, v in shape.items() if n in mine and mine[n] != v} == {}
    fractions = [{name for name, value in plain(one["show info float"]).items() if re.fullmatch(r" \d+\.\d+", value)} for one in both]
    assert fractions[0] <= fractions[1] == {"Uptime_sec", "Start_time_sec"}  # a whole number has no fraction there


def rows(one: Said, command: str = "show stat typed") -> dict[tuple[str, str, str, str], tuple[str, str]]:
    """(letter, proxy, number, field) -> kind and value."""
    return {(p[0], p[1], p[2], p[4]): found for key, found in typed(one[command]).items() for p in [key.split(".")]}


def test_stat_has_the_same_fields_of_the_same_types_in_the_same_order(both: tuple[Said, Said]) -> None:
    theirs, ours = (rows(one) for one in both)
    assert [key for key in theirs if key not in ours] == []
    assert [key for key in ours if key in theirs] == list(theirs)
    assert {key: (kind, ours[key][0]) for key, (kind, _) in theirs.items() if ours[key][0] != kind} == {}


def test_stat_values(both: tuple[Said, Said]) -> None:
    theirs, ours = (rows(one) for one in both)
    own = {key[1] for key, (_, value) in theirs.items() if key[3] == "pxname" and value not in ("fe", "be", "gone", "none")}
    wrong = {
        key: (value, ours[key][1]) for key, (_, value) in theirs.items()
        if key[1] not in own and key[3] not in LOOSE | ADDRESSES and not key[3].startswith(LOOSE_PREFIX) and ours[key][1] != value
    }  # fmt: skip
    assert wrong == {}


def test_stat_words(both: tuple[Said, Said]) -> None:
    def words(one: Said) -> dict[str, str]:
        lines = corrected(one["show stat typed desc"]).splitlines()
        return {line.split(":")[0].split(".")[4]: line.rpartition(':"')[2] for line in lines if line}

    theirs, ours = (words(one) for one in both)
    assert {name: (told, ours[name]) for name, told in theirs.items() if ours.get(name) != told} == {}


def test_stat_json(both: tuple[Said, Said]) -> None:
    def shape(one: Said) -> dict[tuple[object, ...], tuple[object, ...]]:
        flat = (item for row in json.loads(one["show stat json"]) for item in row)
        return {(i["objType"], i["proxyId"], i["id"], i["field"]["name"]): (i["tags"], i["value"]["type"], list(i)) for i in flat}

    theirs, ours = (shape(one) for one in both)
    assert {key: (found, ours.get(key)) for key, found in theirs.items() if ours.get(key) != found} == {}


def test_csv_and_typed_tell_the_same(both: tuple[Said, Said]) -> None:
    for one in both:
        names = one["show stat"].splitlines()[0].removeprefix("# ").split(",")
        first = dict(zip(names, one["show stat"].splitlines()[1].split(","), strict=True))
        told = {key[3]: value for key, (_, value) in rows(one).items() if key[:3] == ("F", "2", "0")}
        assert {n: (v, first.get(n)) for n, v in told.items() if first.get(n) != v and n not in LOOSE} == {}
