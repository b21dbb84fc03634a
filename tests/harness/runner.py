"""Runs many cases in one process of a product: each case has proxy sections, ports and origin servers of its own."""

import asyncio
import csv
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.harness.case import DEFAULT_GLOBAL, Case, Names, Result, Side, Template, mask_bytes, mask_log
from tests.harness.origin import Origin
from tests.harness.ports import Reservation
from tests.harness.products import Product, StartError
from tests.harness.runtime_client import ask
from tests.harness.syslog import Syslog
from tests.harness.wire import On, Peer, Quiet, connect

SETTLE_SECONDS = 0.15
SOCKET = "stats.sock"
CASE_SECONDS = 30.0
AT_ONCE = 40

Outcomes = dict[str, Result | str]
COUNTERS = (
    "stot", "conn_tot", "req_tot", "bin", "bout", "dreq", "dresp", "ereq", "econ", "eresp", "wretr", "wredis", "lbtot", "connect", "reuse",
    "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other", "cli_abrt", "srv_abrt", "intercepted", "wrew", "eint",
    "dcon", "dses", "qcur", "scur",
)  # fmt: skip


def run_cases(
    product: Product, templates: Mapping[str, Template], cases: Sequence[Case], settle: float = SETTLE_SECONDS
) -> Outcomes:
    """Returns: by case id a Result, or a text that says why the product did not run this case's configuration."""
    outcomes: Outcomes = {}
    for group in _groups(templates, cases):
        outcomes.update(_run_group(product, templates, group, settle))
    return outcomes


def _groups(templates: Mapping[str, Template], cases: Iterable[Case]) -> list[list[Case]]:
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        found.setdefault(templates[case.template].setting, []).append(case)
    return list(found.values())


def _run_group(product: Product, templates: Mapping[str, Template], group: list[Case], settle: float) -> Outcomes:
    """One process for all; when its start fails, halves by template, so that one keyword costs its own cases only."""
    try:
        return asyncio.run(_Lane(product, templates, group, settle).run())
    except StartError as failed:
        names = sorted({case.template for case in group})
        if len(names) == 1:
            return {case.id: str(failed) for case in group}
    left = set(names[: len(names) // 2])
    outcomes = _run_group(product, templates, [case for case in group if case.template in left], settle)
    outcomes.update(_run_group(product, templates, [case for case in group if case.template not in left], settle))
    return outcomes


class _Lane:
    """One process of the product with the sections of all `cases`."""

    def __init__(self, product: Product, templates: Mapping[str, Template], cases: list[Case], settle: float) -> None:
        self.product = product
        self.templates = templates
        self.cases = cases
        self.settle = settle
        self.stages: list[_Stage] = []
        self.syslog = Syslog()
        self.counters: dict[str, list[str]] = {}  # by name of a proxy

    async def run(self) -> Outcomes:
        await self.syslog.open()
        with Reservation() as ports, tempfile.TemporaryDirectory(prefix="case-") as folder:
            try:
                for case in self.cases:
                    self.stages.append(_Stage(case, self.templates[case.template], ports, Path(folder), self.settle))
                with self.product.start(self._config(folder), [stage.port for stage in self.stages]) as running:
                    await self._play()
                    if running.process.poll() is None:
                        await self._count(Path(folder, SOCKET))
                    if running.process.poll() is not None:
                        raise StartError(f"{self.product.name} died with {running.process.returncode}: {running.stderr()}")
                _report_slow(self.stages)
                return {stage.case.id: stage.result(self.syslog, self.counters) for stage in self.stages}
            finally:
                self.syslog.close()
                for stage in self.stages:
                    stage.close()

    def _config(self, folder: str) -> str:
        template = self.templates[self.cases[0].template]
        sockets = f"    stats socket {folder}/{SOCKET} level admin\n"
        text = "\n".join([DEFAULT_GLOBAL + sockets + template.extra_global + template.defaults, *(stage.text for stage in self.stages)])
        return text.replace("{syslog}", str(self.syslog.port))

    async def _play(self) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._one(stage, gate) for stage in self.stages))
        await self._log_quiet()

    async def _count(self, sock: Path) -> None:
        """What has been counted, when nothing is under way any more, or after a while."""
        said = await asyncio.to_thread(ask, sock, "show stat")
        for row in csv.DictReader(said.decode("latin-1").removeprefix("# ").splitlines()):
            found = " ".join(f"{name}={row[name]}" for name in COUNTERS if row[name] not in ("", "0"))
            self.counters.setdefault(row["pxname"], []).append(f"{row['svname']} {found}")

    async def _one(self, stage: "_Stage", gate: asyncio.Semaphore) -> None:
        async with gate, asyncio.timeout(CASE_SECONDS):
            start = asyncio.get_running_loop().time()
            await stage.play()
            stage.seconds = asyncio.get_running_loop().time() - start

    async def _log_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while (rest := max(self.syslog.last, start) + self.settle - loop.time()) > 0:
            await asyncio.sleep(rest)


