"""What the statistics say of a server's health: status, check fields, weight under way, where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from haproxy_py.config.keywords import server_options as words
from haproxy_py.config.model import Proxy, Server, Setting
from haproxy_py.engine.addr import addr_to_text

STOPPED, STARTING, RUNNING, STOPPING = range(4)  # operational state, engine.shm.ServerState
FMAINT, IMAINT, CMAINT, FDRAIN, IDRAIN, RMAINT = 1, 2, 4, 8, 16, 32  # bits of ServerShared.admin
MAINT, DRAIN = FMAINT | IMAINT | RMAINT, FDRAIN | IDRAIN  # CMAINT only remembers the line: it decides nothing
CHECK_UNDER_WAY, CHECK_ENABLED, CHECK_PAUSED = 1, 4, 8  # bits of ServerShared.check_state
WITH_DURATION = 4  # check_status from which on there is a duration

# Findings of a health check by number (backends.checks.status), as check_status and check_desc say them.
FINDINGS: dict[int, tuple[str, str]] = {}
WITH_CODE: set[int] = set()  # those that have a code
Seen = tuple[dict[str, Any], int, int]  # the segment's facts of a checked server, its rise, its fall


def name_findings(found: dict[int, tuple[str, str]], with_code: Iterable[int]) -> None:
    """Tell the words of check_status: number -> (name, text), and which have a code. Whoever defines the numbers calls this."""
    FINDINGS.update(found)
    WITH_CODE.update(with_code)


def under_way(bits: int) -> str:
    """What stands before the finding of a check that is running now."""
    return "* " if bits & CHECK_UNDER_WAY else ""


def setting(item: Server | Proxy, name: str) -> Any:
    """The value of a setting by HAProxy's word, None when it was not said: for keywords of other packages."""
    return next((value for key, value in item.values.items() if key.name == name), None)


def text_of(value: object) -> str | None:
    """A name out of a setting: the text itself, or its `name`."""
    if isinstance(value, str):
        return value or None
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else None


def backend_cookie(proxy: Proxy) -> str | None:
    """The cookie's name, None without `cookie`."""
    return text_of(setting(proxy, "cookie"))


@dataclass(frozen=True, slots=True)
class Checked:
    """The server whose check and agent decide: a server itself, or the one at the end of what it tracks."""

    found: dict[str, Any]
    rise: int
    fall: int

    @property
    def checked(self) -> bool:
        """Its check is on."""
        return bool(self.found["check_state"] & CHECK_ENABLED)

    @property
    def asked(self) -> bool:
        """Its agent is on."""
        return bool(self.found["agent_state"] & CHECK_ENABLED)

    def counted(self, word: str) -> str:
        """`UP`, or `UP 2/3` on the way down."""
        health = self.found["health"]
        return word if health == self.rise + self.fall - 1 else f"{word} {health - self.rise + 1}/{self.fall}"

    def down(self) -> str:
        """`DOWN`, `DOWN 1/2` on the way up; `DOWN (agent)` by the word of its agent."""
        if self.asked and not self.found["agent_health"]:
            return "DOWN (agent)"
        if not (self.checked and self.found["health"] or self.asked and not self.checked):
            return "DOWN"
        return f"DOWN {self.found['health']}/{self.rise}"


