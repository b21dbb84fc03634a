"""acl lines, anonymous ACLs and conditions (manual 7.1, 7.2, 7.4). Complaints are HAProxy's."""

from __future__ import annotations

from pathlib import Path

from haproxy_py.config.errors import ConfigError
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import proxy_keyword
from haproxy_py.rules import hints
from haproxy_py.rules.cond import Acl, AclExpr, Term, Tree
from haproxy_py.rules.expr import ExprError, name_end, parse_expr
from haproxy_py.rules.matchers import BY_TYPE, METHODS, Matcher, PatternError, matcher
from haproxy_py.rules.registry import ACLS, FETCHES, PLACES, FetchRow, mask
from haproxy_py.rules.scope import Scope

ACL_NAMES: Setting[dict[str, Acl]] = Setting("acl", dict)
PREDEFINED = {
    "TRUE": "always_true", "FALSE": "always_false", "LOCALHOST": "src 127.0.0.1/8 ::1", "HTTP": "req.proto_http",
    "HTTP_1.0": "req.ver 1.0", "HTTP_1.1": "req.ver 1.1", "HTTP_2.0": "req.ver 2.0", "HTTP_3.0": "req.ver 3.0",
    "METH_CONNECT": "method CONNECT", "METH_DELETE": "method DELETE", "METH_GET": "method GET HEAD",
    "METH_HEAD": "method HEAD", "METH_OPTIONS": "method OPTIONS", "METH_POST": "method POST",
    "METH_PUT": "method PUT", "METH_TRACE": "method TRACE", "HTTP_URL_ABS": "url_reg ^[^/:]*://",
    "HTTP_URL_SLASH": "url_beg /", "HTTP_URL_STAR": "url *", "HTTP_CONTENT": "req.hdr_val(content-length) gt 0",
    "RDP_COOKIE": "req.rdp_cookie_cnt gt 0", "REQ_CONTENT": "req.len gt 0", "WAIT_END": "wait_end",
}
_METHODS = frozenset(METHODS) - {"meth", "dotted_ver"}
_NO_PATTERN = """no pattern to match against were provided, so this ACL will never match.
  If this is what you intended, please add '--' to get rid of this warning.
  If you intended to match only for existence, please use '-m found'.
  If you wanted to force an int to match as a bool, please use '-m bool'.
"""


class AclError(ValueError):
    """An ACL or condition that cannot be compiled; str() is HAProxy's complaint without place."""


def _flags(words: list[str], i: int) -> tuple[int, dict[str, list[str]]]:
    """Read the flags in front of the patterns: (index of the first pattern, {flag: values})."""
    found: dict[str, list[str]] = {}
    while i < len(words) and words[i].startswith("-") and len(words[i]) > 1:
        flag = words[i]
        if flag == "--":
            found["--"] = []
            return i + 1, found
        if flag in ("-i", "-n"):
            found[flag] = []
        elif flag in ("-m", "-f", "-u"):
            i += 1
            found.setdefault(flag, []).append(words[i] if i < len(words) else "")
        elif flag == "-M":
            raise AclError("'-M' is known to HAProxy, not supported yet")
        elif flag[1:2].isdigit():
            break
        else:
            raise AclError(
                f"'{flag}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
            )
        i += 1
    return i, found


