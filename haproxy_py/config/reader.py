"""Files and texts -> (Config, Faults): lines, conditional blocks, sections, keywords, then the whole-file checks.

    config, faults = load(["/etc/haproxy/haproxy.cfg"])
    config, faults = load([], texts=[("inline", b"global\\n daemon\\n")])

Everything that is wrong is collected; nothing stops at the first fault and no input raises. The result is frozen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from haproxy_py.config import lexer
from haproxy_py.config.conditions import Blocks
from haproxy_py.config.dispatch import dispatch, negation
from haproxy_py.config.environment import starting
from haproxy_py.config.errors import GLUED, ConfigError, Faults, Level, Where
from haproxy_py.config.known import words as known_words
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Global, Item, Setting
from haproxy_py.config.registry import CHECKS, SECTIONS
from haproxy_py.config.start_addresses import Resolver, resolve_all


def load(
    paths: Sequence[str],
    *,
    texts: Sequence[tuple[str, bytes]] = (),
    env: Mapping[str, str] | None = None,
    resolver: Resolver | None = None,
    strict: bool = False,
    preset: Mapping[Setting[Any], Any] | None = None,
    told: Callable[[int, Sequence[str]], None] | None = None,
) -> tuple[Config, Faults]:
    """Read a configuration from files, directories (their *.cfg, sorted) and texts (name, bytes), in this order.

    Args: env: the environment to start from (default: the process's). resolver: address.resolve, to have names of bind
    and server lines looked up now; without it they stay names. strict: let unexpected exceptions of a keyword through
    (for tests) where users get an alert. preset: global settings of the command line; the file may say otherwise.
    told: called with the number and the words of every line that can be cut into words, also where a condition skips it.
    Returns: the frozen configuration and every fault; with faults.fatal the configuration must not be run.
    """
    faults = Faults()
    files = _files(paths, faults)
    reader = Reader(faults, starting(env, [*files, *(name for name, _ in texts)]), strict, told)
    for setting, value in (preset or {}).items():
        reader.config.globals[setting] = value
    for path in files:
        try:
            with open(path, "rb") as stream:
                body = stream.read()
        except OSError as wrong:
            faults.alert(f"Could not open configuration file {path} : {wrong.strerror}")
            continue
        reader.read(path, body)
    for name, body in texts:
        reader.read(name, body)
    return reader.finish(resolver), faults


def _files(paths: Sequence[str], faults: Faults) -> list[str]:
    """Directories replaced by the *.cfg files in them, in C locale order."""
    found = []
    for path in paths:
        try:
            if os.path.isdir(path):
                names = sorted(n for n in os.listdir(path) if n.endswith(".cfg") and not n.startswith("."))
                found += [p for p in (os.path.join(path, n) for n in names) if os.path.isfile(p)]
            else:
                os.stat(path)
                found.append(path)
        except (OSError, ValueError) as wrong:
            reason = getattr(wrong, "strerror", None) or str(wrong)
            faults.alert(f"Cannot open configuration file/directory {path} : {reason}")
    return found


def nothing_in(paths: Sequence[str]) -> bool:
    """Whether all of them are directories without configuration files, which HAProxy takes as no file at all."""
    faults = Faults()
    return not _files(paths, faults) and not faults.found


class Reader:
    """The state between lines: the section that is open, the conditional blocks, the environment."""

    def __init__(
        self, faults: Faults, env: dict[str, str], strict: bool = False, told: Callable[[int, Sequence[str]], None] | None = None
    ) -> None:
        self.faults = faults
        self.told = told
        self.strict = strict
        self.config = Config(Global(Where("", 0)), env=env)
        self.section: Item | None = None
        self.kind = ""  # "global", "frontend", ... ; "" before the first section
        self.skipping = False  # inside a section that is not supported
        self.file = ""
        self.number = 0
        self.blocks = Blocks()

    def lookup(self, name: str) -> str | None:
        """An environment or pseudo variable (manual 2.3)."""
        if name == ".LINE":
            return str(self.number)
        if name == ".FILE":
            return self.file
        if name == ".SECTION":
            return getattr(self.section, "name", "") or self.kind
        return self.config.env.get(name)

    def read(self, name: str, body: bytes) -> None:
        """One file: it must begin with a section and end with a line end."""
        self.config.files.append(name)
        self.file, self.section, self.kind, self.skipping = name, None, "", False
        self.blocks = Blocks()
        self.number = 0
        lines = body.decode("utf-8", "surrogateescape").split("\n")
        tail = lines.pop()
        for self.number, text in enumerate(lines, 1):
            self.line(text)
        if tail:
            self.number = len(lines) + 1
            at = len(tail.encode("utf-8", "surrogateescape")) + 1
            text = f"Missing LF on last line, file might have been truncated at position {at}."
            self.faults.alert(text, Where(name, self.number), GLUED)
            self.line(tail)
        self.blocks.close(self.faults, Where(name, self.number))

    def line(self, text: str) -> None:
        """One line: cut it into words and obey it; its fault goes into the collection."""
        where = Where(self.file, self.number)
        try:
            if "\0" in text:
                at = len(text[: text.index("\0")].encode("utf-8", "surrogateescape")) + 1
                raise ConfigError(f"Stray NUL character at position {at}.", where, GLUED)
            words = lexer.split(text, self.lookup)
            if self.told is not None:
                self.told(self.number, words)
            if words:
                self.obey(words, where)
        except lexer.LexError as wrong:
            told = f"{wrong.what} at position {wrong.at + 1}:{lexer.caret(text, wrong.at)}"
            self.faults.alert(told, where, GLUED)
        except ConfigError as wrong:
            self.faults.alert(wrong.text, wrong.where or where, wrong.form)
        except (ValueError, LookupError, TypeError, AttributeError, OSError, ArithmeticError) as wrong:
            if self.strict:
                raise
            self.faults.alert(f"this line cannot be understood ({type(wrong).__name__}: {wrong})", where)

    def obey(self, words: lexer.Words, where: Where) -> None:
        """A directive, a section header, or a keyword of the open section."""
        if self.blocks.directive(words, where, self.faults, self.config.env) or not self.blocks.active:
            return
        if len(words) > lexer.MAX_WORDS:
            self._too_many(words, where)
        if "" in words:
            at = words.index("")  # HAProxy's parsers stop at an empty argument
            told = f"argument number {at} is empty and marks the end of the argument list; what follows is ignored."
            self.faults.warning(told, where, GLUED)
            del words[at:]
            if not words:
                return
        line = Line(words, where, self.faults, self.config, self.section, quoted=words.quoted)
        if words[0] in ("no", "default") and not negation(line, self.kind, len(words) > 1):
            return
        word = line.words[0]
        header = SECTIONS.find(word)
        if header:
            self.open(line, header.call)
        elif word in known_words("sections"):
            self.skip_section(word, where)
        elif self.skipping:
            return
        elif not self.kind:
            raise ConfigError(f"unknown keyword '{word}' out of section.", where, GLUED)
        elif self.section is None:
            return  # its header was refused: what it holds cannot be judged
        else:
            dispatch(line, self.kind, self.section)

    def _too_many(self, words: lexer.Words, where: Where) -> None:
        *before, last = words[: lexer.MAX_WORDS]
        at = sum(len(word.encode("utf-8", "surrogateescape")) + 1 for word in before) + 1  # as if single blanks parted them
        told = f"too many words, truncating after word {lexer.MAX_WORDS}, position {at}: <{last}>."
        raise ConfigError(told, where, GLUED)

    def open(self, line: Line, call: Callable[[Line, Config], Item | None]) -> None:
        """A section header; a refused one leaves its keywords unjudged."""
        self.kind, self.section, self.skipping = line.words[0], None, False
        self.section = call(line, self.config)

    def skip_section(self, word: str, where: Where) -> None:
        """A section of HAProxy's that is not built: said once, its keywords are skipped."""
        self.kind, self.section, self.skipping = word, None, True
        raise ConfigError(f"section '{word}' is known to HAProxy, not supported yet.", where)

    def finish(self, resolver: Resolver | None) -> Config:
        """Run the checks of the whole configuration and freeze it."""
        if resolver:
            resolve_all(self.config, resolver, self.faults)
        self.check()
        config = self.config
        for item in (config.globals, *config.defaults, *config.proxies, *config.sections):
            item.freeze()
        return config

    def check(self) -> None:
        """The whole-file checks. Behind refused lines their warnings would only be echoes, so just their alerts count."""
        later = Faults() if self.faults.fatal else self.faults
        for check in CHECKS:
            check(self.config, later)
        if later is not self.faults:
            seen = set(self.faults.found)
            self.faults.found += [f for f in later.found if f.level is Level.ALERT and f not in seen]
