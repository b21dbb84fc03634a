"""The steps of a health check as the configuration gives them (manual 4.2, http-check). Values only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from backends.checks.status import Status


@dataclass(frozen=True, slots=True)
class Connect:
    """http-check connect. port 0, addr "", sni "", alpn (): the server's; default: all of the server's options apply."""

    port: int = 0
    addr: str = ""
    ssl: bool = False
    sni: str = ""
    alpn: tuple[str, ...] = ()
    send_proxy: bool = False
    default: bool = False
    linger: bool = False
    explicit: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """http-check send, or what `option httpchk` said. Empty: the default of HAProxy."""

    method: str = ""
    uri: str = ""
    version: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    body: str = ""
    comment: str = ""

    def merged(self, later: Send) -> Send:
        """What both said together; the later one wins."""
        said = {name: getattr(later, name) for name in self.__slots__ if getattr(later, name)}
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """One side (name or value) of `expect hdr`: method is str, beg, end, sub or reg."""

    method: str
    text: str
    regex: re.Pattern[bytes] | None = None

    def matches(self, value: bytes) -> bool:
        wanted = self.text.encode("utf-8", "surrogateescape")
        if self.method == "beg":
            return value.startswith(wanted)
        if self.method == "end":
            return value.endswith(wanted)
        if self.method == "sub":
            return wanted in value
        if self.method == "reg":
            return self.regex is not None and self.regex.search(value) is not None
        return value == wanted


@dataclass(frozen=True, slots=True)
class Expect:
    """http-check expect. kind: status rstatus string rstring hdr fhdr; statuses None: the kind's own."""

    kind: str
    negated: bool = False
    codes: tuple[tuple[int, int], ...] = ()
    text: str = ""
    regex: re.Pattern[bytes] | None = None
    name: FieldMatch | None = None
    value: FieldMatch | None = None
    min_recv: int = 0
    comment: str = ""
    ok_status: Status | None = None
    error_status: Status | None = None
    tout_status: Status | None = None


Step = Connect | Send | Expect
DEFAULT_EXPECT = Expect("status", codes=((200, 399),))


@dataclass(slots=True)
class Round:
    """One connection of a check: connect, say something, judge the answer."""

    connect: Connect
    send: Send
    expects: list[Expect] = field(default_factory=list)


def rounds(first: Send, steps: list[Step]) -> list[Round]:
    """Group a backend's steps by connection; what `option httpchk` said belongs to the first one."""
    made: list[Round] = []
    for step in steps:
        if isinstance(step, Connect):
            made.append(Round(step, Send()))
            continue
        if not made:
            made.append(Round(Connect(explicit=False), Send()))
        if isinstance(step, Send):
            made[-1].send = step
        else:
            made[-1].expects.append(step)
    if not made:
        made.append(Round(Connect(explicit=False), Send()))
    made[0].send = first.merged(made[0].send)
    for each in made:
        each.expects = each.expects or [DEFAULT_EXPECT]
    return made
