"""`resolvers NAME` and its lines (manual 5.3.2): whom to ask for names, how often, and how long answers count."""

from __future__ import annotations

import re
from dataclasses import dataclass

from haproxy_py.config.address import DATAGRAM, STREAM, parse_address, resolve
from haproxy_py.config.errors import GLUED, ConfigError, Faults, Where
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Config, Section, Setting
from haproxy_py.config.registry import proxy_keyword, section, whole_file_check
from haproxy_py.config.units import UnitError, leading_int, parse_time

RESOLVERS = frozenset({"resolvers"})
MANUAL = "manual 5.3.2"
RESOLV_CONF = "/etc/resolv.conf"
HOLDS = ("nx", "timeout", "refused", "other", "valid", "obsolete")
DEFAULT_HOLD_MS = {"valid": 10000, "obsolete": 0}
OTHER_HOLD_MS = 30000
SMALLEST_PAYLOAD, LARGEST_PAYLOAD = 12, 65535
EVENTS = "'valid', 'nx', 'refused', 'timeout', or 'other'"
_BAD_NAME = re.compile(r"[^A-Za-z0-9_.:-]")


@dataclass(frozen=True, slots=True)
class Nameserver:
    """One server to ask. host: IP text; stream: over TCP."""

    name: str
    host: str
    port: int
    stream: bool
    where: Where


NAMESERVERS: Setting[dict[str, Nameserver]] = Setting("nameserver", dict)
RETRIES: Setting[int] = Setting("resolve_retries", 3)
PAYLOAD: Setting[int] = Setting("accepted_payload_size", 512)
TIMEOUT_RESOLVE: Setting[int] = Setting("timeout resolve", 1000)  # ms
TIMEOUT_RETRY: Setting[int] = Setting("timeout retry", 1000)  # ms
HOLD: Setting[dict[str, int]] = Setting("hold", dict)  # ms by event


def hold_ms(item: Section, event: str) -> int:
    """`hold EVENT`, or its default."""
    return item[HOLD].get(event, DEFAULT_HOLD_MS.get(event, OTHER_HOLD_MS))


@section("resolvers", source=MANUAL)
def open_resolvers(line: Line, config: Config) -> Section | None:
    """`resolvers NAME`."""
    if len(line.words) < 2:
        line.fail("missing name for resolvers section.")
    name = line.words[1]
    bad = _BAD_NAME.search(name)
    if bad:
        line.fail(f"character '{bad.group()}' is not permitted in 'resolvers' name '{name}'.")
    twin = find(config, name)
    if twin is not None:
        line.fail(f"resolvers '{name}' has same name as another resolvers (declared at {twin.where}).", "Parsing [{}]: ")
    made = Section(line.where, kind="resolvers", name=name)
    config.sections.append(made)
    return made


def find(config: Config, name: str) -> Section | None:
    """A resolvers section by name."""
    return next((s for s in config.sections if s.kind == "resolvers" and s.name == name), None)


@proxy_keyword("nameserver", sections=RESOLVERS, args=(0, None), source=MANUAL)
def nameserver(line: Line, item: Section) -> None:
    """`nameserver NAME ADDR:PORT`, over UDP unless the address says tcp@."""
    if len(line.args) < 2:
        line.fail("'nameserver' expects <name> and <addr>[:<port>] as arguments.")
    name, text = line.args[:2]
    bad = _BAD_NAME.search(name)
    if bad:
        line.fail(f"character '{bad.group()}' is not permitted in server name '{name}'.")
    twin = item[NAMESERVERS].get(name)
    if twin is not None:
        line.fail(f"nameserver '{name}' has same name as another nameserver (declared at {twin.where}).", "Parsing [{}]: ")
    try:
        address, stream = _address(line, text)
    except ConfigError as wrong:
        line.fail(f"'nameserver {name}' : {wrong.text}")
    if stream and len(line.args) > 2:
        line.fail(f"'nameserver' : words of a server behind a stream address ('{line.args[2]}') are known to HAProxy, not supported yet.")
    if address.family in ("unix", "abns"):
        raise ConfigError(f"resolvers '{item.name}': can't create socket for nameserver '{name}'.", None, "")
    host = address.host or ("::" if address.family == "inet6" else "0.0.0.0")
    item[NAMESERVERS][name] = Nameserver(name, host, address.port, stream, line.where)


def _address(line: Line, text: str) -> tuple[Address, bool]:
    """Where it is, and whether it is asked over a stream. Raises: ConfigError."""
    prefix = text[: text.index("@") + 1] if "@" in text and not text.startswith("/") else ""
    stream = prefix in STREAM and prefix not in ("ip@", "ipv4@", "ipv6@", "unix@", "fd@")
    plain = text
    if prefix in DATAGRAM:
        family = "ipv4@" if "4" in prefix else "ipv6@" if "6" in prefix else "unix@" if prefix in ("uxdg@", "dgram+unix@") else ""
        plain = family + text[len(prefix) :]
    if prefix == "fd@":
        raise ConfigError(f"a file descriptor is not acceptable here in '{text}'")
    try:
        made = parse_address(plain, line.config.env, port="needed")
        if made.name is not None:
            made = resolve(made)
    except ConfigError as wrong:
        raise ConfigError(wrong.text.replace(f"'{plain}'", f"'{text}'")) from None
    return made, stream


