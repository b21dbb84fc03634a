"""The lines of the table."""

from dataclasses import dataclass

from bench.loads import APPS, BROWSER, PUT, Work


@dataclass(frozen=True)
class Line:
    """One kind of work; goal: the ratio to reach, None where there is none."""

    name: str
    title: str
    kind: str
    work: Work
    goal: float


LINES: tuple[Line, ...] = (
    Line("small", "small reply, 64 connections", "plain", Work(), 0.9),
    Line("browser", "browser-size headers", "plain", Work(script=BROWSER), 0.9),
    Line("one", "one connection", "plain", Work(connections=1), 1.0),
    Line("thousand", "1,000 connections", "plain", Work(connections=1000), 1.0),
    Line("10k", "10 KiB reply", "plain", Work("/files/10k"), 0.9),
    Line("1m", "1 MiB reply", "plain", Work("/files/1m", 16), 0.7),
    Line("100m", "100 MiB reply", "plain", Work("/files/100m", 1, tool="curl"), 0.7),
    Line("put", "1 MiB PUT", "plain", Work("/put", 16, PUT), 0.7),
    Line("close", "a connection per request", "plain", Work(close=True), 1.0),
    Line("tls", "TLS keep-alive, small reply", "tls", Work(tls=True), 1.0),
    Line("tls1m", "TLS, 1 MiB reply", "tls", Work("/files/1m", 16, tls=True), 1.0),
    Line("handshake", "a TLS handshake per request (P-256)", "tls", Work(close=True, tls=True), 1.0),
    Line("tcp", "TCP mode, small reply", "tcp", Work(), 0.9),
    Line("log", "logging on", "log", Work(), 1.0),
    Line("rules", "forwardfor, ten ACL-routed backends", "rules", Work(script=APPS), 1.0),
)

EXTRAS: tuple[str, ...] = ("idle", "memory", "workers", "start", "reload")
