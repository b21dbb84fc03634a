"""`ring` sections (manual 3.9) and the rings that log lines name: ring@NAME, and tcp@ADDRESS with a ring of its own (3.1)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from haproxy_py.config.address import parse_address
from haproxy_py.config.errors import ConfigError, Faults
from haproxy_py.config.keywords.tuning import BUFSIZE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Config, Item, Section, Setting
from haproxy_py.config.registry import proxy_keyword, section, whole_file_check
from haproxy_py.config.units import leading_int, parse_time
from haproxy_py.observe.ring import Ring
from haproxy_py.observe.targets import FORMATS, LOG_SEND_HOSTNAME, LOG_TARGETS, LogTarget

MANUAL = "manual 3.9"
RING = frozenset({"ring"})
PROTOCOLS = ("legacy", "octet-count")
DEFAULT_MAXLEN = 1024
READERS = 8
FORWARD_ROOM = 1 << 20  # bytes that wait for a server: another process sends them, and not at once


@dataclass(frozen=True, slots=True)
class RingServer:
    """A server that gets a ring's messages over a stream. octets: RFC 6587 octet counting, else lines."""

    name: str
    address: Address
    octets: bool = False
    connect_ms: int = 0
    server_ms: int = 0


FORMAT: Setting[str] = Setting("ring format", "raw")
MAXLEN: Setting[int] = Setting("ring maxlen", DEFAULT_MAXLEN)
SIZE: Setting[int] = Setting("ring size", 0)
DESCRIPTION: Setting[str] = Setting("ring description", "")
BACKING: Setting[str] = Setting("ring backing-file", "")
TIMEOUTS: Setting[dict[str, int]] = Setting("ring timeouts", dict)
SERVERS: Setting[list[RingServer]] = Setting("ring servers", list)
RINGS: Setting[dict[str, Ring]] = Setting("rings", dict)


@section("ring", source=MANUAL)
def open_ring(line: Line, config: Config) -> Section | None:
    """`ring NAME`."""
    if len(line.words) < 2:
        line.fail("missing ring name.")
    name = line.words[1]
    if any(s.kind == "ring" and s.name == name for s in config.sections):
        line.alert(f"sink named '{name}' already exists.")
    made = Section(line.where, kind="ring", name=name)
    config.sections.append(made)
    return made


@proxy_keyword("size", sections=RING, args=(0, None), source=MANUAL)
def size(line: Line, ring: Section) -> None:
    """`size BYTES`: never less than before, tune.bufsize at first."""
    wanted, now = leading_int(line.arg(0)), ring[SIZE] or line.config.globals[BUFSIZE]
    if wanted <= 0:
        line.fail(f"invalid size '{line.arg(0)}' for new sink buffer.")
    if wanted < now:
        line.warn(f"ignoring new size '{wanted}' that is smaller than current size '{now}' for ring '{ring.name}'.")
        return
    line.set(ring, SIZE, wanted)


@proxy_keyword("maxlen", sections=RING, args=(0, None), source=MANUAL)
def maxlen(line: Line, ring: Section) -> None:
    """`maxlen BYTES`: longer messages are cut."""
    wanted = leading_int(line.arg(0))
    if wanted <= 0:
        line.fail(f"unable to set event max length '{line.arg(0)}'.")
    line.set(ring, MAXLEN, wanted)


@proxy_keyword("format", sections=RING, args=(0, None), source=MANUAL)
def ring_format(line: Line, ring: Section) -> None:
    """`format NAME`: raw by default."""
    if line.arg(0) not in FORMATS:
        line.fail(f"unable to set format '{line.arg(0)}'.")
    line.set(ring, FORMAT, line.arg(0))


def _description(line: Line, ring: Section) -> None:
    """`description TEXT`."""
    if not line.arg(0):
        line.fail("missing ring description text.")
    line.set(ring, DESCRIPTION, line.arg(0))


proxy_keyword("description", sections=RING, args=(0, None), source=MANUAL)(_description)


@proxy_keyword("backing-file", sections=RING, args=(0, None), source=MANUAL)
def backing_file(line: Line, ring: Section) -> None:
    """`backing-file PATH`: the ring lies in this file; a former one is renamed to PATH.bak."""
    line.set(ring, BACKING, line.arg(0))