@proxy_keyword("parse-resolv-conf", sections=RESOLVERS, args=(0, None), source=MANUAL)
def parse_resolv_conf(line: Line, item: Section) -> None:
    """Every nameserver of /etc/resolv.conf, named by its address."""
    try:
        with open(RESOLV_CONF, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    except OSError:
        line.fail("failed to open /etc/resolv.conf.", GLUED)
    found = from_resolv_conf(text, line.where)
    if not found:
        line.warn("no valid nameserver found in /etc/resolv.conf.", GLUED)
    for each in found:
        item[NAMESERVERS].setdefault(each.name, each)


def from_resolv_conf(text: str, where: Where) -> list[Nameserver]:
    """The nameservers that a resolv.conf names; lines that are no IP address are left out."""
    found = []
    for row in text.split("\n"):
        words = row.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        host, _, zone = words[1].partition("%")
        try:
            address = parse_address(f"[{host}]:53" if ":" in host else f"{host}:53", {}, port="needed")
        except ConfigError:
            continue
        if address.host:
            found.append(Nameserver(words[1], f"{address.host}%{zone}" if zone else address.host, 53, False, where))
    return found


@proxy_keyword("hold", sections=RESOLVERS, args=(0, None), source=MANUAL)
def hold(line: Line, item: Section) -> None:
    """`hold EVENT TIME`."""
    if len(line.args) < 2:
        line.alert("'hold' expects an <event> and a <time> as arguments.")
        line.faults.alert(f"<event> can be either {EVENTS}")
        return
    event, text = line.args[:2]
    if event not in HOLDS:
        known = "either 'nx', 'timeout', 'valid', 'obsolete' or 'other'"
        line.fail(f"'hold' unknown <event>: '{event}', expects {known}.")
    item[HOLD][event] = _time(line, f"<{event}> to <hold>", "<hold>", text)


@proxy_keyword("resolve_retries", sections=RESOLVERS, args=(0, None), source=MANUAL)
def resolve_retries(line: Line, item: Section) -> None:
    """`resolve_retries N`: queries before giving up."""
    if not line.args:
        line.fail("'resolve_retries' expects <nb> as argument.")
    item[RETRIES] = max(1, leading_int(line.args[0]))


@proxy_keyword("accepted_payload_size", sections=RESOLVERS, args=(0, None), source=MANUAL)
def accepted_payload_size(line: Line, item: Section) -> None:
    """`accepted_payload_size N`: largest answer, announced to the nameservers."""
    if not line.args:
        line.fail("'accepted_payload_size' expects <nb> as argument.")
    size = leading_int(line.args[0])
    if not SMALLEST_PAYLOAD <= size <= LARGEST_PAYLOAD:
        told = f"must be between {SMALLEST_PAYLOAD} and {LARGEST_PAYLOAD} inclusive (was {line.args[0]})."
        line.fail(f"'accepted_payload_size' {told}")
    item[PAYLOAD] = size


@proxy_keyword("timeout", sections=RESOLVERS, args=(0, None), source=MANUAL)
def timeout(line: Line, item: Section) -> None:
    """`timeout resolve|retry TIME`."""
    if not line.args:
        line.fail("'timeout' expects 'retry' or 'resolve' and <time> as arguments.")
    event = line.args[0]
    if event not in ("resolve", "retry"):
        line.fail(f"'timeout' expects 'retry' or 'resolve' and <time> as arguments got '{event}'.")
    if len(line.args) < 2:
        line.fail(f"'timeout {event}' expects <time> as argument.")
    value = _time(line, f"<{event}> to <timeout {event}>", f"<timeout {event}>", line.args[1])
    item[TIMEOUT_RESOLVE if event == "resolve" else TIMEOUT_RETRY] = value


def _time(line: Line, argument: str, keyword: str, text: str) -> int:
    """A delay in ms, with this section's own complaints."""
    try:
        return parse_time(text, "ms", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in argument to {keyword}.", GLUED)
    line.fail(f"timer overflow in argument {argument}, maximum value is 2147483647 ms (~24.8 days).", GLUED)


@proxy_keyword("resolution_pool_size", sections=RESOLVERS, args=(0, None), source=MANUAL)
def resolution_pool_size(line: Line, item: Section) -> None:
    """Removed."""
    line.fail("'resolution_pool_size' directive is not supported anymore (it never appeared in a stable release).")


@whole_file_check
def check_resolvers(config: Config, faults: Faults) -> None:
    """A section that names no server."""
    for item in config.sections:
        if item.kind == "resolvers" and not item[NAMESERVERS]:
            faults.warning(f"resolvers '{item.name}' [{item.where}] has no nameservers configured!")
