"""`mailers NAME` and its lines, and `email-alert` of proxies (manual 3.6, 4.2): who is told by mail about servers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from haproxy_py.config.address import parse_address, resolve
from haproxy_py.config.errors import GLUED, ConfigError, Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Config, Proxy, Section, Setting
from haproxy_py.config.registry import proxy_keyword, section, whole_file_check
from haproxy_py.config.units import UnitError, parse_time

MAILERS = frozenset({"mailers"})
MANUAL = "manual 3.6"
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
NEEDS = (
    "(the presence any of 'email-alert from', 'email-alert level' 'email-alert mailers', 'email-alert myhostname', or "
    "'email-alert to' requires each of 'email-alert from', 'email-alert mailers' and 'email-alert to' to be present)."
)
_BAD_NAME = re.compile(r"[^A-Za-z0-9_.:-]")


@dataclass(frozen=True, slots=True)
class Mailer:
    """One SMTP server."""

    name: str
    address: Address


MAILER_LIST: Setting[list[Mailer]] = Setting("mailer", list)
TIMEOUT_MAIL: Setting[int] = Setting("timeout mail", 10000)  # ms
FROM: Setting[str | None] = Setting("email-alert from", None)
TO: Setting[str | None] = Setting("email-alert to", None)
SECTION: Setting[str | None] = Setting("email-alert mailers", None)
MYHOSTNAME: Setting[str | None] = Setting("email-alert myhostname", None)
LEVEL: Setting[int | None] = Setting("email-alert level", None)  # syslog level; None: not said, alert
TEXTS = {"from": FROM, "to": TO, "mailers": SECTION, "myhostname": MYHOSTNAME}


@section("mailers", source=MANUAL)
def open_mailers(line: Line, config: Config) -> Section | None:
    """`mailers NAME`."""
    if len(line.words) < 2:
        line.fail("missing name for mailers section.")
    name = line.words[1]
    bad = _BAD_NAME.search(name)
    if bad:
        line.fail(f"character '{bad.group()}' is not permitted in 'mailers' name '{name}'.")
    twin = find(config, name)
    if twin is not None:
        told = f"mailers section '{name}' has the same name as another mailers section declared at {twin.where}."
        line.fail(told, "Parsing [{}]: ")
    made = Section(line.where, kind="mailers", name=name)
    config.sections.append(made)
    return made


def find(config: Config, name: str) -> Section | None:
    """A mailers section by name."""
    return next((s for s in config.sections if s.kind == "mailers" and s.name == name), None)


@proxy_keyword("mailer", sections=MAILERS, args=(0, None), source=MANUAL)
def mailer(line: Line, item: Section) -> None:
    """`mailer NAME ADDR:PORT`."""
    if len(line.args) < 2:
        line.fail("'mailer' expects <name> and <addr>[:<port>] as arguments.")
    name, text = line.args[:2]
    try:
        address = parse_address(text, line.config.env, port="needed")
        if address.name is not None:
            address = resolve(address)
    except ConfigError as wrong:
        line.fail(f"'mailer {name}' : {wrong.text}")
    if address.family in ("unix", "abns"):
        line.fail(f"'mailer {name}' : TCP not supported for this address family.")
    item[MAILER_LIST].append(Mailer(name, address))


@proxy_keyword("timeout", sections=MAILERS, args=(0, None), source=MANUAL)
def timeout(line: Line, item: Section) -> None:
    """`timeout mail TIME`: for one mail, from the connection to the last answer."""
    if not line.args:
        line.fail("'timeout' expects 'mail' and <time> as arguments.")
    if line.args[0] != "mail":
        line.fail(f"'timeout' expects 'mail' and <time> as arguments got '{line.args[0]}'.")
    if len(line.args) < 2:
        line.fail("'timeout mail' expects <time> as argument.")
    item[TIMEOUT_MAIL] = _time(line, line.args[1])


def _time(line: Line, text: str) -> int:
    """A delay in ms, with this section's own complaints."""
    try:
        return parse_time(text, "ms", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in argument to <timeout mail>.", GLUED)
    line.fail(
        f"timer overflow in argument <{text}> to <timeout mail>, maximum value is 2147483647 ms (~24.8 days).", GLUED
    )


@proxy_keyword("email-alert", args=(0, None), source="manual 4.2")
def email_alert(line: Line, proxy: Proxy) -> None:
    """`email-alert from|to|mailers|myhostname TEXT`, `email-alert level LEVEL`."""
    if not line.args:
        line.fail("missing argument after 'email-alert'.")
    what, value = line.args[0], line.arg(1)
    if what == "level":
        if value not in LEVELS:
            line.fail(f"unknown log level 'level' after '{value}'")
        proxy[LEVEL] = LEVELS.index(value)
    elif what in TEXTS:
        proxy[TEXTS[what]] = value
    else:
        line.fail(f"email-alert: unknown argument '{what}'.")


def is_complete(proxy: Proxy) -> bool:
    """Whether a proxy says all that mails need."""
    return None not in (proxy[FROM], proxy[TO], proxy[SECTION])


@whole_file_check
def check_mails(config: Config, faults: Faults) -> None:
    """Alerts that lack something, name no section, and sections that nobody names."""
    used = set()
    for proxy in config.proxies:
        if is_complete(proxy):
            used.add(proxy[SECTION])
            if find(config, proxy[SECTION] or "") is None:
                faults.alert(f"Proxy '{proxy.name}': unable to find mailers '{proxy[SECTION]}'.")
        elif proxy[LEVEL] is not None or any(proxy[setting] is not None for setting in TEXTS.values()):
            kind = "proxy" if proxy.kind == "listen" else proxy.kind
            faults.warning(f"'email-alert' will be ignored for {kind} '{proxy.name}' {NEEDS}")
    for item in config.sections:
        if item.kind == "mailers" and item.name not in used:
            faults.warning(f"Removing incomplete section 'mailers {item.name}'.")
