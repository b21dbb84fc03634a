"""The life of servers beside the real haproxy: the same commands and files give the same sentences, answers and states."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, lacking_oracle, pyhaproxy

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
HEAD = """global
 stats socket {folder}/sock level admin
{more_global}
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 20s
{more_defaults}
frontend f
 bind 127.0.0.1:{front}
 default_backend b
backend b
"""
FARM = """ server s1 127.0.0.1:{up} check inter 60s
 server s2 127.0.0.1:{up} check inter 60s backup weight 20
 server s3 127.0.0.1:{up}
 server t1 127.0.0.1:{up} track b/s1
 server t2 127.0.0.1:{up} track t1
 server s4 127.0.0.1:{up} disabled check inter 60s
 server t4 127.0.0.1:{up} track s4
 server p 127.0.0.1:{up} check inter 60s port {up}
 server u 127.0.0.1
 server m 127.0.0.1:+5
 server x unix@/nowhere
 server w 127.0.0.1:{up} weight 0
 server t5 127.0.0.1:{up} track t1 disabled
 server t6 127.0.0.1:{up} track t5
backend c
 server t1 127.0.0.1:{up} track b/s3x
"""
SCRIPT = """set server b/s1 state foo
set server b/s1 state maint
set server b/s1 state maint
set server b/s1 state drain
set server b/s1 state ready
set server b/s3 state drain
set server b/s3 state ready
set server b/t1 state ready
set server b/t1 state maint
set server b/s1 state maint
set server b/t1 state ready
set server b/s1 state ready
set server b/t1 state drain
set server b/s1 state drain
set server b/t1 state ready
set server b/s1 state ready
set server b/s4 state ready
set server b/s4 state drain
set server b/s4 state maint
set server b/s3 weight
set server b/s3 weight foo
set server b/s3 weight -1
set server b/s3 weight 300
set server b/s3 weight 50%
set server b/s2 weight 50%
get weight b/s2
set server b/s2 weight 5000%
set server b/s2 weight -5%
set server b/s2 weight 10%x
set server b/s2 weight 10x
get weight b/s2
set server b/s2 weight 100%
set server b/w weight 3
set maxconn server b/s2 foo
set maxconn server b/s2 10x
set maxconn server b/s2 10
set server b/s2 health foo
set server b/s2 health down
set server b/s2 health down
set server b/s2 health up
set server b/s2 health stopping
set server b/s2 health up
set server b/s2 health stopping
set server b/s2 state maint
set server b/s2 state ready
set server b/t1 health down
set server b/s1 health down
set server b/s1 state maint
set server b/s1 state drain
set server b/s1 state ready
set server b/s1 health down
set server b/s1 state drain
set server b/s1 health up
set server b/s1 state ready
set server b/s1 health stopping
set server b/s1 health up
set server b/s3 health down
set server b/s3 health up
set server b/s1 agent up
set server b/s2 addr
set server b/s2 addr 127.0.0.2
set server b/s2 addr foo
set server b/s2 addr 127.0.0.2
set server b/s2 addr 127.0.0.1 port 7
set server b/s2 addr 127.0.0.1 port 7
set server b/s2 addr 127.0.0.1 port foo
set server b/s2 addr 127.0.0.1 port +1
set server b/s2 addr ::1 port 8
set server b/u addr 127.0.0.2 port 9
set server b/u addr 127.0.0.2 port +9
set server b/m addr 127.0.0.2 port +7
set server b/m addr 127.0.0.2 port -7
set server b/p addr 127.0.0.1 port +1
set server b/x addr 127.0.0.1
disable health b/s2
disable health b/s3
enable health b/s2
enable health b/t1
enable agent b/s2
disable server b/s2
enable server b/s2
set server b/s2 state drain
enable server b/s2
set server b/s2 state drain
disable server b/s2
enable server b/s2
enable server b/t5
set server b/s1 state maint
set server b/s2 state maint
set server b/p state maint
set server b/s3 state maint
set server b/u state maint
set server b/m state maint
set server b/x state maint
set server b/w state maint
set server b/s3 state ready""".split("\n")
STATES = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change \
srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn \
srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 b 1 s1 127.0.0.9 0 0 1 1 100 8 2 0 6 0 0 0 - 99 - 0 0 - - 0
3 b 2 s2 127.0.0.1 1 0 5 10 3 6 3 2 6 0 0 0 - 1 - 0 0 - - 0
3 b 3 s3 127.0.0.1 2 8 0 0 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 4 s4 127.0.0.1 0 0 1 1 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 5 s5 127.0.0.1 2 4 1 1 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 6 s6 127.0.0.1 2 0 1 1 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 7 s7 127.0.0.1 2 5 1 1 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 8 s8 127.0.0.1 2 8 5 3 100 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
3 b 9 s9 127.0.0.1 3 0 1 1 100 15 3 4 6 0 0 0 - 1 - 0 0 - - 0
3 b 10 sa 127.0.0.1 3 0 1 1 100 15 3 1 2 0 0 0 - 1 - 0 0 - - 0
3 b 11 sb 127.0.0.1 2 1 1 1 100 15 3 1 2 0 0 0 - 1 - 0 77 127.0.0.7 - 0
3 b 12 sc 127.0.0.1 9 1 1 1 100 15 3 1 2 0 0 0 - 1 - 0 0 - - 0
3 b 13 sd 127.0.0.1 2 1 300 1 100 15 3 1 2 0 0 0 - 1 - 0 0 - - 0
3 b 14 unknown 127.0.0.1 2 1 3 1 100 15 3 1 2 0 0 0 - 1 - 0 0 - - 0
"""
RESTORED = """ server s1 127.0.0.1:1 check inter 60s
 server s2 127.0.0.1:1 check inter 60s slowstart 50s weight 10
 server s3 127.0.0.1:1 weight 0
 server s4 127.0.0.1:1 track s1
 server s5 127.0.0.1:1 disabled
 server s6 127.0.0.1:1 disabled
 server s7 127.0.0.1:1
 server s8 127.0.0.1:1 weight 5
 server s9 127.0.0.1:1 check rise 3 fall 4 inter 60s
 server sa 127.0.0.1:1 check rise 1 fall 1 inter 60s
 server sb 127.0.0.1:1 check rise 3 fall 4 inter 60s backup
 server sc 127.0.0.1:1
 server sd 127.0.0.1:1
"""


