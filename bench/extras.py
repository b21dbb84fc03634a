"""What is not requests per second: memory of idle connections and of workers, what a second worker adds, time to start, time of a reload."""

import signal
import socket
import time

from bench import configs, loads
from bench.rig import Rig, Unsupported

IDLE_CONNECTIONS = 4000
_REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
_SETTLE_SECONDS = 1.0
_WORKERS_SECONDS = 2.0


def idle(rig: Rig, product: str) -> float:
    """Returns: bytes of memory that one more idle keep-alive connection costs."""
    site = rig.site()
    group = rig.start(product, "plain", site)
    try:
        warm = [_kept(site.port) for _ in range(200)]
        time.sleep(_SETTLE_SECONDS)
        before = group.pss_bytes()
        held = [_kept(site.port) for _ in range(IDLE_CONNECTIONS)]
        time.sleep(_SETTLE_SECONDS)
        cost = (group.pss_bytes() - before) / IDLE_CONNECTIONS
        for sock in warm + held:
            sock.close()
        return cost
    finally:
        group.stop()


def _kept(port: int) -> socket.socket:
    """A connection that has had its first reply."""
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(_REQUEST)
    if not sock.recv(65536).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("no 200 on an idle connection to be")
    return sock


def memory(rig: Rig, product: str, threads: int = 1) -> float:
    """Returns: MiB of all processes after some load, with `threads` workers."""
    site = rig.site()
    group = rig.start(product, "plain", site, threads)
    try:
        loads.run(loads.Work(), site.port, 1, rig.folder, rig.load_cpu)
        return group.pss_bytes() / (1 << 20)
    finally:
        group.stop()


def workers(rig: Rig, product: str) -> float:
    """Returns: requests a second of two workers over those of one.

    The work is a TLS handshake per request with an RSA key of 3072 bits, since there the client needs about a tenth of what the
    proxy does and leaves it room on two cores; nothing is pinned.
    """
    pins = rig.proxy_cpu, rig.load_cpu
    rig.proxy_cpu = rig.load_cpu = None
    try:
        return _handshakes(rig, product, 2) / _handshakes(rig, product, 1)
    finally:
        rig.proxy_cpu, rig.load_cpu = pins


def _handshakes(rig: Rig, product: str, threads: int) -> float:
    """A second, with `threads` workers."""
    site = rig.site(key="rsa:3072")
    group = rig.start(product, "tls", site, threads)
    try:
        work = loads.Work(close=True, tls=True)
        loads.run(work, site.port, 1, rig.folder, None)
        done = loads.run(work, site.port, _WORKERS_SECONDS, rig.folder, None)
        return done.requests / done.seconds
    finally:
        group.stop()


def start_time(rig: Rig, product: str) -> float:
    """Returns: milliseconds from the command to the first reply."""
    site = rig.site()
    begin = time.monotonic()
    group = rig.start(product, "plain", site)
    try:
        _kept(site.port).close()
        return (time.monotonic() - begin) * 1000
    finally:
        group.stop()


def reload_time(rig: Rig, product: str) -> float:
    """Returns: milliseconds from SIGUSR2 to the master to the first reply of the new configuration."""
    if product == "nginx":
        raise Unsupported("its reload is another signal and another file")
    site = rig.site()
    group = rig.start_text(product, _answering("old", site), site, ("-W", "-db"))
    try:
        _wait_for(b"old", site.port)
        (rig.folder / f"{product}-{site.port}.cfg").write_text(_answering("new", site))
        begin = time.monotonic()
        group.process.send_signal(signal.SIGUSR2)
        _wait_for(b"new", site.port)
        return (time.monotonic() - begin) * 1000
    finally:
        group.stop()


def _answering(word: str, site: configs.Site) -> str:
    plain = configs.haproxy("plain", site)
    return plain.replace("    default_backend b\n", f"    http-request return status 200 content-type text/plain string {word}\n    default_backend b\n")


def _wait_for(word: bytes, port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if _answer(port).endswith(word):
            return
        time.sleep(0.002)
    raise RuntimeError(f"{word!r} was never answered")


def _answer(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(_REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            pieces = []
            while piece := sock.recv(65536):
                pieces.append(piece)
            return b"".join(pieces)
    except OSError:
        return b""
