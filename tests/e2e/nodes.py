"""Hosts made of namespaces: each node has a network, processes, and an /etc/keepalived of its own; all hang on one bridge."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "hapy"
# What init does: it reaps who has lost its parent, else killall would find the dead.
FIRST = "import signal, time; signal.signal(signal.SIGCHLD, signal.SIG_IGN); time.sleep(600)"


def missing() -> str:
    """Why this machine can make no nodes; empty: it can."""
    for tool in ("ip", "unshare", "nsenter", "keepalived", "killall"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    probe = subprocess.run(["unshare", "--net", "--pid", "--mount", "--fork", "true"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else f"no namespaces here: {probe.stderr.decode().strip()}"


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")


@dataclass
class Node:
    """One host. pid: of its first process, seen from outside."""

    name: str
    address: str
    pid: int
    first: subprocess.Popen[bytes]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def words(self, *command: str) -> list[str]:
        """The command line that runs `command` on this host."""
        return ["nsenter", "-t", str(self.pid), "-n", "-p", "-m", *command]

    def run(self, *command: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(self.words(*command), capture_output=True, text=True, timeout=timeout, check=False)

    def start(self, *command: str, log: Path) -> None:
        """Run on; all output goes to `log`."""
        with open(log, "ab") as out:
            self.started.append(subprocess.Popen(self.words(*command), stdin=subprocess.DEVNULL, stdout=out, stderr=out))


class Network:
    """Nodes on one bridge: 10.99.7.0/24. Use as a context manager; nothing is left behind."""

    def __init__(self, names: Sequence[str]) -> None:
        self.tag = f"{PREFIX}{os.getpid() % 100000}"
        self.names = list(names)
        self.nodes: dict[str, Node] = {}

    def __enter__(self) -> dict[str, Node]:
        try:
            _run("ip", "netns", "add", self.tag)
            _run("ip", "-n", self.tag, "link", "add", "sw", "type", "bridge")
            _run("ip", "-n", self.tag, "link", "set", "sw", "up")
            for number, name in enumerate(self.names, 1):
                self.nodes[name] = self._node(name, number)
        except BaseException:
            self.__exit__()
            raise
        return self.nodes

    def _node(self, name: str, number: int) -> Node:
        first = subprocess.Popen(
            ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", sys.executable, "-c", FIRST],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # its end is a signal, and it says that it cannot unblock that
        )
        pid = self._child_of(first.pid)
        node = Node(name, f"10.99.7.{number}", pid, first)
        port = f"p{number}"
        _run("ip", "-n", self.tag, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        _run("ip", "-n", self.tag, "link", "set", port, "master", "sw", "up")
        for words in (
            ("ip", "link", "set", "lo", "up"),
            ("ip", "addr", "add", f"{node.address}/24", "dev", "eth0"),
            ("ip", "link", "set", "eth0", "up"),
            ("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind"),
            ("mount", "-t", "tmpfs", "tmpfs", "/run"),
        ):
            done = node.run(*words)
            if done.returncode:
                raise RuntimeError(f"{name}: {' '.join(words)}: {done.stderr.strip()}")
        return node

    @staticmethod
    def _child_of(parent: int) -> int:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            if text and Path(f"/proc/{text[0]}/comm").read_text().strip() != "unshare":
                return int(text[0])
            time.sleep(0.01)
        raise RuntimeError("the first process of a node does not start")

    def __exit__(self, *exc: object) -> None:
        for node in self.nodes.values():
            os.kill(node.pid, signal.SIGKILL)  # and with the first process all others of its PID namespace
            node.first.wait()
            for each in node.started:
                each.wait()
        subprocess.run(["ip", "netns", "del", self.tag], capture_output=True, check=False)
