"""Which of several addresses a server takes, and the times of a resolution, without sockets and clocks."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from backends.resolvers.message import AAAA, SRV, A, Record, Reply, Status
from backends.resolvers.resolution import Resolution
from backends.resolvers.server_name import choose

V4 = [Record(A, "10.0.0.1"), Record(A, "10.0.0.2"), Record(AAAA, "fd00::1")]


@pytest.mark.parametrize(
    ("current", "attached", "prefer", "nets", "taken", "duplicates", "wanted"),
    [
        ("", "", A, (), set(), False, "10.0.0.1"),
        ("10.0.0.2", "", A, (), set(), False, "10.0.0.2"),
        ("", "", AAAA, (), set(), False, "fd00::1"),
        ("10.0.0.1", "", A, ("10.0.0.2/32",), set(), False, "10.0.0.2"),
        ("", "", A, ("fd00::/8",), set(), False, "10.0.0.1"),
        ("", "", A, (), {"10.0.0.1"}, False, "10.0.0.2"),
        ("10.0.0.1", "10.0.0.1", A, (), {"10.0.0.1", "10.0.0.2"}, False, "10.0.0.1"),
        ("", "", A, (), {"10.0.0.1", "10.0.0.2", "fd00::1"}, False, None),
        ("", "", A, (), {"10.0.0.1", "10.0.0.2", "fd00::1"}, True, "10.0.0.1"),
        ("", "", A, (), {"10.0.0.1", "10.0.0.2"}, True, "10.0.0.1"),
    ],
)
def test_choose(
    current: str, attached: str, prefer: int, nets: tuple[str, ...], taken: set[str], duplicates: bool, wanted: str | None
) -> None:
    networks = [ip_network(net) for net in nets]
    assert choose(V4, current, attached, prefer, networks, taken, duplicates) == wanted


def test_nothing_to_choose() -> None:
    assert choose([Record(SRV, "x.test", 80, 1)], "", "", A, (), set(), False) is None


class Section:
    """What a resolution needs, its clock in our hand."""

    retries, timeout_resolve_ms, timeout_retry_ms = 2, 1000, 100

    def __init__(self) -> None:
        self.now = 0
        self.asked: list[int] = []
        self.delay = 0
        self.rounds = 0
        self.nameservers = 2

    def hold_ms(self, event: str) -> int:
        return {"nx": 500, "obsolete": 300}.get(event, 50)

    def now_ms(self) -> int:
        return self.now

    def renew(self, found: Resolution) -> None:
        self.rounds += 1

    def ask(self, found: Resolution, kind: int) -> int:
        self.asked.append(kind)
        return self.nameservers

    def wake(self, found: Resolution, delay_ms: int) -> None:
        self.delay = delay_ms


class Told:
    def __init__(self) -> None:
        self.words: list[Any] = []

    def answered(self, found: Resolution, channel: Any) -> None:
        self.words.append(sorted(r.value for r in found.records.values()))

    def failed(self, found: Resolution, status: Status) -> None:
        self.words.append(status)


def made() -> tuple[Section, Resolution, Told]:
    section, told = Section(), Told()
    found = Resolution(section, "web.test", AAAA)
    found.requesters.append(told)
    return section, found, told


def test_silence_costs_every_try() -> None:
    section, found, told = made()
    for _ in range(3):
        found.due()
    assert (section.asked, told.words, section.delay) == ([AAAA, AAAA], [Status.TIMEOUT], 1000)
    assert section.rounds == 1


def test_faults_of_all_switch_the_family_at_once() -> None:
    section, found, told = made()
    channel: Any = None
    found.due()
    found.take(Reply(Status.NX), channel)
    assert section.asked == [AAAA]  # the other one may know better
    found.take(Reply(Status.REFUSED), channel)
    assert section.asked == [AAAA, A]
    found.take(Reply(Status.NX), channel)
    found.take(Reply(Status.NX), channel)
    found.due()
    assert section.asked == [AAAA, A, AAAA]
    for _ in range(4):
        found.take(Reply(Status.NX), channel)
    assert (told.words, found.running) == ([Status.NX], False)


def test_one_silent_one_wrong() -> None:
    section, found, told = made()
    channel: Any = None
    found.due()
    found.take(Reply(Status.NX), channel)
    found.due()
    assert section.asked == [AAAA, A]


def test_records_are_kept_for_a_while() -> None:
    section, found, told = made()
    channel: Any = None
    for now, value in ((0, "10.0.0.1"), (200, "10.0.0.2"), (400, "10.0.0.2")):
        section.now = now
        found.due()
        found.take(Reply(Status.VALID, (Record(A, value),)), channel)
    assert told.words == [["10.0.0.1"], ["10.0.0.1", "10.0.0.2"], ["10.0.0.2"]]
    section.now = 899
    assert found.held(Status.NX) and not found.held(Status.OTHER)
    section.now = 900
    assert not found.held(Status.NX)
