"""The command line -> Options (management manual 3). HAProxy's own grammar: single dashes, no clusters, no `=`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from haproxy_py.process.memory_words import first_of_note

# Letters behind -d that concern HAProxy's internals: accepted, no effect. Some carry text glued to them.
NO_EFFECT = ("A", "F", "G", "I", "T", "Z", "c", "e", "k", "p", "t", "v", "x")


class UsageError(Exception):
    """The command line cannot be understood. text: "" or a line that says why. usage: whether the flags are listed behind it."""

    def __init__(self, text: str = "", *, usage: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.usage = usage


@dataclass(slots=True)
class Options:
    """What the command line says; None or empty: nothing."""

    files: list[str] = field(default_factory=list)
    directory: str | None = None  # -C
    check: bool = False
    condition: str | None = None  # -cc
    version: int = 0  # 1: -v, 2: -vv
    daemon: bool = False
    foreground: bool = False  # -db
    debug: bool = False
    master: bool = False
    systemd: bool = False
    quiet: bool = False
    verbose: bool = False
    diagnose: bool = False
    zero_warning: bool = False
    maxconn: int | None = None
    proxy_maxconn: int | None = None
    memory_mb: int | None = None
    pidfile: str | None = None
    peer: str | None = None
    master_sockets: list[str] = field(default_factory=list)  # -S
    inherit_from: str | None = None  # -x
    inherited_again: bool = False  # -x was said before: the last one counts
    finish: list[int] = field(default_factory=list)  # -sf
    terminate: list[int] = field(default_factory=list)  # -st
    no_splice: bool = False
    no_reuseport: bool = False
    no_server_verify: bool = False
    ignore_resolution: bool = False
    dump: str | None = None  # what is glued to -dC
    keywords: str | None = None  # ... to -dK
    memory_help: bool = False  # -dMhelp
    objects: bool = False  # -dL

    def quiet_with(self, configured: bool) -> bool:
        """Whether messages are off; configured: the global keyword `quiet`. -V wins over all."""
        return (self.quiet or configured) and not self.verbose


class _Words:
    """The words that are left."""

    def __init__(self, words: Sequence[str]) -> None:
        self.rest = list(words)

    def value(self, flag: str) -> str:
        """The argument of a flag. Raises: UsageError: there is none, or another flag."""
        if not self.rest or not self.rest[0]:
            raise UsageError(f"'{flag}' expects an argument.")
        return self.rest.pop(0)

    def number(self, flag: str) -> int:
        text = self.value(flag)
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise UsageError(f"'{flag}' expects a positive number, not '{text}'.")
        return int(text)

    def pids(self, flag: str) -> list[int]:
        """Words up to the next flag, as process ids."""
        found = []
        while self.rest and not self.rest[0].startswith("-"):
            word = self.rest.pop(0)
            number, left = re.fullmatch(r"(?s)\s*([0-9]*)\s*(.*)", word, re.ASCII).groups()  # type: ignore[union-attr]  # it always fits
            if left:
                raise UsageError(f"{flag} option: some bytes unconsumed in PID list {{{left}}}", usage=False)
            if len(number) > 18:
                raise UsageError(f"{flag} option: failed to parse {{{word}}}: Numerical result out of range", usage=False)
            if not 0 < int(number or 0) < 2**31:
                raise UsageError()  # 0 would be our own process group
            found.append(int(number))
        return found


def _set(name: str) -> Callable[[Options, _Words, str], None]:
    return lambda options, words, flag: setattr(options, name, True)


def _text(name: str) -> Callable[[Options, _Words, str], None]:
    return lambda options, words, flag: setattr(options, name, words.value(flag))


def _number(name: str) -> Callable[[Options, _Words, str], None]:
    return lambda options, words, flag: setattr(options, name, words.number(flag))


def _pids(name: str) -> Callable[[Options, _Words, str], None]:
    return lambda options, words, flag: getattr(options, name).extend(words.pids(flag))


def _version(level: int) -> Callable[[Options, _Words, str], None]:
    return lambda options, words, flag: setattr(options, "version", max(options.version, level))


def _systemd(options: Options, words: _Words, flag: str) -> None:
    options.master = options.systemd = True


def _master_socket(options: Options, words: _Words, flag: str) -> None:
    options.master_sockets.append(words.value(flag))


def _inherit(options: Options, words: _Words, flag: str) -> None:
    if not words.rest or words.rest[0].startswith("-"):
        raise UsageError("Unix socket path expected with the -x flag\n")
    options.inherited_again = options.inherit_from is not None
    options.inherit_from = words.value(flag)


def _file(options: Options, words: _Words, flag: str) -> None:
    options.files.append(words.value(flag))


def _memory(options: Options, text: str) -> None:
    noted = first_of_note(text)
    if noted not in ("", "help"):
        raise UsageError(f"-dM: unknown pool debugging feature <{noted}>", usage=False)
    options.memory_help = options.memory_help or noted == "help"


FLAGS: dict[str, Callable[[Options, _Words, str], None]] = {
    "-v": _version(1), "-vv": _version(2), "-c": _set("check"), "-cc": _text("condition"), "-f": _file,
    "-C": _text("directory"), "-D": _set("daemon"), "-d": _set("debug"), "-db": _set("foreground"), "-W": _set("master"),
    "-Ws": _systemd, "-q": _set("quiet"), "-V": _set("verbose"), "-dD": _set("diagnose"), "-dW": _set("zero_warning"),
    "-n": _number("maxconn"), "-N": _number("proxy_maxconn"), "-m": _number("memory_mb"), "-p": _text("pidfile"),
    "-L": _text("peer"), "-S": _master_socket, "-x": _inherit, "-sf": _pids("finish"), "-st": _pids("terminate"),
    "-dS": _set("no_splice"), "-dR": _set("no_reuseport"), "-dV": _set("no_server_verify"), "-dr": _set("ignore_resolution"),
    "-dL": _set("objects"), "-4": lambda options, words, flag: None,
}  # fmt: skip


def parse(words: Sequence[str]) -> Options:
    """Raises: UsageError: an unknown flag, an argument that is missing or wrong, no configuration file where one is needed."""
    options, left = Options(), _Words(words)
    while left.rest:
        word = left.rest.pop(0)
        if word == "--":
            options.files += left.rest
            break
        if word in FLAGS:
            FLAGS[word](options, left, word)
        elif word.startswith("-dC"):
            options.dump = word.removeprefix("-dC")
        elif word.startswith("-dK"):
            options.keywords = word.removeprefix("-dK")
        elif word.startswith("-dM"):
            _memory(options, word.removeprefix("-dM"))
        elif not (word.startswith("-d") and word[2:3] in NO_EFFECT):
            raise UsageError()
    asks = options.version or options.condition is not None or options.memory_help
    if not (options.files or asks):
        raise UsageError()
    return options
