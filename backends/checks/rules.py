"""The steps of a health check as the configuration gives them (manual 4.2, http-check). Values only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backends.checks.pattern import Pattern
from backends.checks.samples import Facts
from backends.checks.status import Status
from haproxy_py.rules.logformat import Format
from haproxy_py.rules.rule import Action
from haproxy_py.rules.sample import Expr

Text = str | Format  # what a format with nothing to fill in is: its text


def filled(text: Text, facts: Facts | None) -> str:
    """The text as it stands in this check."""
    if isinstance(text, str):
        return text
    return facts.render(text).decode("utf-8", "surrogateescape") if facts is not None else ""


@dataclass(frozen=True, slots=True)
class Connect:
    """http-check connect. port 0, addr "", sni "", alpn (): the server's; default: all of the server's options apply.

    port_expr: an expression that gives the port.
    """

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
    port_expr: Expr | None = None
    proto: str = ""


@dataclass(frozen=True, slots=True)
class SetVar:
    """http-check set-var, set-var-fmt, unset-var."""

    action: Action
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """http-check send, or what `option httpchk` said. Empty: the default of HAProxy."""

    method: str = ""
    uri: Text = ""
    version: str = ""
    fields: tuple[tuple[str, Text], ...] = ()
    body: Text = ""
    comment: str = ""

    def merged(self, later: Send) -> Send:
        """What both said together; the later one wins."""
        said = {name: getattr(later, name) for name in self.__slots__ if getattr(later, name)}
        return replace(self, **said)

    @property
    def constant(self) -> bool:
        """Whether every check sends the same."""
        return all(isinstance(text, str) for text in (self.uri, self.body, *(value for _, value in self.fields)))


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """One side (name or value) of `expect hdr`: method is str, beg, end, sub or reg."""

    method: str
    text: Text
    regex: Pattern | None = None

    def wanted(self, facts: Facts | None) -> bytes:
        """The text to compare with."""
        return filled(self.text, facts).encode("utf-8", "surrogateescape")

    def matches(self, value: bytes, wanted: bytes) -> bool:
        """Whether a name (in lower case) or value is what is wanted."""
        if self.method == "beg":
            return value.startswith(wanted)
        if self.method == "end":
            return value.endswith(wanted)
        if self.method == "sub":
            return wanted in value
        if self.method == "reg":
            return self.regex is not None and self.regex.found_at_all(value)
        return value == wanted


@dataclass(frozen=True, slots=True)
class Expect:
    """http-check expect. kind: status rstatus string rstring string-lf hdr fhdr; statuses None: the kind's own.

    on_success, on_error: words for the log; code: an expression for check_code.
    """

    kind: str
    negated: bool = False
    codes: tuple[tuple[int, int], ...] = ()
    text: Text = ""
    regex: Pattern | None = None
    name: FieldMatch | None = None
    value: FieldMatch | None = None
    min_recv: int = 0
    comment: str = ""
    ok_status: Status | None = None
    error_status: Status | None = None
    tout_status: Status | None = None
    on_success: Format | None = None
    on_error: Format | None = None
    code: Expr | None = None


Step = Connect | Send | Expect | SetVar
DEFAULT_EXPECT = Expect("status", codes=((200, 399),))


@dataclass(slots=True)
class Round:
    """One connection of a check: connect, say something, judge the answer. before: what is set ahead of the request."""

    connect: Connect
    send: Send
    before: list[SetVar] = field(default_factory=list)
    expects: list[Expect | SetVar] = field(default_factory=list)


def rounds(first: Send, steps: list[Step]) -> list[Round]:
    """Group a backend's steps by connection; what `option httpchk` said belongs to the first one."""
    made: list[Round] = []
    before: list[SetVar] = []
    sent = False
    for step in steps:
        if isinstance(step, SetVar):
            made[-1].expects.append(step) if made and sent else before.append(step)
            continue
        if isinstance(step, Connect):
            made.append(Round(step, Send()))
            sent = False
            continue
        if not made:
            made.append(Round(Connect(explicit=False), Send()))
        made[-1].before, before, sent = made[-1].before + before, [], True
        if isinstance(step, Send):
            made[-1].send = step
        else:
            made[-1].expects.append(step)
    if not made:
        made.append(Round(Connect(explicit=False), Send()))
    made[-1].before += before
    made[0].send = first.merged(made[0].send)
    for each in made:
        if not any(isinstance(one, Expect) for one in each.expects):
            each.expects.insert(0, DEFAULT_EXPECT)
    return made
