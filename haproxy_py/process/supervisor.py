"""The parent of the workers: forks them, replaces one that dies, passes signals on, reloads (management manual 4).

It runs no event loop: its signals are blocked and waited for, so that none can be lost, not even over an exec. As a master
(-W) it answers SIGUSR2 and SIGHUP by a reload and ends with status 0; without -W it is what HAProxy's one process is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from haproxy_py.process import background, kernel, reexec
from haproxy_py.process.desk import READ, WRITE, Desk
from haproxy_py.process.mastersocket import MasterClient, MasterSocket
from haproxy_py.process.output import Console
from haproxy_py.process.reexec import Former, MasterState
from haproxy_py.process.systemd import Notifier
from haproxy_py.process.types import Instance, StartError
from haproxy_py.process.worker import HANDLED, die_by, unblock
from haproxy_py.runtime.bus import Bus
from haproxy_py.runtime.master import Target

WAITED = frozenset({*HANDLED, signal.SIGCHLD}) - {signal.SIGPIPE}
READY_WITHIN_S = 60.0
START_TRIES = 4  # workers killed by a signal before they serve: the start goes on with another
KILL_AFTER_S = 5.0
CRASH_WITHIN_S = 10.0  # a worker that dies younger than this is replaced after a delay that doubles
DELAYS_S = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class Child:
    """A worker of the running configuration. ready_fd: readable once it serves, at its end when it died before."""

    pid: int
    slot: int
    born: float
    ready_fd: int = -1
    wall: float = field(default_factory=time.time)  # born, in wall seconds
    reloads: int = 0  # that were tried in its time, and failed


@dataclass(slots=True)
class Slot:
    """A place for a worker: how often in a row it died young, and when the next may start (monotonic seconds)."""

    crashes: int = 0
    due: float | None = None


@dataclass(slots=True)
class Hooks:
    """What the start sequence supplies. work: be worker (slot, on_ready) and return its status. check: is the configuration
    on disk fit to run; it prints its faults."""

    work: Callable[[int, Callable[[], None]], int]
    check: Callable[[], bool] = lambda: True


def end_with_parent(parent: int) -> None:
    """Never outlive the supervisor, not even when it ended before this call."""
    kernel.set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def describe(status: int) -> tuple[int, str]:
    """A wait status as HAProxy tells it: (code, word), 128 + n for a signal."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return 128 - code, signal.strsignal(-code) or "Unknown"
    return code, "Exit"


