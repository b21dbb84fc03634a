"""Runs the table: every round visits every product on every line, so that noise hits all alike."""

import argparse
import platform
import shutil
import sys
import time
from collections.abc import Callable

from bench import extras, loads, report
from bench.lines import EXTRAS, LINES, Line
from bench.procs import Group
from bench.report import Sample
from bench.rig import PRODUCTS, Rig, Unsupported, version

_EXTRA_TITLES = {"idle": "bytes per idle keep-alive connection", "memory": "MiB, one worker", "memory2": "MiB more for a second worker",
                 "workers": "requests/s of two workers over one's (handshakes, RSA 3072)",
                 "start": "ms from start to the first reply", "reload": "ms from SIGUSR2 to the first new reply"}
_WARM_SECONDS = 1.0


class Bench:
    """The proxies that run, by product and kind of configuration; each is started once."""

    def __init__(self, words: argparse.Namespace) -> None:
        self.words = words
        self.rig = Rig(*((1, 0) if words.pin else (None, None)))
        self.running: dict[tuple[str, str], tuple[Group, int]] = {}
        self.samples: list[Sample] = []
        self.skipped: set[tuple[str, str]] = set()

    def line(self, line: Line, product: str, number: int) -> None:
        """One sample; a product that cannot is left out of the line."""
        if (product, line.kind) in self.skipped:
            return
        try:
            group, port = self._proxy(product, line.kind)
        except (Unsupported, RuntimeError) as failed:
            self.skipped.add((product, line.kind))
            print(f"{product} has no line {line.kind}: {failed}", file=sys.stderr)
            return
        if number == 0:
            loads.run(line.work, port, _WARM_SECONDS, self.rig.folder, self.rig.load_cpu)
        before = group.cpu_seconds()
        done = loads.run(line.work, port, self.words.seconds, self.rig.folder, self.rig.load_cpu)
        used = (group.cpu_seconds() - before) * 1e6 / max(1, done.requests)
        self.samples.append(Sample(line.name, product, number, used, done.requests / done.seconds, done.bad))
        print(f"{line.name:10} {product:10} {used:10.2f} us {done.requests / done.seconds:10.0f}/s bad {done.bad}", file=sys.stderr)

    def _proxy(self, product: str, kind: str) -> tuple[Group, int]:
        if (product, kind) not in self.running:
            site = self.rig.site()
            self.running[product, kind] = (self.rig.start(product, kind, site), site.port)
        return self.running[product, kind]

    def extra(self, name: str, product: str, number: int) -> None:
        """One sample of an extra."""
        makers: dict[str, Callable[[Rig, str], float]] = {
            "idle": extras.idle, "memory": extras.memory, "workers": extras.workers, "start": extras.start_time, "reload": extras.reload_time,
        }
        try:
            value = makers[name](self.rig, product)
            self.samples.append(Sample(name, product, number, value, 0.0, 0))
            if name == "memory":
                self.samples.append(Sample("memory2", product, number, extras.memory(self.rig, product, 2) - value, 0.0, 0))
            print(f"{name:10} {product:10} {value:10.2f}", file=sys.stderr)
        except (Unsupported, RuntimeError, OSError) as failed:
            print(f"{product} has no {name}: {failed}", file=sys.stderr)

    def close(self) -> None:
        """Stop everything that was started."""
        for group, _ in self.running.values():
            group.stop()
        self.rig.close()


def _options() -> argparse.Namespace:
    names = [line.name for line in LINES] + list(EXTRAS)
    parser = argparse.ArgumentParser(description="CPU per request of pyhaproxy beside haproxy and nginx")
    parser.add_argument("--lines", default="all", help="comma list of: " + " ".join(names) + " (default: all)")
    parser.add_argument("--products", default=",".join(PRODUCTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="load per sample")
    parser.add_argument("--pin", action="store_true", help="proxy on CPU 1, load and origin on CPU 0")
    words = parser.parse_args()
    words.lines = names if words.lines == "all" else words.lines.split(",")
    words.products = words.products.split(",")
    for given, known in ((words.lines, names), (words.products, list(PRODUCTS))):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"'{unknown[0]}' is not one of {' '.join(known)}")
    for tool in ("nginx", "wrk", "curl", "openssl", "taskset"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is not installed")
    return words


def _measure(bench: Bench) -> None:
    for number in range(bench.words.rounds):
        for line in LINES:
            for product in _turned(bench.words.products, number):
                if line.name in bench.words.lines:
                    bench.line(line, product, number)
        for name in EXTRAS:
            for product in bench.words.products:
                if name in bench.words.lines:
                    bench.extra(name, product, number)


def _turned(products: list[str], number: int) -> list[str]:
    """Each round begins with another product."""
    at = number % len(products)
    return products[at:] + products[:at]


def main() -> int:
    """Measure, print the table, keep the samples."""
    words = _options()
    about = {product: version(product) for product in words.products}
    about |= {"date": time.strftime("%Y-%m-%d"), "kernel": platform.release(), "rounds": str(words.rounds), "seconds": str(words.seconds)}
    bench = Bench(words)
    try:
        _measure(bench)
    finally:
        bench.close()
    titles = {line.name: line.title for line in LINES} | _EXTRA_TITLES
    goals = {line.name: line.goal for line in LINES}
    print("CPU microseconds per request, user and system of all processes of the proxy (requests per second), medians\n")
    print(report.table(bench.samples, titles, goals, words.products))
    print("\n" + "; ".join(f"{name}: {text}" for name, text in about.items()))
    print(f"samples: {report.save(bench.samples, about)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
