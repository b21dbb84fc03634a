"""Two real Ceph Object Gateways, started by the lab's scripts (`rgw-up`, `rgw-down`).

PYHAPROXY_LAB names the folder that holds them; by default it is `shared/lab` beside the checkout.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.harness.ports import Reservation
from tests.harness.products import ROOT

UP_SECONDS = 400
READY_SECONDS = 60.0


def lab_folder() -> Path | None:
    """Where the scripts are, None when there are none."""
    folder = Path(os.environ.get("PYHAPROXY_LAB") or ROOT.parent / "shared" / "lab")
    return folder if (folder / "rgw-up").exists() else None


@dataclass
class Gateways:
    """A running pair. addresses: "IP:PORT" of each; pids: of each."""

    folder: Path
    work: Path
    addresses: tuple[str, str]
    access_key: str
    secret_key: str
    pids: dict[str, int]

    @classmethod
    def start(cls, folder: Path, work: Path) -> Gateways:
        """Run rgw-up on ports of our own. Raises RuntimeError with what it printed."""
        with Reservation() as ports:
            addresses = (f"127.0.71.1:{ports.take()}", f"127.0.80.1:{ports.take()}")
            # The monitor's port is fixed in the lab, so the address is what makes ours different from another run's.
            high, low = divmod(ports.take(), 256)
            monitor = f"127.{high % 127 + 1}.{low}.3:3300"
        env = os.environ | {"RGW_LAB": str(work), "RGW1": addresses[0], "RGW2": addresses[1], "RGW_MON": monitor}
        done = subprocess.run(
            [folder / "rgw-up"], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=UP_SECONDS, check=False
        )
        if done.returncode:
            raise RuntimeError(f"rgw-up ended with {done.returncode}: {done.stderr.strip()}")
        said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        pids = {name: int(pid) for name, _, pid in (part.partition("=") for part in said["pids"].split())}
        return cls(folder, work, addresses, said["access key"], said["secret key"], pids)

    def kill(self, number: int) -> None:
        """End gateway 1 or 2 at once, as a crash would."""
        os.kill(self.pids[f"client.rgw{number}"], signal.SIGKILL)

    def revive(self, number: int) -> None:
        """Start a killed gateway again and note its pid."""
        name = f"client.rgw{number}"
        pid_file = self.work / "run" / f"{name}.pid"
        pid_file.unlink(missing_ok=True)
        subprocess.run(
            ["radosgw", "-c", str(self.work / "ceph.conf"), "-n", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=READY_SECONDS, check=True,
        )  # fmt: skip
        end = time.monotonic() + READY_SECONDS
        while not (pid_file.exists() and pid_file.read_text().strip()):
            if time.monotonic() > end:
                raise TimeoutError(f"{name} did not come back")
            time.sleep(0.05)
        self.pids[name] = int(pid_file.read_text())

    def stop(self) -> None:
        """End everything that start() began."""
        subprocess.run(
            [self.folder / "rgw-down"], env=os.environ | {"RGW_LAB": str(self.work)}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
