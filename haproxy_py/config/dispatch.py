"""From a line of a section to the function that understands it, or to the right complaint.

HAProxy's answers, in this order: the keyword of this section; a keyword of the other side of a proxy (ignored with a
warning); a word of HAProxy that is not built; a removed word; an unknown one with the nearest.
"""

from __future__ import annotations

from haproxy_py.config import known
from haproxy_py.config.errors import GLUED, PLAIN, ConfigError
from haproxy_py.config.keywords import effectless
from haproxy_py.config.line import Line
from haproxy_py.config.model import Global, Item, Proxy
from haproxy_py.config.registry import SECTION_KEYWORDS, Keyword

PROXIES = ("defaults", "frontend", "backend", "listen")
NEGATABLE = (
    "negation/default currently supported only for options, log, busy-polling, "
    "set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping."
)
# First words whose second word belongs to the keyword, and which list of known words holds the second ones.
FAMILIES = {"option": "cfg-options", "timeout": "cfg-timeouts"}
# Refusals on the wrong side of a proxy; everything else is only ignored.
FATAL_ASIDE = frozenset({"server", "default-server", "server-template"})
IGNORED_PLAINLY = ("timeout ", "clitcpka-", "srvtcpka-", "max-keep-alive-queue")
INSTEAD = {"maxconn": "fullconn", "fullconn": "maxconn"}


def find(line: Line, kind: str) -> Keyword | None:
    """The keyword of a line: the longest registered one; sets line.first. `kind` "" means any section."""
    words = line.words
    if len(words) > 1:
        row = SECTION_KEYWORDS.find(words[0] + " " + words[1], kind)
        if row:
            line.first = 2
            return row
    line.first = 1
    return SECTION_KEYWORDS.find(words[0], kind)


def negation(line: Line, kind: str, has_word: bool) -> bool:
    """Take "no" or "default" off a line. False: it was refused (and said so)."""
    prefix = line.words.pop(0)
    if line.quoted:
        line.quoted.pop(0)
    line.negated, line.is_default = prefix == "no", prefix == "default"
    row = find(line, kind) if has_word else None
    if has_word and row is None and kind in PROXIES:
        row = find(line, "listen")  # of the other side: ignored later
    if row and row.negatable:
        return True
    if has_word and kind == "global" and not row and line.words[0] in effectless.NEGATABLE:
        return True
    if has_word and line.words[0] == "option":
        name = line.words[1] if len(line.words) > 1 else ""
        _removed_option(line, name)
        raise ConfigError(f"negation/default is not supported for option '{name}'.", line.where, GLUED)
    raise ConfigError(NEGATABLE, line.where, GLUED)


def _removed_option(line: Line, name: str) -> None:
    if name in known.REMOVED_OPTIONS:
        raise ConfigError(f"option '{name}' {known.REMOVED_OPTIONS[name]}", line.where, GLUED)


def dispatch(line: Line, kind: str, section: Item) -> None:
    """Run the keyword of a line in its section. Raises ConfigError for everything that HAProxy refuses."""
    row = find(line, kind)
    if row is None:
        if kind == "global" and effectless.accepts(line.words[0]) and isinstance(section, Global):
            effectless.accept(line.words[0], section)
        else:
            aside(line, kind, section)
        return
    least, most = row.args
    given = len(line.words) - line.first
    if not line.negated and not line.is_default:
        if given < least:
            raise ConfigError(row.missing or _missing(row), line.where)
        if most is not None and given > most:
            raise ConfigError(f"'{row.name}' cannot handle unexpected argument '{line.arg(most)}'.", line.where)
    if row.http_only and isinstance(section, Proxy) and kind != "defaults":
        section.http_words.append((row.name, line.where))
    row.call(line, section)


def _missing(row: Keyword) -> str:
    count = f"{row.args[0]} arguments" if row.args[0] > 1 else "an argument"
    return f"'{row.name}' expects {count}."


def aside(line: Line, kind: str, section: Item) -> None:
    """A keyword that this section does not have."""
    word, name = line.words[0], line.words[1] if len(line.words) > 1 else ""
    if kind in PROXIES:
        row = find(line, "listen")
        if row and isinstance(section, Proxy):
            _other_side(line, row, section)
            return
        if word == "option":
            _removed_option(line, name)
        told = known.removed(word, name)
        if told:
            raise ConfigError(told, line.where)
    elif word in ("nbproc",) and kind == "global":
        raise ConfigError(known.removed(word), line.where)
    family = FAMILIES.get(word) if kind in PROXIES else None
    if family:
        _unknown_second(line, word, name, family)
    if _known(word, name, kind):
        whole = f"{word} {name}" if f"{word} {name}" in known.words("cfg-proxy-full") else word
        raise ConfigError(f"'{whole}' is known to HAProxy, not supported yet.", line.where)
    raise ConfigError(
        f"unknown keyword '{word}' in '{'users' if kind == 'userlist' else kind}' section{known.maybe(word, _words(kind))}",
        line.where,
        GLUED if kind == "userlist" else PLAIN,
    )


def _other_side(line: Line, row: Keyword, proxy: Proxy) -> None:
    """A frontend's keyword in a backend or the reverse, or either in a defaults section that cannot hold it."""
    word = row.name.removeprefix("option ")
    if proxy.kind == "defaults":
        raise ConfigError(f"'{word}' not allowed in 'defaults' section.", line.where)
    lacks = "frontend" if proxy.kind == "backend" else "backend"
    if word in FATAL_ASIDE:
        told = f"'{word}' not allowed because {proxy.kind} '{proxy.name}' has no {lacks} capability."
        raise ConfigError(f"parsing [{line.where}] : {told}", line.where, "[{}] : ")
    if word == "retry-on":
        raise ConfigError("'retry-on' only available in backend or listen section", line.where)
    if word.startswith(IGNORED_PLAINLY):
        shown = f"'{word}'" if word.startswith("timeout ") else word
        line.warn(f"{shown} will be ignored because {proxy.kind} '{proxy.name}' has no {lacks} capability")
        return
    hint = f" Maybe you want '{INSTEAD[word]}' instead ?" if word in INSTEAD else ""
    line.warn(f"'{word}' ignored because {proxy.kind} '{proxy.name}' has no {lacks} capability.{hint}")


def _unknown_second(line: Line, word: str, name: str, family: str) -> None:
    if name in known.words(family):
        raise ConfigError(f"'{word} {name}' is known to HAProxy, not supported yet.", line.where)
    if word == "option":
        if not name:
            raise ConfigError("'option' expects an option name.", line.where, GLUED)
        raise ConfigError(f"unknown option '{name}'{known.maybe(name, known.words(family))}.".replace("?.", "?"), line.where)
    supports = (
        "'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', "
        "'tunnel', 'tarpit', 'client-fin' and 'server-fin'"
    )
    raise ConfigError(f"'timeout' supports {supports} (got '{name}')", line.where)


def _words(kind: str) -> frozenset[str]:
    """First words that HAProxy knows in a section."""
    if kind in PROXIES:
        return known.words("cfg-proxy-firstword")
    name = "cfg-" + kind
    try:
        return known.words(name)
    except OSError:
        return frozenset()


def _known(word: str, name: str, kind: str) -> bool:
    if kind in PROXIES:
        return word in known.words("cfg-proxy-firstword") or f"{word} {name}" in known.words("cfg-proxy-full")
    return word in _words(kind)
