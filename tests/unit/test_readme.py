"""The README's Python example runs as it is printed."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path

import pytest

from tests.harness.ports import Reservation

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"^    import asyncio, haproxy_py\n.*?^    asyncio\.run\(main\(\)\)$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None

    async def at_once(seconds: float) -> None:
        assert seconds == 60

    monkeypatch.setattr(asyncio, "sleep", at_once)
    with Reservation() as ports:
        port = str(ports.take())
        text = textwrap.dedent(found[0]).replace("8080", port)
        exec(compile(text, str(README), "exec"), {})
    assert capsys.readouterr().out == f"{{'web': [('127.0.0.1', {port})]}}\n"