@proxy_keyword("timeout", sections=RING, args=(0, None), source=MANUAL)
def timeout(line: Line, ring: Section) -> None:
    """`timeout connect|server TIME`."""
    which = line.arg(0)
    if which not in ("connect", "server"):
        line.fail(f"unknown keyword 'timeout {which}' in 'ring' section")
    if not line.arg(1):
        line.fail(f"'timeout {which}' expects <time> as argument.")
    ring[TIMEOUTS][which] = parse_time(line.arg(1))


@proxy_keyword("server", sections=RING, args=(0, None), source=MANUAL)
def server(line: Line, ring: Section) -> None:
    """`server NAME ADDRESS [log-proto legacy|octet-count]`."""
    if len(line.args) < 2:
        line.fail(f"unable to create server '{line.arg(0)}'.")
    try:
        address = parse_address(line.arg(1), line.config.env)
    except ConfigError as wrong:
        line.fail(f"'server {ring.name}/{line.arg(0)}' : {wrong.text}")
    octets, rest = False, list(line.args[2:])
    while rest:
        word, value = rest[0], rest[1] if len(rest) > 1 else ""
        if word != "log-proto":
            line.fail(f"'server {ring.name}/{line.arg(0)}' : '{word}' is known to HAProxy, not supported yet in a ring section")
        if value not in PROTOCOLS:
            line.fail(f"'server {ring.name}/{line.arg(0)}' : 'log-proto' expects one of 'legacy' or 'octet-count' but got '{value}'.")
        octets, rest = value == "octet-count", rest[2:]
    if len(ring[SERVERS]) == READERS:
        line.fail(f"'server {ring.name}/{line.arg(0)}' : a ring has at most {READERS} servers.")
    ring[SERVERS].append(RingServer(line.arg(0), address, octets))


def _backing(ring: Section, faults: Faults) -> int:
    """A descriptor of the backing file, -1: none."""
    path = ring[BACKING]
    if BACKING not in ring.said:
        return -1
    try:
        if path and os.path.exists(path) and os.path.getsize(path):
            os.replace(path, path + ".bak")
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        told = f"cannot open backing-file '{path}' for ring '{ring.name}': {os.strerror(error.errno or 0)}."
        faults.alert(told, ring.said[BACKING], "parsing [{}] : ")
        return -1


def _make(config: Config, ring: Section, faults: Faults) -> Ring:
    room = ring[SIZE] or config.globals[BUFSIZE]
    longest = ring[MAXLEN]
    if longest > room:
        faults.warning(f"ring '{ring.name}' event max length '{longest}' exceeds size, forced to size '{room}'.")
        longest = room
    fd = _backing(ring, faults)
    held = FORWARD_ROOM if ring[SERVERS] and fd < 0 else 0
    made = Ring(ring.name, room, longest, FORMATS.index(ring[FORMAT]), ring[DESCRIPTION], fd, held)
    if fd >= 0:
        os.close(fd)
    limits = ring[TIMEOUTS]
    connect, server = limits.get("connect", 0), limits.get("server", 0)
    made.serve([RingServer(one.name, one.address, one.octets, connect, server) for one in ring[SERVERS]])
    return made


def _implicit(config: Config, target: LogTarget, number: int) -> Ring:
    """The ring of `log tcp@...`; its messages have the target's own format."""
    form = FORMATS.index(target.format or ("local" if config.globals[LOG_SEND_HOSTNAME] is None else "rfc3164"))
    made = Ring(f"ring#{number}", max(config.globals[BUFSIZE], target.length + 4), target.length, form, _told(target), -1, FORWARD_ROOM)
    made.serve([RingServer(made.name, target.address)])
    return made


def _told(target: LogTarget) -> str:
    where = target.ring.where if target.ring is not None else None
    return f"created from logserver declared into '{where.file}' at line {where.line}" if where else ""


def _items(config: Config) -> list[Item]:
    return [config.globals, *config.proxies]


@whole_file_check
def make_rings(config: Config, faults: Faults) -> None:
    """Make the rings and hand them to the log targets that name them."""
    rings = config.globals[RINGS]
    for ring in config.sections:
        if ring.kind == "ring":
            rings[ring.name] = _make(config, ring, faults)
    number = 0
    for item in _items(config):
        for target in item[LOG_TARGETS]:
            if not isinstance(target, LogTarget) or target.ring is None or target.ring.found is not None:
                continue
            name = target.ring.name
            if not name:
                number += 1
                made = _implicit(config, target, number)
                rings[made.name] = target.ring.found = made
            elif name in rings:
                target.ring.found = rings[name]
            else:
                faults.alert(f"log ring '{name}' not found.", target.ring.where, "parsing [{}] : ")
