"""Two nodes with real keepalived around pyhaproxy: the address moves when the process dies, and comes back with it.

The configurations are those of etc/ceph-rgw, with their places in angle brackets filled in; HTTPS on the shared address, bound on
both nodes by ip_nonlocal_bind. keepalived looks for the process as its users write it: `killall -0 haproxy`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import nodes
from tests.e2e.conftest import unavailable
from tests.e2e.nodes import Network, Node
from tests.harness.certs import Authority
from tests.harness.products import ROOT

VIP = "10.99.7.100"
WITHIN_S = 30.0


def proxy_text(pem: Path, name: str) -> str:
    """The gateway example, its two servers replaced by an answer that tells the node."""
    text = (ROOT / "etc/ceph-rgw/haproxy.cfg").read_text()
    text = text.replace("<vip ipv4>", VIP).replace("/etc/ssl/private/example.com.pem", str(pem))
    text = text.replace("    user haproxy\n    group haproxy\n    daemon\n", "")
    head = text[: text.index("\nbackend rgw")]
    return f'{head}\nbackend rgw\n    http-request return status 200 content-type text/plain string "{name}"\n'


def keepalived_text(number: int) -> str:
    text = (ROOT / f"etc/ceph-rgw/keepalived/node{number}.conf").read_text()
    return text.replace("<interface>", "eth0").replace("<secret>", "s3cr3t").replace("<vip ipv4>", VIP)


class Pair:
    """The two nodes, a client, and what runs on them."""

    def __init__(self, made: dict[str, Node], folder: Path) -> None:
        self.nodes = made
        self.folder = folder
        self.pem = folder / "site.pem"
        self.pem.write_bytes(Authority.new().issue("localhost").bundle)

    def start_proxy(self, name: str) -> None:
        config = self.folder / f"{name}.cfg"
        config.write_text(proxy_text(self.pem, name))
        words = ("sh", "-c", f"cd {ROOT} && exec {sys.executable} -m haproxy_py -W -db -f {config} -p /run/haproxy.pid")
        self.nodes[name].start(*words, log=self.folder / f"{name}.log")

    def start_keepalived(self, name: str, number: int) -> None:
        config = self.folder / f"{name}.keepalived"
        config.write_text(keepalived_text(number))
        config.chmod(0o600)
        words = ("keepalived", "-n", "-l", "-D", "-f", str(config), "-p", "/run/k.pid", "-r", "/run/v.pid")
        self.nodes[name].start(*words, log=self.folder / f"{name}.keepalived.log")

    def who(self) -> str:
        """The node that answers on the shared address by HTTPS; empty: none."""
        words = ("curl", "-sk", "--max-time", "1", f"https://{VIP}/")
        return self.nodes["client"].run(*words).stdout

    def wait_for(self, name: str) -> None:
        end = time.monotonic() + WITHIN_S
        while (said := self.who()) != name:
            if time.monotonic() > end:
                logs = "\n".join(f"{p.name}:\n{p.read_text()[-1500:]}" for p in sorted(self.folder.glob("*.log")))
                pytest.fail(f"{VIP} is answered by {said or 'nobody'}, not by {name}\n{logs}", pytrace=False)
            time.sleep(0.1)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    if reason := nodes.missing():
        unavailable(reason)
    tmp_path.chmod(0o755)
    with Network(["node1", "node2", "client"]) as made:
        yield Pair(made, tmp_path)


@pytest.mark.timeout(180)
def test_the_address_moves_with_the_process(pair: Pair) -> None:
    for number, name in enumerate(("node1", "node2"), 1):
        pair.start_proxy(name)
        pair.start_keepalived(name, number)
    pair.wait_for("node1")

    killed = pair.nodes["node1"].run("sh", "-c", "kill -9 $(cat /run/haproxy.pid)")
    assert killed.returncode == 0, killed.stderr
    pair.wait_for("node2")
    left = pair.nodes["node1"].run("killall", "-0", "haproxy")
    assert left.returncode != 0, "no worker outlives its supervisor"

    pair.start_proxy("node1")
    pair.wait_for("node1")
