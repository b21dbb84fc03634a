"""The life of servers: every change of state comes through here, is followed by those that track it, and is told once.

    life = Life(config, lookup, log)          # before the fork
    life.stopped(slot, ", reason: ...")       # a check failed; life.running(...), life.stopping(...)
    life.set_admin(slot, add, remove)         # maintenance and drain

What is decided lies in shared memory (backends.state), so any worker may call; the worker that calls says the sentences.
`follow` makes this process act on a change (queues, streams to be ended) and wakes the other workers. Source: manual 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from backends import life_keywords as words
from backends import sentences, state
from backends.checks.report import Message
from backends.checks.status import HANA, Finding
from backends.state import Change
from haproxy_py.config.keywords.server_options import BACKUP, CHECK, FALL, RISE
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.engine import clock as program
from haproxy_py.engine.shm import ServerSlot

Lookup = Callable[[Proxy, Server], ServerSlot | None]
Log = Callable[[Proxy, int, str], None]
Follow = Callable[[ServerSlot], int]  # returns how many streams of this worker it moved or served
Judge = Callable[[Finding, int], list[Message]]  # counts a finding of a check (backends.checks.monitor)
AGENT_RISE = 1
INFO = 6  # syslog level
WORDS = (  # of backends.server.Seen
    "L4 unsuccessful connection", "Wrong http response", "Invalid http response (headers)", "Read error (http)", "Read timeout (http)",
)  # fmt: skip


@dataclass(eq=False, slots=True)
class ServerLife:
    """What the configuration says of one server's life. trackers: those that follow it."""

    slot: ServerSlot
    proxy: Proxy
    item: Server
    rise: int
    fall: int
    tracked: ServerLife | None = None
    trackers: list[ServerLife] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`Server b/s`, as sentences begin."""
        return sentences.title(self.proxy.name, self.slot.name, bool(self.item[BACKUP]))

    @property
    def via(self) -> str:
        """` via b/s` of one that tracks another."""
        by = self.tracked
        return f" via {by.proxy.name}/{by.slot.name}" if by else ""

    @property
    def checked(self) -> bool:
        """Its checks run, or would if it were not in maintenance."""
        return bool(state.check_state(self.slot) & state.CHECK_ENABLED)

    @property
    def has_agent(self) -> bool:
        """Its agent is asked."""
        return bool(state.facts(self.slot)["agent_state"] & state.CHECK_ENABLED)

    @property
    def chain(self) -> Iterator[ServerLife]:
        """The server it tracks, the one which that tracks, and so on."""
        by = self.tracked
        while by is not None:
            yield by
            by = by.tracked


class Life:
    """Args: lookup: the shared slot of a server, None if it has none. log: a line to a proxy's log targets at a syslog level.
    say: puts a message on stderr. judges: by server, what counts a check's finding. mail: (server, level, text) for email-alert. clock: seconds of engine.clock."""

    def __init__(
        self,
        config: Config,
        lookup: Lookup,
        log: Log,
        say: Callable[[Message], None],
        *,
        follow: Follow | None = None,
        clock: Callable[[], float] = program.now,
    ) -> None:
        self.log = log
        self.say = say
        self.follow = follow
        self.clock = clock
        self.mail: Callable[[ServerLife, int, str], None] | None = None
        self.starting = False
        self.judges: dict[ServerSlot, Judge] = {}
        self.servers: dict[ServerSlot, ServerLife] = {}
        for proxy in config.proxies:
            for item in proxy.servers if proxy.is_backend else ():
                slot = lookup(proxy, item)
                if slot is not None:
                    self.add(proxy, item, slot)
        for one in self.servers.values():
            self._link(one)
        for one in self.servers.values():
            self._begin(one)

    def add(self, proxy: Proxy, item: Server, slot: ServerSlot) -> ServerLife:
        """Take charge of a server (of one added at run time too)."""
        one = ServerLife(slot, proxy, item, item[RISE], item[FALL])
        self.servers[slot] = one
        return one

    def attach(self, proxy: Proxy, item: Server, slot: ServerSlot) -> None:
        """add() of one that comes at run time: what it tracks is there already."""
        self._link(self.add(proxy, item, slot))

    def _begin(self, one: ServerLife) -> None:
        """How it stands before its first check."""
        admin = state.facts(one.slot)["admin"]
        if admin & state.MAINT:
            paused = state.CHECK_PAUSED if admin & state.FMAINT or one.item[CHECK] else 0
            state.set_check_state(one.slot, state.check_state(one.slot) | paused)
        elif one.tracked is not None and state.facts(list(one.chain)[-1].slot)["admin"] & state.MAINT:  # where the chain ends, as in HAProxy
            state.inherit_maintenance(one.slot, int(self.clock()))
        else:
            state.set_health(one.slot, one.rise)

    def remove(self, slot: ServerSlot) -> None:
        """It was deleted at run time."""
        one = self.servers.pop(slot)
        if one.tracked:
            one.tracked.trackers.remove(one)

    def _link(self, one: ServerLife) -> None:
        """Tie a server to the one it tracks."""
        wanted = one.item[words.TRACK]
        if not wanted:
            return
        backend, _, name = wanted.rpartition("/")
        found = self.find(backend or one.proxy.name, name)
        if found is not None:
            one.tracked = found
            found.trackers.insert(0, one)  # the last of the file is told first, as in HAProxy

    def find(self, backend: str, server: str) -> ServerLife | None:
        """A server by its names."""
        return next((o for o in self.servers.values() if o.proxy.name == backend and o.slot.name == server), None)

    # --- operational states

    def stopped(self, slot: ServerSlot, why: str) -> list[Message]:
        """It is down. why: ", reason: ..." or the like; "" with those that track another. Returns what was said."""
        return self._operate(self.servers[slot], state.STOPPED, why)

    def running(self, slot: ServerSlot, why: str) -> list[Message]:
        """It is up, by way of slowstart if it has one."""
        return self._operate(self.servers[slot], state.STARTING, why)

    def stopping(self, slot: ServerSlot, why: str) -> list[Message]:
        """It takes no new sessions."""
        return self._operate(self.servers[slot], state.STOPPING, why)

    def _operate(self, one: ServerLife, new: int, why: str) -> list[Message]:
        change = state.operate(one.slot, new, int(self.clock()))
        if not change.moved:
            return []
        self._end_streams(one, change)
        requeued = self._followed(one, change)
        told = [sentences.operational(one.name, why or one.via, change, requeued)]
        self._tell(one, told, change, mails=change.state != state.STOPPING)
        for tracker in one.trackers:
            told += self._operate(tracker, new, "")
        return told

    def warming(self, slot: ServerSlot) -> list[Message]:
        """It was in the middle of its slowstart, as a state file said, and begins that anew."""
        one = self.servers[slot]
        change = state.begin_warming(slot, int(self.clock()))
        told = [sentences.operational(one.name, "", change, self._followed(one, change))]
        self._tell(one, told, change)
        return told

    @contextmanager
    def heard_by(self, hear: Callable[[Message], None]) -> Iterator[None]:
        """Before the start: what is said meanwhile goes to `hear` alone, nothing to stderr, log or mail."""
        kept = self.say, self.log, self.mail
        self.say, self.log, self.mail = hear, lambda proxy, level, text: None, None
        self.starting = True
        try:
            yield
        finally:
            self.say, self.log, self.mail = kept
            self.starting = False

    def warmed(self, slot: ServerSlot) -> list[Message]:
        """One step of slowstart; the last one is told as `is UP`."""
        one = self.servers[slot]
        change = state.warm(slot, int(self.clock()))
        requeued = self._followed(one, change)
        if not change.moved:
            return []
        told = [sentences.operational(one.name, one.via, change, requeued)]
        self._tell(one, told, change)
        return told

    # --- administrative states

    def set_admin(self, slot: ServerSlot, add: int, remove: int, why: str = "", host: str = "") -> list[Message]:
        """Set and clear state.FMAINT and its like. why: " (...)"; host: its name, for `resolves again`."""
        return self._administer(self.servers[slot], add, remove, why, host)

    def _administer(self, one: ServerLife, add: int, remove: int, why: str, host: str) -> list[Message]:
        before = state.facts(one.slot)["admin"]
        after = (before | add) & ~remove
        left = before & state.MAINT and not after & state.MAINT
        if left:
            self._resume_checks(one)
        back = self._state_after(one) if left else state.STOPPED
        change = state.administer(one.slot, add, remove, int(self.clock()), back)
        if not change.moved:
            return []
        if change.admin & state.MAINT and not change.old_admin & state.MAINT:
            if one.checked or change.old != state.STOPPED:
                self.pause_checks(one.slot)
            self._end_streams(one, change)
        requeued = self._followed(one, change)
        told = sentences.administrative(one.name, why, one.via, host, change, requeued)
        if self.starting and change.admin & ~change.old_admin:
            told = []  # what a server enters before the start is not told, what it leaves is
        entered = change.admin & state.DRAIN and not change.old_admin & (state.DRAIN | state.MAINT)
        self._tell(one, told, change, mails=bool(entered))
        for mask, bit in ((state.MAINT, state.IMAINT), (state.DRAIN, state.IDRAIN)):
            was, now = bool(change.old_admin & mask), bool(change.admin & mask)
            for tracker in one.trackers if was != now else ():
                told += self._administer(tracker, bit if now else 0, 0 if now else bit, "", "")
        return told

    def _state_after(self, one: ServerLife) -> int:
        """What a server is when it leaves maintenance: up, unless its check, its agent or the one it tracks says no."""
        facts = state.facts(one.slot)
        tracked = state.facts(one.tracked.slot)["state"] if one.tracked else state.RUNNING
        bad_agent = one.has_agent and facts["agent_health"] < AGENT_RISE
        if tracked == state.STOPPED or bad_agent or one.checked and facts["health"] < one.rise:
            return state.STOPPED
        return state.STOPPING if tracked == state.STOPPING else state.STARTING

    def pause_checks(self, slot: ServerSlot) -> None:
        """No checks in maintenance."""
        state.set_check_state(slot, state.check_state(slot) | (state.CHECK_PAUSED if self.servers[slot].checked else 0))
        state.set_health(slot, 0)

    def _resume_checks(self, one: ServerLife) -> None:
        if one.checked:
            state.set_check_state(one.slot, state.check_state(one.slot) & ~state.CHECK_PAUSED)
            state.set_health(one.slot, one.rise)
            state.hurry(one.slot)

    # --- what traffic tells

    def alarmed(self, slot: ServerSlot, errors: int, what: int) -> None:
        """observe: `errors` in a row, the last one `what` (WORDS). Does what on-error says."""
        one = self.servers[slot]
        if not one.checked or state.check_state(slot) & state.CHECK_PAUSED:
            return
        finding = Finding(HANA, 0, f"Detected {errors} consecutive errors, last one was: {WORDS[what]}")
        mode = one.item[words.ON_ERROR]
        if mode == "sudden-death" and state.facts(slot)["health"] > one.rise:
            state.set_health(slot, one.rise + 1)
        elif mode == "mark-down":
            state.set_health(slot, one.rise)
        judge = self.judges.get(slot)
        if mode != "fastinter" and judge is not None:
            judge(finding, -1)
        state.hurry(slot)
        if self.follow:
            self.follow(slot)

    # --- weights

    def reweigh(self, slot: ServerSlot, weight: int) -> list[Message]:
        """Give a server the weight 0..256. Returns what was said."""
        one = self.servers[slot]
        change = state.reweigh(slot, weight, int(self.clock()))
        self._followed(one, change)
        told: list[Message] = []
        self._tell(one, told, change)
        return told

    # --- consequences

    def _end_streams(self, one: ServerLife, change: Change) -> None:
        """on-marked-down shutdown-sessions; on-marked-up shutdown-backup-sessions."""
        if change.state == state.STOPPED and one.item[words.ON_MARKED_DOWN]:
            state.end_streams(one.slot, "D")
        usable = change.state in (state.STARTING, state.RUNNING) and one.slot.usable
        if usable and one.item[words.ON_MARKED_UP] and not one.item[BACKUP]:
            for other in self.servers.values():
                if other.proxy is one.proxy and other.item[BACKUP]:
                    state.end_streams(other.slot, "U")

    def _followed(self, one: ServerLife, change: Change) -> int:
        """Have this process and all others act; how many streams were put back into queues, or served."""
        here = self.follow(one.slot) if self.follow else 0
        return here if one.slot.usable else max(0, change.queued - state.facts(one.slot)["qcur"])

    def _tell(self, one: ServerLife, told: list[Message], change: Change, mails: bool = True) -> None:
        """Say, log and mail; and that no server is left, if so."""
        for each in told:
            self.speak(one, each, each.level if mails else None)
        if change.before and not change.active + change.backup:
            last = sentences.no_server(one.proxy.name, "proxy" if one.proxy.kind == "listen" else "backend")
            told.append(last)
            self.say(last)
            self.log(one.proxy, last.level, last.text)

    def speak(self, one: ServerLife, message: Message, mail: int | None = INFO) -> None:
        """One sentence to stderr, the proxy's log and its mail. mail: its level there, None: not mailed; info is that of a check's line."""
        self.say(message)
        self.log(one.proxy, message.level, message.text)
        if mail is not None and self.mail is not None:
            self.mail(one, mail, message.text.removesuffix("."))
