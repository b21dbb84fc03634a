"""`pyhaproxy top`: what it makes of answers, on a scripted socket and on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import DataTable

from haproxy_py.top import command
from haproxy_py.top.app import Top
from haproxy_py.top.source import Address, Snapshot, SourceError, ask, look, parse_info, parse_stat
from haproxy_py.top.table import TITLES, View, age, arranged, ill, plain, rows_of, short

HEAD = "# pxname,svname,qcur,scur,slim,stot,bin,bout,ereq,econ,eresp,status,weight,type,check_status,hrsp_2xx,hrsp_5xx,req_tot,rtime,lastchg,\n"
INFO = "Name: HAProxy\nVersion: 3.2.0\nPid: 7\nUptime: 0d 0h01m00s\nCurrConns: 3\nMaxconn: 100\nConnRate: 2\nIdle_pct: 99\n\n"


def stat(requests: int = 10) -> str:
    return (
        HEAD
        + f"f,FRONTEND,0,2,100,5,1000,2000,0,,,OPEN,,0,,{requests},0,{requests},,,\n"
        + f"b,s1,0,2,,5,{requests * 100},2000,,0,0,UP,1,2,L4OK,{requests},0,,12,93784,\n"
        + "b,s2,3,0,,5,0,0,,0,0,DOWN,1,2,L4CON,0,0,,0,60,\n"
        + f"b,BACKEND,3,2,10,5,0,0,,0,0,UP,1,1,,{requests},0,{requests},,1,\n"
    )


def snapshot(requests: int, at_s: float) -> Snapshot:
    return Snapshot(parse_stat(stat(requests)), parse_info(INFO), at_s)


@asynccontextmanager
async def socket_that_says(path: Path, answer: Callable[[str], str]) -> AsyncIterator[Address]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readline()).decode().rstrip("\n")
        writer.write(answer(asked).encode())
        writer.close()

    async with await asyncio.start_unix_server(one, path):
        yield Address(path=str(path))


def answers(asked: str) -> str:
    return {"show stat": stat(), "show info": INFO}[asked]


def test_addresses() -> None:
    assert Address.parse("/run/h.sock").path == "/run/h.sock"
    assert Address.parse("unix@h.sock").path == "h.sock"
    assert Address.parse("127.0.0.1:9999") == Address(host="127.0.0.1", port=9999)
    assert Address.parse("[::1]:1") == Address(host="::1", port=1)
    for wrong in ("host:", "host:70000", "host:x", "host:٣"):
        with pytest.raises(SourceError, match="neither a path nor HOST:PORT"):
            Address.parse(wrong)


def test_rates_are_per_second() -> None:
    rows = {row.name: row for row in rows_of(snapshot(50, 12.0), snapshot(10, 10.0))}
    assert rows["FRONTEND"].request_rate == 20
    assert rows["s1"].request_rate == 20 and rows["s1"].bytes_in == 2000
    first = rows_of(snapshot(50, 12.0), None)
    assert [row.request_rate for row in first] == [0, 0, 0, 0]


def test_cleared_counters_give_no_negative_rate() -> None:
    assert all(row.request_rate == 0 for row in rows_of(snapshot(1, 12.0), snapshot(10, 10.0)))


def test_order_and_filter() -> None:
    rows = rows_of(snapshot(50, 12.0), snapshot(10, 10.0))
    assert [row.name for row in arranged(rows, View())] == ["FRONTEND", "s1", "s2", "BACKEND"]
    assert [row.name for row in arranged(rows, View(words="B down"))] == ["s2"]
    assert [row.name for row in arranged(rows, View(ill_only=True))] == ["s2", "BACKEND"]
    assert [row.name for row in arranged(rows, View(order=TITLES.index("queue"), kinds=frozenset({"server"})))] == ["s2", "s1"]
    assert [row.name for row in arranged(rows, View(order=TITLES.index("name"), reverse=True))][0] == "s2"
    assert not ill(rows[1]) and ill(rows[2])


def test_numbers_are_short() -> None:
    assert [short(n) for n in (0, 999, 1000, 123456, 1.5e6, 2e13)] == ["0", "999", "1.0k", "123k", "1.5M", "20.0T"]
    assert [age(n) for n in (0, 59, 60, 93784)] == ["0s", "59s", "1m", "1d2h"]


def test_what_is_no_statistics_is_said() -> None:
    with pytest.raises(SourceError, match="Permission denied"):
        parse_stat("Permission denied\n")
    with pytest.raises(SourceError, match="nothing"):
        parse_stat("")


def test_a_socket_is_looked_at(tmp_path: Path) -> None:
    async def run() -> Snapshot:
        async with socket_that_says(tmp_path / "s", answers) as address:
            return await look(address)

    found = asyncio.run(run())
    assert [row["svname"] for row in found.rows] == ["FRONTEND", "s1", "s2", "BACKEND"]
    assert found.info["Pid"] == "7"


def test_a_terminal_gets_no_control_characters(tmp_path: Path) -> None:
    async def scenario() -> str:
        async with socket_that_says(tmp_path / "s", lambda asked: "\x1b[31mred\x07\x9b\x7f\r\n\ttext\n") as address:
            return await ask(address, "show stat")

    assert asyncio.run(scenario()) == "?[31mred????\n?text\n"


def test_silence_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async with await asyncio.start_unix_server(hold, tmp_path / "s"):
            await ask(Address(path=str(tmp_path / "s")), "show stat", 0.05)

    with pytest.raises(SourceError, match="no answer within 0.05 s"):
        asyncio.run(run())


def test_once_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def seen(address: Address) -> Snapshot:
        return snapshot(10, 1.0)

    monkeypatch.setattr(command, "look", seen)
    assert command.main(["x.sock", "--once", "--interval", "0.1", "--filter", "s1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("HAProxy 3.2.0  pid 7  up 0d 0h01m00s")
    assert lines[1].split() == list(TITLES)
    assert lines[2].split() == ["b", "s1", "UP", "1", "0", "2", "0", "0", "0", "0", "0", "12", "L4OK", "1d2h"]
    assert len(lines) == 3


def test_a_missing_socket_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main([str(tmp_path / "none"), "--once"]) == 1
    assert capsys.readouterr().err == f"pyhaproxy top: {tmp_path}/none: No such file or directory\n"


def test_an_interval_must_be_sensible(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["x", "--interval", "0"])
    assert "0 is not between 0.1 and 3600 seconds" in capsys.readouterr().err


def test_plain_lines_up() -> None:
    lines = plain(rows_of(snapshot(50, 12.0), snapshot(10, 10.0))).splitlines()
    assert lines[0].index("status") == lines[1].index("OPEN")


def test_the_screen(tmp_path: Path) -> None:
    async def run() -> None:
        async with socket_that_says(tmp_path / "s", answers) as address:
            app = Top(address, interval_s=60)
            async with app.run_test(size=(140, 30)) as pilot:
                await pilot.pause()
                assert app.query_one("#table", DataTable).row_count == 4
                await pilot.press("d")
                assert [row.name for row in app.shown] == ["s2", "BACKEND"]
                await pilot.press("escape", "slash", "s", "1", "enter")
                assert [row.name for row in app.shown] == ["s1"]
                await pilot.press("escape", "s", "s", "r")
                assert app.view.order == 1 and app.view.reverse
                await pilot.press("escape", "k", "k", "k")
                assert [row.name for row in app.shown] == ["s1", "s2"]
                await pilot.press("p")
                assert app.paused

    asyncio.run(run())


def test_the_screen_tells_of_trouble_and_goes_on(tmp_path: Path) -> None:
    async def run() -> None:
        app = Top(Address(path=str(tmp_path / "none")), interval_s=60)
        async with app.run_test() as pilot:
            await pilot.pause()
            assert "No such file or directory" in str(app.query_one("#info").render())

    asyncio.run(run())