class ServerState:
    """The health of one server, from its line and the segment. born_s: wall second of the start; proxy: its backend."""

    def __init__(self, proxy: Proxy, item: Server, born_s: int) -> None:
        self.item = item
        self.born_s = born_s
        self.cookie = text_of(setting(item, "cookie"))
        self.rise: int = self._number(words.RISE)
        self.fall: int = self._number(words.FALL)
        tracked = setting(item, "track")
        self.track = text_of(tracked)
        followed: Server | None = item
        if self.track:
            backend, _, name = self.track.rpartition("/")
            self.track = f"{backend or proxy.name}/{name}"
            followed = next((s for s in proxy.servers if s.name == name), None) if backend in ("", proxy.name) else None
        self.observed = followed is not None and bool(setting(followed, "observe"))

    def _number(self, key: Setting[int]) -> int:
        return self.item[key]

    def fields(self, found: dict[str, Any], now_s: int, seen: Seen | None = None) -> Iterator[tuple[str, Any]]:
        """Fields by name; `found` are the segment's (engine.shm.ServerSlot.statistics), `seen` those that its state comes from."""
        checked = bool(found["check_state"] & CHECK_ENABLED)
        yield "status", self.status(found, seen or (found, self.rise, self.fall))
        yield "lastchg", max(0, now_s - (found["last_change"] or self.born_s))
        if self.track:
            yield "tracked", self.track
        if found["state"] == STARTING and found["uweight"] and not found["admin"] & (MAINT | DRAIN):
            yield "throttle", throttle(found)
        if found["agent_state"] & CHECK_ENABLED and not found["agent_state"] & CHECK_PAUSED:
            yield from self.agent_fields(found)
        if self.observed and (checked or self.track):
            yield "hanafail", found["hanafail"]
        if not checked:
            return
        down = found["state"] == STOPPED or found["admin"] & MAINT
        yield "chkfail", found["chkfail"]
        yield "chkdown", found["chkdown"]
        yield "downtime", found["downtime"] + (now_s - found["last_change"] if down and found["last_change"] else 0)
        if not found["check_state"] & CHECK_PAUSED and not found["admin"] & MAINT:
            yield from self.check_fields(found)

    def agent_fields(self, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """What the agent said last (rise and fall of agents are 1)."""
        number = found["agent_status"]
        name, text = FINDINGS.get(number, ("UNK", "Unknown"))
        yield "agent_status", under_way(found["agent_state"]) + name
        again = found["agent_state"] & CHECK_UNDER_WAY
        if number in WITH_CODE:
            yield "agent_code", 0 if again else found["agent_code"]
        yield "agent_duration", max(0, found["agent_duration"])
        yield "agent_desc", text
        if found["last_agt"] and not again:
            said = found["last_agt"]
            yield "last_agt", said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        yield "agent_rise", 1
        yield "agent_fall", 1
        yield "agent_health", found["agent_health"]

    def check_fields(self, found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The latest health check; while the next one runs its code and words are gone, as in HAProxy."""
        number = found["check_status"]
        name, text = FINDINGS.get(number, ("UNK", "Unknown"))
        yield "check_status", under_way(found["check_state"]) + name
        again = found["check_state"] & CHECK_UNDER_WAY
        if number in WITH_CODE:
            yield "check_code", 0 if again else found["check_code"]
        if number >= WITH_DURATION:
            yield "check_duration", max(0, found["check_duration"])
        yield "check_desc", text
        if found["last_chk"] and not again:
            yield "last_chk", found["last_chk"]
        yield "check_rise", self.rise
        yield "check_fall", self.fall
        yield "check_health", found["health"]

    def status(self, found: dict[str, Any], seen: Seen) -> str:
        """HAProxy's words: UP, DOWN 1/2, NOLB, MAINT (via b/s), DRAIN, no check. seen: whose check and agent decide."""
        admin, state = found["admin"], found["state"]
        if admin & MAINT:
            if admin & RMAINT:
                return "MAINT (resolution)"
            return f"MAINT (via {self.track})" if admin & IMAINT and self.track else "MAINT"
        by = Checked(*seen)
        if state == STOPPED:
            return by.down()
        if state != STOPPING and admin & DRAIN and by.asked:
            return "DRAIN (agent)"
        if state == STOPPING:
            return by.counted("NOLB") if by.checked or self.track else "NOLB"
        if admin & DRAIN:
            return by.counted("DRAIN") if by.checked else "DRAIN"
        return by.counted("UP") if by.checked else "no check"

    def address(self, found: dict[str, Any]) -> str:
        """Where it is: IP and port, `unix` for a socket file."""
        if self.item.address is not None and self.item.address.family in ("unix", "abns"):
            return "unix"
        host, port = addr_to_text(found["addr"])
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else f":{port}"


def throttle(found: dict[str, Any]) -> int:
    """Percent of its weight that a starting server has."""
    return int(100 * found["eweight"] // (16 * found["uweight"]))
