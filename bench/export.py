"""What one scrape of the Prometheus exporter (or the page's CSV) costs with many servers, and what traffic feels of it.

    python -m bench.export [--servers 1000] [--scrapes 10] [--workers 1] [--haproxy PROGRAM]

One thread asks for small replies without pause and keeps the time of each; the scrapes go on at the same time. Goal: 1,000
servers in at most 200 ms, and no request delayed by more than a few milliseconds.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import threading
import time

from tests.harness.ports import Reservation
from tests.harness.products import Product, pyhaproxy

CONFIG = """global
  nbthread {workers}
  maxconn 1000
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend fe
  bind 127.0.0.1:{port}
  http-request use-service prometheus-exporter if {{ path /metrics }}
  http-request return status 204 if {{ path / }}
  stats uri /stats
"""
BACKENDS = 20
FORMS = {"metrics": ("/metrics", "identity"), "metrics, gzip": ("/metrics", "gzip"), "csv": ("/stats;csv", "identity"), "page": ("/stats", "identity")}


def configuration(servers: int, workers: int, port: int) -> str:
    """Servers that nobody asks, in BACKENDS backends."""
    lines = [CONFIG.format(workers=workers, port=port)]
    for b in range(BACKENDS):
        lines.append(f"backend b{b}\n")
        lines += [f" server s{i} 127.0.{b}.{i % 250 + 1}:{1 + i // 250} check inter 1h\n" for i in range(servers // BACKENDS)]
    return "".join(lines)


class Traffic(threading.Thread):
    """Small requests one after the other on one connection. delays: seconds of each."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.delays, self.over = port, list[float](), False

    def run(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port)
        while not self.over:
            began = time.perf_counter()
            link.request("GET", "/")
            link.getresponse().read()
            self.delays.append(time.perf_counter() - began)
            time.sleep(0.0005)


def scrape(port: int, path: str, coding: str) -> tuple[float, int]:
    """Returns: seconds, bytes of the body as it came."""
    link = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    link.request("GET", path, headers={"accept-encoding": coding})
    size = len(link.getresponse().read())
    return time.perf_counter() - began, size


def told(delays: list[float]) -> str:
    """Median, 99th percentile and the longest, in ms."""
    ordered = sorted(delays)
    return f"{1e3 * ordered[len(ordered) // 2]:.2f} / {1e3 * ordered[len(ordered) * 99 // 100]:.2f} / {1e3 * ordered[-1]:.2f} ms"


def measure(product: Product, args: argparse.Namespace) -> None:
    """Print a line for each form."""
    with Reservation() as taken:
        port = taken.take()
        taken.release()
        with product.start(configuration(args.servers, args.workers, port), [port]):
            alone = Traffic(port)
            alone.start()
            time.sleep(1)
            alone.over = True
            alone.join()
            print(f"{product.name}: {args.servers} servers, {args.workers} worker(s); requests alone: {told(alone.delays)} (median / p99 / longest)")
            for name, (path, coding) in FORMS.items():
                traffic = Traffic(port)
                traffic.start()
                found = [scrape(port, path, coding) for _ in range(args.scrapes)]
                traffic.over = True
                traffic.join()
                times = [1e3 * seconds for seconds, _ in found]
                print(f"  {name:14} median {statistics.median(times):6.1f} ms, longest {max(times):6.1f} ms, {found[0][1] / 1e6:6.2f} MB; requests meanwhile: {told(traffic.delays)}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--servers", type=int, default=1000)
    options.add_argument("--scrapes", type=int, default=10)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--haproxy", help="measure this program too")
    args = options.parse_args()
    measure(pyhaproxy(), args)
    if args.haproxy:
        measure(Product("haproxy", (args.haproxy,)), args)


if __name__ == "__main__":
    sys.exit(main())