@dataclass(slots=True)
class Supervisor:
    """instance None: no configuration is fit to run, former workers serve on (a failed reload)."""

    instance: Instance | None
    hooks: Hooks
    console: Console
    notifier: Notifier
    workers: int
    master: bool = False
    former: list[Former] = field(default_factory=list)
    descriptors: dict[str, int] = field(default_factory=dict)
    children: dict[int, Child] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)
    stopping: int = 0  # the signal that ends it
    last_code: int = 0
    kill_at: float | None = None
    bus: Bus | None = None  # to the workers; None: there is nobody to talk to
    desk: Desk | None = None
    state: MasterState = field(default_factory=MasterState)
    socket: MasterSocket | None = None  # -S

    def start(self) -> bool:
        """Fork the workers and wait until all serve. False: one failed, the others are ended again."""
        self.slots = {slot: Slot() for slot in range(1, self.workers + 1)}
        for slot in self.slots:
            self.fork_worker(slot)
        if all(self._ready_or_again(child) for child in list(self.children.values())):
            return True
        for child in list(self.children.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            self._retire(child)
        return False

    def _ready_or_again(self, child: Child) -> bool:
        """Wait until a worker serves. One that a signal has killed says nothing of the configuration: another takes its place."""
        for _ in range(START_TRIES):
            said = self._wait_ready(child)
            if said != b"":
                return said == b"1"
            pid, status = os.waitpid(child.pid, 0)
            self._retire(child)
            if not os.WIFSIGNALED(status):
                return False
            code, word = describe(status)
            self.console.alert(f"Current worker ({pid}) exited with code {code} ({word})")
            child = self.fork_worker(child.slot)
        return False

    def fork_worker(self, slot: int) -> Child:
        """One more process; in the child this does not return."""
        reader, writer = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._be_worker(slot, parent, writer)
        os.close(writer)
        child = self.children[pid] = Child(pid, slot, time.monotonic(), reader)
        if self.master:
            self.console.notice(f"New worker ({pid}) forked")
        return child

    def _be_worker(self, slot: int, parent: int, ready_fd: int) -> None:
        code = 1
        try:
            for child in self.children.values():
                os.close(child.ready_fd)
            self.children.clear()
            if self.desk is not None:
                self.desk.close()
            if self.socket is not None:
                self.socket.close()
            for fd in self.state.waiting:
                os.close(fd)
            self.console.preface = False
            end_with_parent(parent)

            def on_ready() -> None:
                end_with_parent(parent)  # again: changing user or group has cleared it
                background.leave_with_daemon()
                os.write(ready_fd, b"1")
                os.close(ready_fd)

            code = self.hooks.work(slot, on_ready)
            sys.stdout.flush()
        except StartError as wrong:
            for text in wrong.texts:
                self.console.alert(text)
        except BaseException as wrong:  # noqa: BLE001 - nothing may climb out of a forked child
            self.console.alert(f"worker {slot}: internal error: {type(wrong).__name__}: {wrong}")
        finally:
            os._exit(code)

    def _wait_ready(self, child: Child) -> bytes | None:
        """b"1": it serves; empty: it has ended; None: neither in READY_WITHIN_S."""
        return self.notifier.read(child.ready_fd, 1, time.monotonic() + READY_WITHIN_S)

    def serve(self) -> int:
        """Supervise until everything has ended. Returns: the exit status."""
        self.desk = Desk(WAITED)
        if self.bus is not None:
            self.bus.become(0, self.instance)
            self.desk.watch(self.bus.fileno(), READ, lambda events: self._hear())
        if self.socket is not None:
            self.socket.start()
        while True:
            self._reap()
            if not self.children and not self.former and (self.stopping or self.instance is None):
                return self._ended()
            self._replace_due()
            self._handle(self._next_signal())
            self.notifier.alive()

    def _next_signal(self) -> int:
        """Wait for a signal or the next deadline; 0 for the latter."""
        due = [at for at in (self.kill_at, self.notifier.due, *(s.due for s in self.slots.values())) if at is not None]
        assert self.desk is not None
        return self.desk.next(min(due) if due else None)

    def _hear(self) -> None:
        """What workers send over the bus; what one of them does not take yet is sent when it does."""
        if self.bus is None or self.desk is None:
            return
        self.bus.read()
        for fd in self.bus.blocked():
            self.desk.watch(fd, WRITE, lambda events, fd=fd: self._flush(fd))  # type: ignore[misc]

    def _flush(self, fd: int) -> None:
        if self.bus is not None and self.desk is not None:
            self.bus.flush()
            if fd not in self.bus.blocked():
                self.desk.forget(fd)

    def targets(self) -> list[Target]:
        """The generations of workers that can be spoken to, the current one first."""
        found = []
        if self.bus is not None:
            pids = [child.pid for child in sorted(self.children.values(), key=lambda child: child.slot)]
            found.append(Target(self.bus.channel[0].fileno(), tuple(pids)))
        for channel in dict.fromkeys(old.channel for old in sorted(self.former, key=lambda old: old.leaving) if old.channel >= 0):
            found.append(Target(channel, tuple(old.pid for old in self.former if old.channel == channel)))
        return found

    def reload_for(self, client: MasterClient, *, hard: bool = False) -> None:
        """A reload that a client of the master's socket is waiting for: who becomes the new master answers it.

        hard: the former workers end at once.
        """
        self.state.hard = hard
        self.state.waiting.append(client.sock.fileno())
        self._reload()
        self.state.waiting.remove(client.sock.fileno())  # still here: it has failed
        self.state.hard = False
        client.out += told_reload(False, self.console.kept)
        client.client.closing = True

    def _handle(self, signum: int) -> None:
        if signum in (signal.SIGTERM, signal.SIGINT) or signum == signal.SIGUSR1:
            self._stop(signum)
        elif signum in (signal.SIGUSR2, signal.SIGHUP) and self.master:
            self._reload()
        elif signum in (signal.SIGHUP, signal.SIGQUIT) and not self.master:
            self._signal_all(signum, first_only=True)
        elif signum in (signal.SIGTTOU, signal.SIGTTIN):
            self._signal_all(signum)
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            self.kill_at = None
            self._signal_all(signal.SIGKILL)

    def _signal_all(self, signum: int, *, first_only: bool = False) -> None:
        pids = [*self.children, *(worker.pid for worker in self.former)]
        for pid in pids[:1] if first_only else pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def _stop(self, signum: int) -> None:
        """SIGUSR1: everyone finishes; SIGTERM and SIGINT: everyone ends now, by SIGKILL where that is not enough."""
        if not self.stopping and self.master:
            self.console.warning("Exiting Master process...")
            self.notifier.stopping()
        self.stopping = signum
        for fd in self.descriptors.values():
            os.close(fd)
        self.descriptors.clear()
        for slot in self.slots.values():
            slot.due = None
        if signum != signal.SIGUSR1:
            self.kill_at = time.monotonic() + KILL_AFTER_S
        self._signal_all(signum)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._died(pid, *describe(status))

    def _died(self, pid: int, code: int, word: str) -> None:
        child = self.children.get(pid)
        former = next((worker for worker in self.former if worker.pid == pid), None)
        if child is None and former is None:
            return
        leaving = former is not None and former.leaving
        self.last_code = code
        if self.master or code and not self.stopping:
            tell = self.console.alert if code and not leaving else self.console.warning
            tell(f"{'Former' if leaving else 'Current'} worker ({pid}) exited with code {code} ({word})")
        gone = [worker.channel for worker in self.former if worker.pid == pid and worker.channel >= 0]
        self.former = [worker for worker in self.former if worker.pid != pid]
        for channel in gone:
            if all(worker.channel != channel for worker in self.former):
                os.close(channel)
        if child is not None:
            self._retire(child)
            if not self.stopping:
                self._plan_replacement(child)

    def _retire(self, child: Child) -> None:
        os.close(child.ready_fd)
        del self.children[child.pid]
        if self.instance is not None:
            self.instance.segment.retire(child.slot)

    def _plan_replacement(self, child: Child) -> None:
        slot, now = self.slots[child.slot], time.monotonic()
        slot.crashes = slot.crashes + 1 if now - child.born < CRASH_WITHIN_S else 0
        slot.due = now + DELAYS_S[min(slot.crashes, len(DELAYS_S)) - 1 if slot.crashes else 0]

    def _replace_due(self) -> None:
        now = time.monotonic()
        for number, slot in self.slots.items():
            if slot.due is not None and slot.due <= now:
                slot.due = None
                self.fork_worker(number)

    def _reload(self) -> None:
        """Try the new configuration in a child; only if it is fit become it, else everything stays as it is."""
        if self.stopping:
            return
        self.notifier.reloading()
        self.console.notice("Reloading HAProxy")
        self.console.kept.clear()
        if not self._fit():
            self.console.warning("Loading failure!")
            self._failed()
            return
        channel = self.bus.channel[0].fileno() if self.bus is not None else -1
        born = [Former(child.pid, child.reloads, child.wall, channel) for child in self.children.values()]
        try:
            states = self.instance.states() if self.instance is not None else ""
            reexec.become_new(self.descriptors, [*self.former, *born], self.state, states)
        except OSError as wrong:
            self.console.warning(f"Failed to reexecute the master process: {wrong.strerror}")
            self.console.warning("Loading failure!")
            self._failed()

    def _failed(self) -> None:
        """A reload that has changed nothing is counted all the same."""
        self.state.reloads += 1
        self.state.failed += 1
        for child in self.children.values():
            child.reloads += 1
        for worker in self.former:
            worker.reloads += 1
        self.notifier.ready("Reload failed!")

    def _fit(self) -> bool:
        reader, writer = os.pipe()
        master, pid = os.getpid(), os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(reader)
                unblock()
                self.console.pid = master
                code = 0 if self.hooks.check() else 1
                if code:
                    os.write(writer, "".join(self.console.kept).encode("utf-8", "surrogateescape")[:4096])
            except BaseException as wrong:  # noqa: BLE001 - nothing may climb out of a forked child
                self.console.alert(f"internal error while checking: {type(wrong).__name__}: {wrong}")
            finally:
                os._exit(code)
        os.close(writer)
        said = b""
        while part := self.notifier.read(reader, 4096):
            said += part
        os.close(reader)
        if said:
            self.console.kept.append(said.decode("utf-8", "surrogateescape"))
        return os.waitpid(pid, 0)[1] == 0

    def _ended(self) -> int:
        if self.master:
            by_us = self.stopping in (signal.SIGTERM, signal.SIGUSR1)  # SIGINT shows, as in HAProxy: 130
            code = 0 if by_us else self.last_code
            self.console.warning(f"All workers exited. Exiting... ({code})")
            return code
        if self.stopping in (signal.SIGTERM, signal.SIGINT):
            die_by(self.stopping)
        return 0


def told_reload(success: bool, kept: Iterable[str]) -> bytes:
    """What `reload` on the master's socket is answered."""
    return (f"Success={int(success)}\n--\n" + "".join(kept) + "\n").encode("utf-8", "surrogateescape")


def block_signals() -> None:
    """From here on signals wait until serve() takes them. SIGCHLD must not be ignored, as a parent may have left it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, lambda signum, frame: None)  # nobody's here; unhandled it would end us
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)
