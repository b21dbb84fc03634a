"""Prometheus scrapes of two workers while workers die, configurations are reloaded and a scraper never reads."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.adversity.group import SLOW, Group, Load, Origin, poll
from tests.harness.runtime_client import ask_master

CONFIG = """
global
    nbthread 2
    stats socket {folder}/stats level admin
    hard-stop-after 30s
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend web
    bind 127.0.0.1:{web}
    http-request use-service prometheus-exporter if { path /metrics }
    default_backend b
backend b
    server s 127.0.0.1:{s}
backend many
    server-template x 1-1000 127.0.0.1:9
"""
ROUNDS = 20 if SLOW else 2
END = 'haproxy_backend_request_duration_seconds_count{proxy="many"}'
ASK = b"GET /metrics?scope=global&scope=frontend&scope=backend HTTP/1.0\r\n\r\n"


class Scraper(threading.Thread):
    """Scrapes until told to end. back: counters that went backwards within one generation; whole: good scrapes; generations."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.ending = False
        self.whole = 0
        self.back: list[str] = []
        self.seen: dict[float, dict[str, float]] = {}
        self.start()

    def run(self) -> None:
        while not self.ending:
            with contextlib.suppress(OSError):  # of a worker that was killed
                self.take(scraped(self.port))

    def take(self, text: str) -> None:
        """One scrape; one that was cut off says nothing."""
        if END not in text or not text.endswith("\n"):
            return
        now, born = {}, 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if family.type in ("counter", "histogram"):
                    now[f"{sample.name}{sorted(sample.labels.items())}"] = sample.value
                elif sample.name == "haproxy_process_start_time_seconds":
                    born = sample.value
        before = self.seen.get(born, {})
        self.back += [f"{name}: {before[name]} {value}" for name, value in now.items() if value < before.get(name, 0)]
        self.seen[born] = now
        self.whole += 1


def scraped(port: int) -> str:
    """The body of one reply, as far as it came."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(ASK)
        found = b""
        while data := sock.recv(65536):
            found += data
    return found.partition(b"\r\n\r\n")[2].decode()


@contextlib.contextmanager
def group(folder: Path) -> Iterator[Group]:
    config = CONFIG.replace("{folder}", str(folder))
    with Group(config, flags=("-W", "-db", "-S", f"{folder}/master"), origin=Origin()) as made:
        poll(lambda: (folder / "master").exists(), "the master's socket")
        yield made


@pytest.mark.timeout(300)
def test_counters_never_go_back_within_a_generation(tmp_path: Path) -> None:
    with group(tmp_path) as on:
        load, scraper = Load(on.web, 4), Scraper(on.web)
        for _ in range(ROUNDS):
            for _ in range(2):
                was, victim = scraper.whole, on.workers()[0]
                os.kill(victim, signal.SIGKILL)
                poll(lambda victim=victim: len(set(on.workers()) - {victim}) == 2, "another worker")  # type: ignore[misc]
                poll(lambda was=was: scraper.whole > was + 3, "scrapes", 60)  # type: ignore[misc]
            poll(lambda: time.time() > max(scraper.seen) + 2, "a second of its own")  # generations are told apart by it
            assert ask_master(tmp_path / "master", "reload").startswith("Success=1\n")
            was = scraper.whole
            poll(lambda was=was: scraper.whole > was + 3, "scrapes", 60)  # type: ignore[misc]
        load.stop()
        scraper.ending = True
        scraper.join()
        assert scraper.back == []
        assert len(scraper.seen) >= 2


def test_scrapers_that_never_read_hold_nobody_up(tmp_path: Path) -> None:
    """A thousand servers: more than the kernel takes for a client that does not read."""
    with group(tmp_path) as on, contextlib.ExitStack() as left:
        for _ in range(20):
            sock = left.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", on.web))
            sock.sendall(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n" * 3)
        load = Load(on.web, 4)
        poll(lambda: load.done > 200, "requests beside them", 60)
        assert "haproxy_frontend_sessions_total" in scraped(on.web)
        load.stop()
        assert load.failed == []