def read_patterns(name: str) -> list[str]:
    """Patterns of a file, one a line: leading blanks and lines that are empty or begin with # do not count."""
    try:
        raw = Path(name).read_bytes()
    except OSError:
        raise AclError(f"failed to open pattern file <{name}>") from None
    lines = (line.decode("utf-8", "surrogateescape").strip(" \t\r") for line in raw.split(b"\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _method(flags: dict[str, list[str]], own: str | None, kind: str, word: str) -> str:
    """The matching method's name: -m, the keyword's own, or that of the type."""
    if "-m" in flags:
        wanted = flags["-m"][-1]
        if wanted not in _METHODS:
            raise AclError(f"unknown matching method '{wanted}' when parsing ACL expression")
        return wanted
    if own is not None:
        return own
    if kind not in BY_TYPE:
        name = word[: name_end(word)]
        raise AclError(
            f"matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
        )
    return BY_TYPE[kind]


def _fill(made: Matcher, words: list[str], files: list[str]) -> None:
    """Give a matcher the patterns of a line and of its -f files."""
    for name in files:
        made.add_words(read_patterns(name))
    made.add_words(words)


def parse_acl_expr(words: list[str], scope: Scope) -> AclExpr:
    """Compile `fetch[,converter] [flags] [patterns]`. Raises AclError."""
    word = words[0] if words else ""
    name = word[: name_end(word)]
    if not name:
        raise AclError("missing fetch method in ACL expression ''")
    row = ACLS.get(name)
    scope.acl = True
    try:
        if row:
            expr, kind, index = parse_expr(words, 0, scope, f"ACL keyword '{name}'", row.fetch, follow=False)
        else:
            expr, kind, index = parse_expr(words, 0, scope, follow=False)
    except ExprError as error:
        raise AclError(str(error) if row or name not in FETCHES and not str(error).startswith("unknown fetch") else
                       f"{error} in ACL expression '{word}'") from None
    index, flags = _flags(words, index)
    made = matcher(_method(flags, row.match if row else None, kind, word), "-i" in flags)
    patterns = words[index:]
    if not patterns and not flags.keys() & {"-f", "--", "-m"} and made.method != "bool":
        scope.faults.warning(f"parsing acl keyword '{word}' :\n  {_NO_PATTERN}", None)
    try:
        _fill(made, patterns, flags.get("-f", []))
    except PatternError as error:
        raise AclError(str(error).removesuffix(".")) from None
    return AclExpr(expr, made)


def _bad_char(name: str) -> str | None:
    """First character that an ACL's name may not have."""
    return next((c for c in name if not (c.isascii() and (c.isalnum() or c in "_.:-"))), None)


@proxy_keyword("acl", args=(1, None), source="manual 7.1")
def acl_line(line: Line, proxy: Proxy) -> None:
    """acl <name> <criterion> [flags] [operator] [patterns] ...: lines of one name are or-ed."""
    if proxy.kind == "defaults" and not proxy.name:
        line.fail("'acl' not allowed in anonymous 'defaults' section.")
    name = line.arg(0)
    bad = _bad_char(name)
    if bad:
        line.fail(f"character '{bad}' is not permitted in acl name '{name}'.")
    if name.lower() in ("or", "||"):
        line.fail(
            f"acl name '{name}' will never match. 'or' is used to express a logical disjunction within a condition."
        )
    scope = Scope.of(line, proxy)
    try:
        made = parse_acl_expr(line.args[1:], scope)
    except AclError as error:
        line.fail(f"error detected while parsing ACL '{name}' : {error}.")
    acl = _own(proxy, name)
    acl.lines.append(made)
    acl.rows.extend(scope.used)


def _own(proxy: Proxy, name: str) -> Acl:
    """The proxy's ACL of that name, to add a line to. One inherited from `defaults` is copied first."""
    old = proxy[ACL_NAMES].get(name)
    if old is not None and old.owner is proxy:
        return old
    acl = Acl(name)
    acl.owner = proxy
    if old is not None:
        acl.lines = list(old.lines)
        acl.rows = list(old.rows)
    proxy[ACL_NAMES][name] = acl
    return acl


def _predefined(name: str) -> Acl | None:
    """A fresh one of manual 7.4."""
    text = PREDEFINED.get(name)
    if text is None:
        return None
    scope = Scope()
    acl = Acl(name)
    acl.lines = [parse_acl_expr(text.split(), scope)]
    acl.rows = scope.used
    return acl


def _anonymous(words: list[str], i: int, scope: Scope) -> tuple[Acl, int]:
    """`{ expression }` that opens at words[i]."""
    try:
        end = words.index("}", i + 1)
    except ValueError:
        raise AclError("missing closing '}' in condition") from None
    inner = Scope(scope.config, scope.proxy, scope.where, scope.faults, scope.place)
    acl = Acl("<anonymous>")
    acl.lines = [parse_acl_expr(words[i + 1 : end], inner)]
    acl.rows = inner.used
    return acl, end + 1


def _named(name: str, scope: Scope) -> Acl:
    """An ACL of the proxy, or a predefined one."""
    acl = scope.proxy[ACL_NAMES].get(name) if scope.proxy else None
    acl = acl or _predefined(name)
    if acl is None:
        names: dict[str, Acl] = scope.proxy[ACL_NAMES] if scope.proxy else {}
        near = hints.nearest(name, names)
        raise AclError(f"no such ACL : '{name}'" + (f", did you mean '{near}' maybe ?" if near else ""))
    return acl


def parse_condition(words: list[str], scope: Scope) -> Tree:
    """Compile `if|unless` and what follows. Raises AclError."""
    alternatives: list[list[Term]] = [[]]
    used: list[tuple[Acl, bool]] = []
    negated, i = False, 1
    while i < len(words):
        word = words[i]
        i += 1
        if word.lower() == "or" or word == "||":
            alternatives.append([])
            negated = False
            continue
        while word.startswith("!"):
            negated, word = not negated, word[1:]
        if not word:
            continue
        if word == "{":
            acl, i = _anonymous(words, i - 1, scope)
        else:
            acl = _named(word, scope)
        used.append((acl, word == "{"))
        alternatives[-1].append(Term(acl, negated))
        negated = False
    check_places(used, scope)
    kept = [terms for terms in alternatives if terms] if any(alternatives) else [[]]
    return Tree(kept, words[0] == "unless")


def misplaced(rows: list[FetchRow], place: str) -> FetchRow | None:
    """The first fetch that has nothing to look at in `place`."""
    return next((row for row in rows if not row.where & mask(place)), None)


def check_places(used: list[tuple[Acl, bool]], scope: Scope) -> None:
    """Warn about ACLs that cannot match where they stand, and about HTTP fetches in a TCP proxy."""
    if not scope.place:
        return
    for acl, anonymous in used:
        row = misplaced(acl.rows, scope.place)
        if row is None:
            continue
        what = "anonymous acl" if anonymous else f"acl '{acl.name}'"
        inside = f" in '{scope.place}'" if scope.place.startswith("tcp-request") else ""
        scope.warn(
            f"{what} will never match{inside} because it uses keyword '{row.name}' which is incompatible with "
            f"'{PLACES[scope.place.split('|')[0]]}'"
        )


def condition(words: list[str], scope: Scope, what: str) -> Tree | None:
    """The condition at the end of a rule, None without one. `what`: "an 'http-request deny' condition"."""
    if not words:
        return None
    try:
        return parse_condition(words, scope)
    except AclError as error:
        raise ConfigError(f"error detected while parsing {what} : {error}.", scope.where) from None
