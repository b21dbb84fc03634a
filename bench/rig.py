"""The rig: origin server, certificate, files, syslog sink, and the proxies by name."""

import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bench import configs
from bench.procs import Group, start
from tests.harness.ports import Reservation

ROOT = Path(__file__).resolve().parents[1]
PRODUCTS = ("pyhaproxy", "haproxy", "nginx")
SIZES = {"10k": 10 << 10, "1m": 1 << 20, "100m": 100 << 20}


class Unsupported(Exception):
    """This product has nothing to compare on this line."""


@dataclass
class Rig:
    """Everything around the proxy. `proxy_cpu`, `load_cpu`: pinning, None leaves it to the kernel."""

    proxy_cpu: int | None = None
    load_cpu: int | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="bench-")))
    ports: Reservation = field(default_factory=Reservation)

    def __post_init__(self) -> None:
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sink.bind(("127.0.0.1", 0))
        self._files()
        self.pem = self._certificate("site.pem", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        self.origins = (self.ports.take(), self.ports.take())
        path = self.folder / "origin.conf"
        path.write_text(configs.origin(self.origins, self.folder))
        self._origin = start("origin", ["nginx", "-c", str(path)], set(self.origins), self.folder, self.load_cpu)

    def _files(self) -> None:
        place = self.folder / "files"
        place.mkdir(mode=0o755)
        self.folder.chmod(0o755)
        for name, size in SIZES.items():
            (place / name).write_bytes(b"x" * size)

    def _certificate(self, name: str, *key: str) -> Path:
        """A new key, as `openssl req -newkey` words it, and its certificate in one file."""
        pem = self.folder / name
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout", "-", "-out", "-"],
            capture_output=True, check=True)
        pem.write_bytes(made.stdout)
        return pem

    def site(self, key: str = "") -> configs.Site:
        """Returns: a place for one more proxy, on a port of its own; key: of its certificate, the rig's own where it is empty."""
        pem = self._certificate(f"{key.replace(':', '-')}.pem", key) if key else self.pem
        return configs.Site(self.ports.take(), self.origins, self._sink.getsockname()[1], pem, self.folder)

    def start(self, product: str, kind: str, site: configs.Site, threads: int = 1, flags: tuple[str, ...] = ("-db",)) -> Group:
        """Run `product` for lines of `kind` and wait until it listens.

        Raises: Unsupported, or RuntimeError when it does not start.
        """
        if product == "nginx":
            if kind == "tcp":
                raise Unsupported("the stream module is another package")
            return self._run(product, ["nginx", "-c"], configs.nginx(kind, site, threads), site, ())
        return self.start_text(product, configs.haproxy(kind, site, threads), site, flags)

    def start_text(self, product: str, text: str, site: configs.Site, flags: tuple[str, ...]) -> Group:
        """Run pyhaproxy or haproxy on a haproxy.cfg."""
        return self._run(product, [*command(product), "-f"], text, site, flags)

    def _run(self, product: str, words: list[str], text: str, site: configs.Site, flags: tuple[str, ...]) -> Group:
        path = self.folder / f"{product}-{site.port}.cfg"
        path.write_text(text)
        return start(product, [*words, str(path), *flags], {site.port}, self.folder, self.proxy_cpu, ROOT)

    def close(self) -> None:
        """Stop the origin, remove the scratch folder."""
        self._origin.stop()
        self._sink.close()
        self.ports.release()
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)


def command(product: str) -> list[str]:
    """Returns: the command line of a program that reads a haproxy.cfg."""
    return [sys.executable, "-m", "haproxy_py"] if product == "pyhaproxy" else ["haproxy"]


def version(product: str) -> str:
    """Returns: the first line of what the program says about itself."""
    words = {"nginx": ["nginx", "-v"]}.get(product, [*command(product), "-v"])
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    return ((done.stdout + done.stderr).strip().split("\n") or [""])[0]
