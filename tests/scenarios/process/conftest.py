"""Gives tests a factory of fake proxies that are ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scenarios.process.fakeproxy import FakeProxy


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[..., FakeProxy]]:
    started: list[FakeProxy] = []

    def start(*args: str, **settings: object) -> FakeProxy:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(FakeProxy(folder, *args, **settings))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for proxy in started:
        proxy.cleanup()
