"""From the command line to a serving process, in HAProxy's order: read, build, bind, limits, pid file, background,
privileges, workers. Whatever goes wrong is one ALERT line and a status; never a traceback."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from frontends import handing
from frontends.bind import BindFailure, probe, wanted
from haproxy_py import features
from haproxy_py.config.address import resolve
from haproxy_py.config.errors import ConfigError, Faults, Level
from haproxy_py.config.keywords import process as words
from haproxy_py.config.keywords import server_options
from haproxy_py.config.keywords.stats_socket import STATS_MAXCONN, STATS_SOCKETS
from haproxy_py.config.model import Address, Config
from haproxy_py.config.reader import load
from haproxy_py.process import background, limits, listings, masterdoors, privileges, reexec, worker
from haproxy_py.process.dump import Dump
from haproxy_py.process.options import Options
from haproxy_py.process.output import Console, stdout
from haproxy_py.process.reexec import Handover
from haproxy_py.process.settings import Settings, preset, settings
from haproxy_py.process.supervisor import Hooks, Supervisor, block_signals
from haproxy_py.process.systemd import Notifier
from haproxy_py.process.types import Instance, InstanceType, StartError
from haproxy_py.runtime import sockets
from haproxy_py.runtime.bus import Bus
from haproxy_py.runtime.service import startup_logs
from haproxy_py.runtime.sockets import Door

BIND_TRIES = 200  # 10 ms apart, while older processes are asked to pause (management manual 4)
NO_LISTENER = "Configuration file has no error but will not start (no listener) => exit(2).\n"
ZERO_WARNING = "config : Some warnings were found and 'zero-warning' is set. Aborting."


@dataclass(slots=True)
class Program:
    """One start. program: name for messages. instance_type: what is run (tests give their own)."""

    options: Options
    console: Console
    program: str
    instance_type: InstanceType

    def read(self) -> tuple[Config, Settings]:
        """Read the configuration and print its faults. Raises: StartError: it must not be run."""
        self._change_directory()
        features.load()
        told = Dump(self.options.dump) if self.options.dump is not None and not self.console.quiet else None
        config, faults = load(
            self.options.files, env=self._environment(), resolver=self._resolve, preset=preset(self.options), told=told
        )
        self.console.quiet = self.options.quiet_with(config.globals[words.QUIET])
        self._print(faults)
        if faults.fatal:
            raise StartError("config : Fatal errors found in configuration.") if config.files else StartError()
        said = settings(config, self.options)
        if self.options.master_sockets and not said.master:
            self.console.warning("config : a master CLI socket was defined, but master-worker mode (-W) is not enabled.")
        if said.zero_warning and self.console.warned:
            raise StartError(ZERO_WARNING)
        self._lists()
        return config, said

    def _lists(self) -> None:
        """What -dK and -dL ask for."""
        if self.options.keywords is not None:
            stdout(listings.keyword_lists(self.options.keywords))
        if self.options.objects:
            stdout(("" if self.console.quiet else "List of loaded object files:\n") + listings.loaded_objects())

    def _print(self, faults: Faults) -> None:
        """Every fault; behind those of a file with errors a line about the file, as HAProxy prints them."""
        file, wrong, told = "", False, set()
        for fault in [*faults.found, None]:
            at = fault.where.file if fault and fault.where else "" if fault is None else file
            if at != file:
                if wrong and file not in told:
                    self.console.alert(f"config : Error(s) found in configuration file : {file}")
                    told.add(file)
                file, wrong = at, False
            if fault and (fault.level is not Level.DIAG or self.options.diagnose):
                self.console.faults([fault])
                wrong = wrong or (fault.level is Level.ALERT and fault.where is not None)

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ)
        if self.options.master:
            env["HAPROXY_MWORKER"] = "1"
        if self.options.peer:
            env["HAPROXY_LOCALPEER"] = self.options.peer
        return env

    def _resolve(self, address: Address) -> Address:
        try:
            return resolve(address)
        except ConfigError:
            if self.options.ignore_resolution:
                return address
            raise

    def _change_directory(self) -> None:
        directory = self.options.directory
        if directory is not None:
            try:
                os.chdir(os.path.join(reexec.START_DIRECTORY, directory))
            except OSError as wrong:
                raise StartError(f"Could not change to directory {directory} : {wrong.strerror}") from None

    def build(self, config: Config, said: Settings) -> Instance:
        """Raises: StartError: a certificate or the like is not usable."""
        try:
            made = self.instance_type.build(config, workers=said.workers)
            for text in made.told:
                self.console.warning(f"config : {text}")
            return made
        except ConfigError as wrong:
            place = f"parsing [{wrong.where}] : " if wrong.where else ""
            raise StartError(f"config : {place}{wrong.text}") from None
        except (MemoryError, OSError) as wrong:
            raise StartError(f"config : {wrong}") from None

    def check(self) -> int:
        """-c: status 0 and a word on stdout; 2 for a configuration that is right but listens nowhere."""
        config, said = self.read()
        self.build(config, said)
        listens = _listens(config)
        text = ("Warnings were found.\n" if self.console.warned else "") + "Configuration file is valid\n"
        if not self.console.quiet:
            stdout(text if listens else NO_LISTENER)
        return 0 if listens else 2

    def fit(self, inherited: Mapping[str, int]) -> bool:
        """Whether the configuration on disk can be run, for a reload that takes over the descriptors of `inherited`; prints its
        faults, ports that somebody else has among them."""
        try:
            config, said = self.read()
            self.build(config, said)
            probe(config, inherited, sockets.wanted(config))
        except BindFailure as failure:
            self.tell(self._unbound(failure))
            return False
        except StartError as wrong:
            self.tell(wrong)
            return False
        return True

    def tell(self, wrong: StartError) -> None:
        """Print why the start failed."""
        for text in wrong.texts:
            self.console.alert(text)

    def run(self, handover: Handover | None) -> int:
        """Start and serve; a failed reload leaves the former workers serving."""
        notifier = Notifier.from_environment() if self.options.systemd else Notifier(None)
        if handover is not None:  # the pids of -sf and -st were told in another life
            self.options.finish.clear()
            self.options.terminate.clear()
        try:
            return self._run(handover, notifier)
        except StartError as wrong:
            self.tell(wrong)
        except Exception as wrong:
            if handover is None:
                raise
            self.console.alert(f"internal error: {type(wrong).__name__}: {wrong}")
        return self._wait_mode(handover, notifier)

    def _run(self, handover: Handover | None, notifier: Notifier) -> int:
        config, said = self.read()
        self._warn_of_flags()
        if not _listens(config):
            raise StartError(f"[{self.program}.main()] No enabled listener found (check for 'bind' directives) ! Exiting.")
        instance = self.build(config, said)
        if handover is not None and handover.states:
            instance.take_over(handover.states)
        block_signals()  # from the first bound address on a signal must find its handler: unhandled, SIGTTOU would stop us
        self._bind(instance, handover.descriptors if handover else self._given(config))
        self._raise_limits(config, said, instance)
        pid_fd = background.open_pidfile(said, self.program)
        if handover is None and said.daemon:
            background.detach()
        background.write_pid(pid_fd)
        if not said.master:
            privileges.drop(said, self.console, self.program)
        if not said.supervised:
            return self._alone(said, instance)
        return self._supervise(config, said, instance, handover, notifier)

    def _warn_of_flags(self) -> None:
        if self.options.inherited_again:
            self.console.warning("-x option already set, overwriting the value")

    def _given(self, config: Config) -> dict[str, int]:
        """-x: the listening sockets of a former process that this configuration wants too. Raises: StartError."""
        path = self.options.inherit_from
        if path in (None, "", os.devnull):
            return {}
        try:
            given = handing.take(str(path))
        except handing.TakeFailure as wrong:
            self.console.warning(str(wrong))
            raise StartError("Failed to get the sockets from the old process!") from None
        return handing.match(given, (*wanted(config), *sockets.wanted(config)))

    def _bind(self, instance: Instance, inherited: Mapping[str, int]) -> None:
        """Bind, asking the older processes of -sf and -st to make room when an address is in use."""
        older = self.options.finish + self.options.terminate
        for attempt in range(BIND_TRIES if older else 1):
            try:
                instance.bind(inherited)
            except BindFailure as wrong:
                failure = wrong
                if older and attempt == 0:
                    background.signal_all(older, signal.SIGTTOU)
                time.sleep(0.01 if older else 0)
            else:
                for fd in instance.listening.values():
                    os.set_inheritable(fd, False)
                return
        background.signal_all(older, signal.SIGTTIN)
        raise self._unbound(failure)

    def _unbound(self, failure: BindFailure) -> StartError:
        return StartError(*str(failure).split("\n"), f"[{self.program}.main()] Some protocols failed to start their listeners! Exiting.")

    def _raise_limits(self, config: Config, said: Settings, instance: Instance) -> None:
        checked = sum(server[server_options.CHECK] for proxy in config.proxies for server in proxy.servers)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        runtime = config.globals[STATS_MAXCONN] if config.globals[STATS_SOCKETS] else 0
        bus = 2 * (said.workers + 2) if said.supervised else 0
        plan = limits.plan(said, len(instance.listening) + runtime + bus, checked, hard)
        limits.raise_descriptors(plan.descriptors, said, self.console, self.program)
        limits.limit_memory(said, self.console, self.program)
        instance.segment.maxconn = plan.maxconn
        instance.hard_maxconn = plan.maxconn
        if self.options.no_splice and hasattr(instance, "worker"):
            instance.worker.splice = False

    def _wait_mode(self, handover: Handover | None, notifier: Notifier) -> int:
        """A reload that failed behind the exec: supervise the former workers only."""
        if handover is None or not handover.workers:
            return 1
        self.console.warning("Loading failure!")
        notifier.ready("Reload failed!")
        hooks = Hooks(work=lambda slot, on_ready: 1, check=lambda: self.fit(handover.descriptors))
        waiting = Supervisor(None, hooks, self.console, notifier, 0, True, handover.workers, dict(handover.descriptors))
        waiting.state = handover.master
        waiting.state.failed += 1
        masterdoors.answer(waiting.state, False, self.console)
        try:
            waiting.socket = masterdoors.serve(waiting, waiting.state, self._doors({}, waiting.state))
        except StartError as wrong:
            self.tell(wrong)  # the former workers serve on without it
        return waiting.serve()

    def _doors(self, env: Mapping[str, str], state: reexec.MasterState) -> list[tuple[int, Door]]:
        """Those of -S. Raises: StartError."""
        try:
            return masterdoors.doors(self.options.master_sockets, env, state)
        except BindFailure as failure:
            raise self._unbound(failure) from None

    def _work(self, said: Settings, instance: Instance, unused: dict[str, int]) -> Hooks:
        """unused: listening descriptors of the former configuration, emptied once the supervisor has closed its own."""

        def work(slot: int, on_ready: Callable[[], None]) -> int:
            background.close_unused(unused, instance.listening)
            if said.master:
                privileges.drop(said, self.console, self.program)
            return self._serve(said, instance, slot, on_ready)

        return Hooks(work=work, check=lambda: self.fit(instance.listening))

    def _alone(self, said: Settings, instance: Instance) -> int:
        """nbthread 1 and no master: this process serves."""
        worker.freeze()
        self.console.preface = False
        startup_logs[:] = self.console.kept
        return self._serve(said, instance, 1, self._started)

    def _serve(self, said: Settings, instance: Instance, slot: int, on_ready: Callable[[], None]) -> int:
        """Serve to the end. Returns: the exit status."""
        return worker.run_worker(
            instance, slot, self.console, on_ready, hard_stop_after_ms=said.hard_stop_after_ms, grace_ms=said.grace_ms
        )

    def _started(self) -> None:
        """Everything serves: older processes may go, whoever waits for a daemon is told."""
        background.signal_all(self.options.finish, signal.SIGUSR1)
        background.signal_all(self.options.terminate, signal.SIGTERM)
        background.report_success()

    def _supervise(
        self, config: Config, said: Settings, instance: Instance, handover: Handover | None, notifier: Notifier
    ) -> int:
        worker.freeze()
        former = handover.workers if handover else []
        before = dict(handover.descriptors) if handover else {}
        state = handover.master if handover else reexec.MasterState()
        doors = self._doors(config.env, state) if said.master else []
        startup_logs[:] = self.console.kept
        hooks = self._work(said, instance, before)
        supervisor = Supervisor(
            instance, hooks, self.console, notifier, said.workers, said.master, former, instance.listening
        )
        supervisor.bus = instance.bus = Bus(said.workers)
        supervisor.state = state
        supervisor.socket = masterdoors.serve(supervisor, state, doors)
        if not supervisor.start():
            background.close_unused(instance.listening, before)
            raise StartError(f"[{self.program}.main()] Some workers failed to start.")
        background.close_unused(before, instance.listening)
        before.clear()
        if said.master:
            self.console.notice("Loading success.")
        state.failed = 0
        masterdoors.answer(state, True, self.console)
        self._dismiss(former, said, hard=state.hard)
        state.hard = False
        notifier.ready()
        self._started()
        return supervisor.serve()

    def _dismiss(self, former: Sequence[reexec.Former], said: Settings, *, hard: bool = False) -> None:
        """Former workers finish; one that has lived through too many reloads ends (mworker-max-reloads)."""
        for old in former:
            old.leaving = True
            tired = hard or said.max_reloads is not None and old.reloads > said.max_reloads
            background.signal_all([old.pid], signal.SIGTERM if tired else signal.SIGUSR1)


def program_name() -> str:
    """As in argv[0]."""
    return sys.argv[0] or "pyhaproxy"


def _listens(config: Config) -> bool:
    """Is there anything to listen on? A runtime socket is enough."""
    return bool(wanted(config) or sockets.wanted(config))