def _report_slow(stages: "list[_Stage]") -> None:
    """With PYHAPROXY_SLOW_CASES=SECONDS: name the cases that took longer, on stderr."""
    limit = os.environ.get("PYHAPROXY_SLOW_CASES")
    for stage in stages:
        if limit and stage.seconds > float(limit):
            print(f"slow: {stage.case.id} {stage.seconds:.2f} s", file=sys.stderr)


class _Stage:
    """One case at work: its ports, origin servers and clients."""

    def __init__(self, case: Case, template: Template, ports: Reservation, folder: Path, settle: float) -> None:
        self.case = case
        self.settle = max(case.settle, settle)
        self.name = "c_" + case.id
        self.port = ports.take()
        self.origins = [Origin("s1", case.server, self.settle), Origin("s2", case.server2, self.settle)]
        self.clients: dict[int, Peer] = {}
        self.seconds = 0.0
        self.client_ports: dict[int, str] = {}
        self.seen: tuple[list[Side], list[list[Side]]] = ([], [])
        self.full: list[socket.socket] = []
        self.text = self._fill(template, ports.take(), folder)

    def _fill(self, template: Template, dead: int, folder: Path) -> str:
        first, second = (origin.port for origin in self.origins)
        values: dict[str, str | int] = {"id": self.name, "port": self.port, "dead": dead, "s1": first, "s2": second}
        self.names = Names(self.name, {self.port: "FRONT", dead: "DEAD", first: "S1", second: "S2"})
        text = template.text
        if "{full}" in text:
            self.full = full_listener()
            values["full"] = int(self.full[0].getsockname()[1])
            self.names.ports[int(values["full"])] = "FULL"
        for name, content in template.files:
            path = folder / f"{self.case.id}-{name}"
            path.write_bytes(content)
            text = text.replace("{file:" + name + "}", str(path))
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        return text

    async def play(self) -> None:
        """Run the client script, wait for silence, note fates, close the clients, wait for silence again."""
        for origin in self.origins:
            origin.open()
        current = 0
        for step in [*self.case.client, Quiet()]:
            if isinstance(step, On):
                current = step.index
                continue
            await (await self._client(current)).step(step)
        await self._hush()
        self._note()
        for peer in self.clients.values():
            peer.close()
        await asyncio.sleep(self.settle / 3)
        await self._hush()
        self._note_after()

    async def _client(self, index: int) -> Peer:
        if index not in self.clients:
            peer = await connect(self.port, self.settle)
            self.clients[index] = peer
            self.names.ports[int(peer.sock.getsockname()[1])] = f"C{index}"
        return self.clients[index]

    async def _hush(self) -> None:
        peers = [*self.clients.values(), *(peer for origin in self.origins for peer in origin.peers)]
        await asyncio.gather(*(peer.quiet() for peer in peers))

    def _note(self) -> None:
        clients = [Side(mask_bytes(bytes(self.clients[i].received), self.names), self.clients[i].fate) for i in sorted(self.clients)]
        self.seen = (clients, [[self._side(peer) for peer in origin.peers] for origin in self.origins])

    def _side(self, peer: Peer) -> Side:
        """A server cannot tell how it was left in a repeatable way (FIN, or RST when bytes crossed): both are "closed"."""
        return Side(mask_bytes(bytes(peer.received), self.names), {"fin": "closed", "rst": "closed"}.get(peer.fate, peer.fate))

    def _note_after(self) -> None:
        for origin, before in zip(self.origins, self.seen[1], strict=True):
            after = [self._side(peer) for peer in origin.peers]
            for i, side in enumerate(after):
                first = before[i].fate if i < len(before) else "absent"
                after[i] = side if side.fate == first else Side(side.received, f"{first} then {side.fate}")
            before[:] = after

    def result(self, syslog: Syslog, counters: Mapping[str, list[str]]) -> Result:
        pattern = re.compile(rb"[ \[(\"]" + re.escape(self.name.encode()) + rb"(?=[ ~/_:.\"])")
        logs = [mask_log(line, self.names) for line in syslog.lines if pattern.search(line)]
        logs = sorted(logs) if self.case.sort_logs else logs
        rows = [f"{name.removeprefix(self.name)}/{row}" for name in counters if self._mine(name) for row in counters[name]]
        return Result(tuple(self.seen[0]), tuple(self.seen[1][0]), tuple(self.seen[1][1]), tuple(logs), tuple(rows))

    def _mine(self, proxy: str) -> bool:
        return proxy == self.name or proxy in (f"{self.name}_back", f"{self.name}_front")

    def close(self) -> None:
        for origin in self.origins:
            origin.close()
        for sock in self.full:
            sock.close()


def full_listener() -> list[socket.socket]:
    """A listening socket whose accept queue is full, so that further connections hang, and those that fill it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(2)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return [listener, *fillers]
