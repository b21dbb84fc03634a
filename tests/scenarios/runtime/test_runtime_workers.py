"""Two workers: a command acts on both at once, whoever serves it, and stays true when a worker is killed."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest

from tests.harness.ports import Reservation
from tests.scenarios.runtime.stage import Stage, answers, fetch, kill, stage, until


def statuses(on: Stage, count: int = 12) -> set[int]:
    """What so many requests, which fall to both workers, are answered."""
    return {on.get() for _ in range(count)}


def test_maintenance_and_back_for_every_worker() -> None:
    with stage() as on:
        assert statuses(on) == {200}
        assert on.ask("disable server b/s1") == ""
        assert statuses(on) == {503}
        assert on.ask("set server b/s2 state ready") == ""
        assert statuses(on) == {200}
        assert on.stat("status", "b", "s1") == "MAINT"


def test_what_was_set_outlives_each_worker() -> None:
    """Killed one after the other, each replaced: shared and inherited settings are what they were."""
    with stage() as on:
        on.ask("set server b/s1 weight 7;set maxconn frontend f 77;disable server b/s2;add server b/n 127.0.0.1:1;set anon global-key 99")
        for pid in on.workers():
            kill(pid)
            until(lambda pid=pid: len(set(on.workers()) - {pid}) == 2, "another worker")  # type: ignore[misc]
            until(lambda: answers(on.admin) and on.ask("show threads").count("Thread") == 2, "both serve")
        assert on.ask("get weight b/s1") == "7 (initial 1)\n"
        assert on.stat("slim", "f", "FRONTEND") == "77"
        assert on.ask("set anon on;show anon") == "\nAnonymized mode enabled\nKey : 99\n"
        assert on.stat("status", "b", "n") == "MAINT"
        assert statuses(on) == {200}


def test_counters_are_cleared_once_and_for_all_while_a_worker_dies() -> None:
    with stage() as on:
        for _ in range(20):
            on.get()
        assert on.stat("stot", "b", "s1") == "20"
        other = next(pid for pid in on.workers() if pid != on.server())
        os.kill(other, signal.SIGSTOP)  # it cannot clear its own counters any more
        on.ask("clear counters all")
        kill(other)
        until(lambda: len(set(on.workers()) - {other}) == 2, "another worker")
        until(lambda: on.ask("show threads").count("Thread") == 2, "both serve")
        assert on.stat("stot", "b", "s1") == "0"
        for _ in range(10):
            on.get()
        assert on.stat("stot", "b", "s1") == "10"
        assert on.stat("req_tot", "f", "FRONTEND") == "10"


def test_a_worker_that_hangs_delays_nobody_for_long() -> None:
    with stage() as on:
        other = next(pid for pid in on.workers() if pid != on.server())
        os.kill(other, signal.SIGSTOP)
        try:
            said = on.ask("set maxconn frontend f 55")  # the one that asks has not waited for ever
            assert said.startswith("Not answered in time by worker(s) ")
        finally:
            os.kill(other, signal.SIGCONT)
        until(lambda: on.ask("set maxconn frontend f 56") == "", "it hears again")


def test_sessions_of_all_workers_are_listed_and_ended() -> None:
    with stage() as on:
        clients = []
        for _ in range(8):
            sock = socket.create_connection(("127.0.0.1", on.port), 10)
            sock.sendall(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
            clients.append(sock)
        until(lambda: on.ask("show sess").count(" fe=f be=b srv=s1 ") == 8, "eight streams")
        first = on.ask("show sess").split(":")[0]
        assert on.ask(f"shutdown session {first}") == ""
        until(lambda: on.ask("show sess").count(" fe=f ") == 7, "one less")
        assert on.ask(f"shutdown session {first}") == "No such session (use 'show sess').\n"
        assert on.ask("shutdown sessions server b/s1") == ""
        until(lambda: on.ask("show sess").count(" fe=f ") == 0, "none left")
        for sock in clients:
            assert sock.recv(100).startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 503 "))
            sock.close()


def test_a_frontend_gives_its_port_up_and_takes_it_back() -> None:
    with stage() as on:
        on.ask("disable frontend f")
        for _ in range(4):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", on.port), 20)
        on.ask("enable frontend f")
        assert statuses(on) == {200}
        on.ask("shutdown frontend f")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", on.port), 20)
        assert on.ask("enable frontend f") == "Frontend was previously shut down, cannot enable.\n"
        until(lambda: on.stat("scur", "f", "FRONTEND") == "0", "no connection")


def test_servers_come_and_go_under_traffic() -> None:
    """No request fails while a server is added, used, drained and deleted, again and again in the same room."""
    with stage() as on:
        wrong: list[object] = []
        over = threading.Event()

        def load() -> None:
            while not over.is_set():
                try:
                    assert on.get() == 200
                except Exception as problem:  # noqa: BLE001 - collected
                    wrong.append(problem)
                    return

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(5):
                name = f"b/n{number}"
                assert on.ask(f"add server {name} 127.0.0.1:{on.origin.port} weight 10") == "New server registered.\n"
                on.ask(f"enable server {name}")
                until(lambda number=number: int(on.stat("stot", "b", f"n{number}")) > 5, "traffic on it")  # type: ignore[misc]
                on.ask(f"disable server {name}")
                until(lambda name=name: on.ask(f"del server {name}") == "Server deleted.\n", "no connections")  # type: ignore[misc]
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert not wrong
        assert "n4" not in on.ask("show stat")


def test_a_new_server_is_checked_when_its_check_is_enabled() -> None:
    with stage() as on:
        on.ask(f"add server b/n 127.0.0.1:{on.origin.port} check inter 50ms")
        on.ask("enable server b/n;enable health b/n")
        until(lambda: on.stat("check_status", "b", "n") == "L4OK", "a check")
        on.ask("set server b/n addr 127.0.0.1 port 1")
        until(lambda: on.stat("status", "b", "n").startswith("DOWN"), "it is found to be down")


def test_a_variable_of_the_process_is_the_same_everywhere() -> None:
    """Computed once, stored in every worker and in those that come later; rules see it."""
    more = "frontend g\n  bind {0}\n  http-request return status 200 content-type text/plain lf-string %[var(proc.x)]\n"
    with Reservation() as ports:
        port = ports.take()
        with stage(more=more.format(f"127.0.0.1:{port}")) as on:

            def seen() -> set[bytes]:
                return {fetch(port)[1] for _ in range(12)}

            on.ask("experimental-mode on;set var proc.x expr rand(1000000),add(1)")
            value = on.ask("get var proc.x").split("<")[1].split(">")[0].encode()
            assert seen() == {value}
            kill(on.workers()[0])
            until(lambda: answers(on.admin) and on.ask("show threads").count("Thread") == 2, "both serve")
            assert seen() == {value}
            assert value in on.ask("get var proc.x").encode()


def test_a_server_with_a_cookie_of_its_own() -> None:
    with stage() as on:
        assert on.ask(f"add server b/n 127.0.0.1:{on.origin.port} cookie abc id 9") == "New server registered.\n"
        on.ask("enable server b/n")
        assert on.stat("sid", "b", "n") == "9"
        assert statuses(on) == {200}


COOKIES = """\
backend c
  cookie SRV insert
  server k1 127.0.0.1:{origin} cookie one
frontend with_cookies
  bind 127.0.0.1:{port}
  default_backend c
"""


def test_a_server_is_deleted_with_the_idle_connection_that_a_cookie_left_behind() -> None:
    """Its last request began before the maintenance: the connection is kept, and must not keep the server."""
    with Reservation() as ports, stage(workers=1) as plain:
        port = ports.take()
        with stage(more=COOKIES.format(origin=plain.origin.port, port=port)) as on:
            sock = socket.create_connection(("127.0.0.1", port), 10)
            with sock:
                sock.sendall(b"GET /held HTTP/1.1\r\nhost: x\r\ncookie: SRV=one\r\n\r\n")
                until(lambda: on.stat("scur", "c", "k1") == "1", "the request")
                on.ask("disable server c/k1")
                assert on.ask("del server c/k1") == "Server still has connections attached to it, cannot remove it.\n"
                plain.origin.let_go.set()
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK")
                until(lambda: on.stat("scur", "c", "k1") == "0", "its end")
                assert on.ask("del server c/k1") == "Server deleted.\n"
