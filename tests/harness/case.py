"""A differential case: bytes in on both sides of a proxy; its result: bytes out on both sides, how each connection
ended, and what was logged, with everything masked that differs between two runs of the same program.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.harness.canon import canon
from tests.harness.wire import Script

SHOWN = 4000
NOW_SECONDS = 300.0

DEFAULT_GLOBAL = """global
    log 127.0.0.1:{syslog} local0
    maxconn 4000
    nbthread 1
"""

DEFAULT_DEFAULTS = """defaults
    mode http
    log global
    option httplog
    retries 1
    timeout connect 2s
    timeout client 3s
    timeout server 3s
"""


@dataclass(frozen=True)
class Template:
    """Proxy sections of one case. Replaced in `text`: {id} {port} {s1} {s2} {dead} {full} {file:NAME}; also in `extra_global`.

    Templates with the same `extra_global` and `defaults` share one process, whatever their cases; others get their own.
    """

    text: str
    extra_global: str = ""
    defaults: str = DEFAULT_DEFAULTS
    files: tuple[tuple[str, bytes], ...] = ()

    def with_files(self, *files: tuple[str, bytes]) -> "Template":
        """The same with files that {file:NAME} names."""
        return replace(self, files=files)

    @property
    def setting(self) -> tuple[str, str]:
        return self.extra_global, self.defaults


@dataclass(frozen=True)
class Case:
    """One exchange. `client` may use several connections (step On); `server` and `server2` are the scripts of the
    connections that {s1} and {s2} receive. `oracle` names the version that decides ("2.6" or "2.8")."""

    id: str
    template: str
    client: Script
    server: Sequence[Script] = ()
    server2: Sequence[Script] = ()
    oracle: str = "2.6"
    settle: float = 0.0
    sort_logs: bool = False
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Side:
    """What one connection received from the proxy, and how the proxy left it: before and after the clients closed."""

    received: bytes
    fate: str


@dataclass(frozen=True)
class Result:
    """Everything a case compares."""

    clients: tuple[Side, ...]
    servers: tuple[Side, ...]
    servers2: tuple[Side, ...]
    logs: tuple[str, ...]
    counters: tuple[str, ...] = ()  # "FRONTEND stot=1": what statistics count for the case in the end, 0 left out

    def differences(self, other: "Result", ignore: tuple[str, ...] = ()) -> list[str]:
        """Returns: one text per part that differs, ours first; chunked bodies are compared by payload."""
        parts = [name for name in ("clients", "servers", "servers2", "logs") if name not in ignore]
        if not ignore and self.counters and other.counters:  # a recorded result has none; other bytes are other counts
            parts.append("counters")
        return [
            f"{name}:\n   ours   {_short(getattr(self, name))}\n   oracle {_short(getattr(other, name))}"
            for name in parts
            if _plain(getattr(self, name)) != _plain(getattr(other, name))
        ]


def _short(part: object) -> str:
    """Returns: the repr, with the middle of something very long left out."""
    text = repr(part)
    return text if len(text) < SHOWN else f"{text[: SHOWN // 2]} ... {text[-SHOWN // 2 :]} ({len(text)} characters)"


def _plain(part: tuple[Side, ...] | tuple[str, ...]) -> list[tuple[bytes, str] | str]:
    return [(canon(item.received), item.fate) if isinstance(item, Side) else item for item in part]


@dataclass
class Names:
    """What the harness filled in for one case, for masking."""

    ident: str
    ports: dict[int, str] = field(default_factory=dict)


_STAMP = re.compile(r"\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}(\.\d{3})?")
_HEADER = re.compile(r"^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} ((?:\w+ )?[\w-]+)\[\d+\]: ")
_RFC5424 = re.compile(r"^<(\d+)>1 [\dT:.+-]+ (\S+) (\S+) \d+ ")
_TIMERS = re.compile(r"(?<= )([+-]?\d+(?:/[+-]?\d+){1,4})(?= )")
_V2_PORTS = re.compile(rb"(\r\n\r\n\x00\r\nQUIT\n\x21\x11.{2}\x7f\x00\x00\x01\x7f\x00\x00\x01).{4}", re.DOTALL)
_REPEAT = re.compile(r"(.)\1{49,}")
_CLF = re.compile(r'("[^"]*" "[^"]*") \d+ \d{1,3} ("\S+" "\S+" "\S+")(?: -?\d+){5} (\S{4}) \d+ ')
_LOST = re.compile(r"(?<= )\d{7}(?= (?:- - )?c)")  # to a client that stopped reading: what the kernel's buffers took
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DATE64 = re.compile(rb"\|([A-Za-z0-9+/]{5})(?=[|;\r])")
_LOCAL = re.compile(r"127\.0\.0\.1:(\d+)")


def mask_log(line: bytes, names: Names) -> str:
    """Take out of a log line what two runs cannot share: dates, pid, client port, durations, other cases' connections."""
    text = line.decode("latin-1").rstrip("\n\0")
    text = _HEADER.sub(r"<\1>DATE \2[PID]: ", text)
    text = _RFC5424.sub(r"<\1>1 DATE \2 \3 PID ", text)
    text = _STAMP.sub("STAMP", text)
    text = _LOCAL.sub(lambda m: "127.0.0.1:" + names.ports.get(int(m[1]), "PORT"), text)
    text = _CLF.sub(r"\1 PORT MS \2 TIMERS \3 N ", text)
    text = _LOST.sub("MUCH", _mask_numbers(text))
    return _REPEAT.sub(r"\1*", text.replace(names.ident, "ID"))


def mask_bytes(received: bytes, names: Names) -> bytes:
    """Replace the ports of this run, in decimal or in a PROXY v2 header, by their names."""
    for port, name in names.ports.items():
        received = re.sub(rb"(?<!\d)%d(?!\d)" % port, name.encode(), received)
    received = _DATE64.sub(_mask_date64, received)
    return _V2_PORTS.sub(rb"\1PORT", received)


def _mask_date64(found: re.Match[bytes]) -> bytes:
    """A date of a persistence cookie (five digits to the base of 64, steps of four seconds) that is about now becomes NOW."""
    value = 0
    for digit in found[1]:
        value = value << 6 | _BASE64.index(digit)
    return b"|NOW" if abs(value * 4 - time.time()) < NOW_SECONDS else found[0]


def _mask_numbers(text: str) -> str:
    """Timers become T (-1 and 0-with-plus stay visible as such); the process-wide connection count becomes N."""
    groups = list(_TIMERS.finditer(text))
    for index in range(len(groups) - 1, -1, -1):
        found = groups[index]
        words = found[1].split("/")
        if index == 0:
            words = [_timer(word) for word in words]
        elif len(words) == 5:
            words[0] = "N"
        text = text[: found.start()] + "/".join(words) + text[found.end() :]
    return text


def _timer(word: str) -> str:
    return word if word == "-1" else ("+T" if word.startswith("+") else "T")