@dataclass
class Farm:
    """A running product and its socket."""

    running: Running
    folder: Path

    def ask(self, command: str) -> str:
        """One command, its whole answer."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(self.folder / "sock"))
            sock.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()

    def said(self) -> list[str]:
        """The warnings and alerts on stderr so far."""
        found = re.findall(r"\[(?:WARNING|ALERT)\] +\(\d+\) : (.*)", self.running.stderr())
        return [line for line in found if "Exiting" not in line and "Proxy" not in line]

    def states(self, *masked: int) -> list[list[str]]:
        """`show servers state` in words, without the columns `masked`."""
        lines = self.ask("show servers state").split("\n")
        return [[word for at, word in enumerate(line.split()) if at not in masked] for line in lines[2:] if line]


@contextmanager
def farm(product: Product, folder: Path, servers: str, ports: dict[str, int], **more: str) -> Iterator[Farm]:
    folder.mkdir(exist_ok=True)
    extra = {"more_global": "", "more_defaults": ""} | more
    text = (HEAD + servers).format(folder=folder, **ports, **extra)
    with product.start(text, [ports["front"]]) as running:
        yield Farm(running, folder)


@contextmanager
def listening(port: int) -> Iterator[None]:
    """A server that accepts and closes."""
    sock = socket.create_server(("127.0.0.1", port), reuse_port=True)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                sock.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        thread.join()


def in_old_words(lines: list[str]) -> list[str]:
    """What 2.6 and 2.8 word differently: the end of a drain that was inherited, and drains that stay."""
    kept = [line for line in lines if " drain mode" not in line]
    kept = [re.sub(r"\(leaving (forced )?drain\)( via \S+)?\.", "(leaving drain).", line) for line in kept]
    return [re.sub(r" is UP, reason: Unknown, check duration: 0ms", " is UP", line) for line in kept]


def compare(oracle: Product, ours: list[str], theirs: list[str]) -> None:
    if "2.6" in oracle.name:
        ours, theirs = in_old_words(ours), in_old_words(theirs)
    assert ours == theirs


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_commands(oracle: Product, tmp_path: Path) -> None:
    """Every command gives the same answer; together they say the same and leave the same states."""
    servers = FARM.replace("s3x", "s1")
    found = []
    with Reservation() as ports, listening(up := ports.take()):
        for product in (oracle, pyhaproxy()):
            with farm(product, tmp_path / product.name, servers, {"front": ports.take(), "up": up}) as made:
                time.sleep(0.3)  # first checks are spread over the shortest interval, the first server's is at once
                answers = [(command, made.ask(command).rstrip("\n")) for command in SCRIPT]
                found.append((answers, made.said(), made.states(0, 9, 10, 11)))
    (their_answers, their_words, their_states), (our_answers, our_words, our_states) = found
    assert our_answers == their_answers
    compare(oracle, our_words, their_words)
    assert our_states == their_states


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
@pytest.mark.parametrize("kind", ["global", "local"])
def test_a_state_file_is_applied(oracle: Product, kind: str, tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    for name in ("b", "all"):
        (tmp_path / "states" / name).write_text(STATES)
    paths = f" server-state-base {tmp_path}/states\n server-state-file all"
    found = []
    with Reservation() as ports:
        for product in (oracle, pyhaproxy()):
            more = {"more_global": paths, "more_defaults": f" load-server-state-from-file {kind}"}
            with farm(product, tmp_path / product.name, RESTORED, {"front": ports.take()}, **more) as made:
                time.sleep(0.2)
                told = [line for line in made.said() if "config : " in line]
                found.append((told, made.states(0, 9)))
    compare(oracle, found[1][0], found[0][0])
    assert [row for row in found[1][1] if row[2] != "s1"] == [row for row in found[0][1] if row[2] != "s1"]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_state_files_are_exchanged(oracle: Product, tmp_path: Path) -> None:
    """What one has written the other begins with, in both directions."""
    names = [oracle, pyhaproxy()]
    servers = FARM.replace("s3x", "s1")
    end = [command for command in SCRIPT if " addr " not in command]
    paths = f" server-state-base {tmp_path}\n server-state-file all"
    loaded = []
    with Reservation() as ports, listening(up := ports.take()):
        for writer in names:
            with farm(writer, tmp_path / f"w{writer.name}", servers, {"front": ports.take(), "up": up}) as made:
                for command in end:
                    made.ask(command)
                (tmp_path / "all").write_text(made.ask("show servers state"))
            for reader in names:
                more = {"more_global": paths, "more_defaults": " load-server-state-from-file global"}
                place = tmp_path / f"{writer.name}-{reader.name}"
                with farm(reader, place, servers, {"front": ports.take(), "up": up}, **more) as made:
                    loaded.append(made.states(0, 9, 10, 11, 12))
    assert loaded[1:] == [loaded[0]] * 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2\n", "Can't get version of the global server state file '{}'."),
        ("1\ngarbage line\n", "corrupted global server state file '{}' at line 1."),
    ],
)
def test_bad_files(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "all"
    path.write_text(text)
    head = HEAD.format(
        folder=tmp_path, front=1, more_global=f" server-state-file {path}", more_defaults=" load-server-state-from-file global"
    )
    for product in (*ORACLES, pyhaproxy()):
        done = product.check(head + RESTORED)
        assert "config : config: " + complaint.format(path) in done.stderr, product.name
        assert done.code == 0
