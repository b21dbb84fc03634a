"""One serving process: its event loop, what signals do to it, and how it ends (management manual 4).

SIGTERM and SIGINT end it at once, by the signal itself; SIGUSR1 lets it finish; SIGTTOU and SIGTTIN pause and resume its
listeners; SIGHUP and SIGQUIT print what it knows. Nothing raised in here reaches the user as a traceback.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import traceback
from collections.abc import Callable, Iterable

from haproxy_py.observe.sender import output as log_output
from haproxy_py.process import tell
from haproxy_py.process.output import Console
from haproxy_py.process.types import Instance, StartError

CHECKER_PERIOD_S = 1.0

HANDLED = (
    signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT, signal.SIGTTOU,
    signal.SIGTTIN, signal.SIGPIPE,
)  # fmt: skip


def new_loop() -> asyncio.AbstractEventLoop:
    """A uvloop, or asyncio's own where uvloop is not installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class Worker:
    """Runs one Instance to its end. hard_stop_after_ms: longest duration of a soft stop, None: unlimited. grace_ms: between
    SIGUSR1 and the soft stop."""

    def __init__(
        self, instance: Instance, slot: int, console: Console, *, hard_stop_after_ms: int | None = None,
        grace_ms: int = 0,
    ) -> None:
        self.instance = instance
        self.console = console
        self.hard_stop_after_ms = hard_stop_after_ms
        self.grace_ms = grace_ms
        self.slot = slot
        self.killed_by = 0
        self._end = asyncio.Event()
        self._stopping = False
        self._paused = False

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until a signal ends it; `on_ready` is called when the listeners are being watched."""
        loop = asyncio.get_running_loop()
        self._handle_signals(loop)
        self.instance.start(loop, self.slot)
        log_output.alarm = self.console.alert
        on_ready()
        checks = loop.create_task(self._keep_checks())
        waiting = [loop.create_task(self._end.wait()), loop.create_task(self.instance.drained.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in (*waiting, checks):
            task.cancel()
        await self.instance.stop()

    async def _keep_checks(self) -> None:
        """One worker checks the servers; should it die, another does from the next second on."""
        while True:
            try:
                await self.instance.run_checks()
            except Exception as wrong:  # noqa: BLE001 - traffic goes on without checks
                self.console.alert(f"health checks: internal error: {type(wrong).__name__}: {wrong}")
                return
            await asyncio.sleep(CHECKER_PERIOD_S)

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.hard_stop, signum)
        loop.add_signal_handler(signal.SIGUSR1, self.soft_stop)
        loop.add_signal_handler(signal.SIGTTOU, self._pause)
        loop.add_signal_handler(signal.SIGTTIN, self._resume)
        loop.add_signal_handler(signal.SIGHUP, self._dump)
        loop.add_signal_handler(signal.SIGQUIT, self._dump_memory)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        unblock()

    def _speak(self, lines: Iterable[str]) -> None:
        """Say something once for all workers."""
        if tell.speaks(self.instance.segment):
            for line in lines:
                self.console.warning(line)

    def _pause(self) -> None:
        if not (self._paused or self._stopping):
            self._paused = True
            self.instance.pause()
            self._speak(tell.listeners(self.instance.config, "Paused"))

    def _resume(self) -> None:
        if self._paused and not self._stopping:
            self._paused = False
            self.instance.resume()
            self._speak(tell.listeners(self.instance.config, "Resumed"))

    def hard_stop(self, signum: int) -> None:
        """End now; every connection is closed."""
        self.killed_by = signum
        self._end.set()

    def soft_stop(self) -> None:
        """After the time of grace stop listening; end when the last connection has."""
        if self._stopping:
            return
        self._stopping = True
        if self.grace_ms:
            asyncio.get_running_loop().call_later(self.grace_ms / 1000, self._stop_listening)
        else:
            self._stop_listening()

    def _stop_listening(self) -> None:
        segment = self.instance.segment
        if not segment.stopping and tell.speaks(segment):
            segment.stopping = True  # another may become the first that is alive before its signal comes
            self._speak(tell.stopped(self.instance.config, segment))
        if self.hard_stop_after_ms is not None:
            asyncio.get_running_loop().call_later(self.hard_stop_after_ms / 1000, self._too_long)
        self.instance.soft_stop()
        for fd in self.instance.listening.values():
            os.close(fd)  # the last of all copies frees the address
        self.instance.listening.clear()

    def _too_long(self) -> None:
        self.console.warning("soft-stop running for too long, performing a hard-stop.")
        self._end.set()

    def _dump(self) -> None:
        self.console.warning("SIGHUP received, dumping servers states.")
        for line in tell.states(self.instance.config, self.instance.segment):
            self.console.warning(f"SIGHUP: {line}")

    def _dump_memory(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.console.warning(f"SIGQUIT received: {used} kB at most were resident; pools give back what they do not use.")


def freeze() -> None:
    """Make what exists now permanent and stop the collector: nothing on the request path makes cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()


def unblock(signals: Iterable[signal.Signals] = HANDLED) -> None:
    """Let signals in again that the start sequence or a supervisor had blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*signals, signal.SIGCHLD})


def run_worker(
    instance: Instance,
    slot: int,
    console: Console,
    on_ready: Callable[[], None],
    *,
    hard_stop_after_ms: int | None = None,
    grace_ms: int = 0,
) -> int:
    """Be worker `slot` (from 1) until the end. Returns: the exit status; a hard stop ends by its signal and does not return."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    worker = Worker(instance, slot, console, hard_stop_after_ms=hard_stop_after_ms, grace_ms=grace_ms)
    try:
        loop.run_until_complete(worker.run(on_ready))
    except StartError as wrong:
        for text in wrong.texts:
            console.alert(text)
        return 1
    except Exception as wrong:  # noqa: BLE001 - told as one line, never as a traceback
        if os.environ.get("PYHAPROXY_DEBUG"):
            traceback.print_exc()
        console.alert(f"worker {slot}: internal error: {type(wrong).__name__}: {wrong}")
        return 1
    if worker.killed_by:
        die_by(worker.killed_by)
    return 0


def die_by(signum: int) -> None:
    """End as an unhandled signal would, so that the parent sees it; as process 1 by the status a shell would show."""
    signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    os.kill(os.getpid(), signum)
    os._exit(128 + signum)
