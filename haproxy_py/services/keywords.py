"""`stats ...` in proxies (manual 4.2): where the statistics page is, who may see it, what it shows.

Any of these words enables the page. A proxy's first one ends what its defaults section said, as in HAProxy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from haproxy_py.config.errors import GLUED, Faults, Where
from haproxy_py.config.keywords import process as process_words
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.keywords.userlist import USERS, User
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Section, Setting
from haproxy_py.config.registry import ANY_PROXY, proxy_keyword, whole_file_check
from haproxy_py.config.units import UnitError, parse_time
from haproxy_py.rules.acl import condition
from haproxy_py.rules.actions.flow import stop
from haproxy_py.rules.actionset import HTTP_REQUEST, is_condition
from haproxy_py.rules.keywords import compile_rule
from haproxy_py.rules.rule import Rule
from haproxy_py.rules.scope import Scope

DEFAULT_URI = "/haproxy?stats"
DEFAULT_REALM = "HAProxy Statistics"
MANUAL = "manual 4.2 stats"
EXPECTS = "expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or 'show-legends'."
_NODE = re.compile(r"[0-9A-Za-z_-]+")


@dataclass(slots=True)
class StatsUri:
    """One statistics page. refresh_s: 0 none; scope: names, "." for the proxy itself; node, desc: None: not shown."""

    where: Where
    uri: str = DEFAULT_URI
    realm: str = ""
    users: dict[str, str] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    admin: list[Rule] = field(default_factory=list)
    refresh_s: int = 0
    scope: list[str] = field(default_factory=list)
    node: str | None = None
    desc: str | None = None
    legends: bool = False
    modules: bool = False
    show_version: bool = True
    mine: bool = True  # said in this very section

    def copy(self) -> StatsUri:
        """For a section that inherits it."""
        return replace(
            self, users=dict(self.users), rules=list(self.rules), admin=list(self.admin), scope=list(self.scope), mine=False
        )


STATS: Setting[list[StatsUri]] = Setting("stats", list)  # none or one: lists are copied to sections that inherit


def stats_of(proxy: Proxy) -> StatsUri | None:
    """The page of a proxy, None without."""
    found = proxy[STATS]
    return found[0] if found else None


def _open(line: Line, proxy: Proxy) -> StatsUri:
    """The page of this very section, a fresh one if it had none."""
    found = stats_of(proxy)
    if found is None or proxy.said.get(STATS) is None:
        found = StatsUri(line.where)
        line.set(proxy, STATS, [found])
    return found


@proxy_keyword("stats", sections=ANY_PROXY, args=(0, None), source=MANUAL)
def stats(line: Line, proxy: Proxy) -> None:
    """stats <word> [arguments]"""
    word = line.arg(0)
    if not word:
        line.fail(f"missing keyword in 'stats', {EXPECTS}", GLUED)
    if proxy.kind == "defaults" and word in ("admin", "http-request"):
        line.fail(f"'stats{' admin' if word == 'admin' else ''}' not allowed in 'defaults' section.", GLUED)
    call = _WORDS.get(word)
    if call is None:
        line.fail(f"unknown stats parameter '{word}', {EXPECTS}", GLUED)
    call(line, proxy, _open(line, proxy))


def _enable(line: Line, proxy: Proxy, page: StatsUri) -> None:
    """Nothing more than the page itself."""


def _needed(line: Line, told: str) -> str:
    if not line.arg(1):
        line.fail(f"'{line.arg(0)}' needs {told}.")
    return line.arg(1)


def _uri(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.uri = _needed(line, "an URI prefix")


def _realm(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.realm = _needed(line, "an realm name")


def _auth(line: Line, proxy: Proxy, page: StatsUri) -> None:
    name, _, password = _needed(line, "a user:password account").partition(":")
    if name in page.users:
        line.faults.warning(f"uri auth: ignoring duplicated user '{name}'.")
        return
    page.users[name] = password


def _scope(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.scope.append(_needed(line, "a proxy name"))


def _refresh(line: Line, proxy: Proxy, page: StatsUri) -> None:
    if not line.arg(1):
        line.fail("'refresh' needs an interval.")
    try:
        page.refresh_s = parse_time(line.arg(1), "s", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in argument to stats refresh interval.", GLUED)
        line.fail(wrong.words("stats refresh interval"), GLUED)


def _admin(line: Line, proxy: Proxy, page: StatsUri) -> None:
    if not is_condition(line.arg(1)):
        line.fail("'stats admin' requires either 'if' or 'unless' followed by a condition.")
    made_if = condition(line.args[1:], Scope.of(line, proxy, "fe http-request"), "a 'stats admin' rule")
    made = stop()
    made.keyword = "stats admin"
    page.admin.append(Rule(made, made_if, line.where))


def _http_request(line: Line, proxy: Proxy, page: StatsUri) -> None:
    words = line.args[1:]
    if page.rules and page.rules[-1].unconditional:
        line.warn("previous 'stats' action has no condition attached, further entries are NOOP.", GLUED)
    if words[:1] == ["auth"] and words[1:2] != ["realm"]:
        words = ["auth", "realm", page.realm or DEFAULT_REALM, *words[1:]]
    page.rules.append(compile_rule(line, proxy, HTTP_REQUEST, words))


def _show_node(line: Line, proxy: Proxy, page: StatsUri) -> None:
    name = line.arg(1)
    if name and not _NODE.fullmatch(name):
        line.fail(
            "'stats show-node' invalid node name - should be a string"
            "with digits(0-9), letters(A-Z, a-z), hyphen(-) or underscode(_).",
            GLUED,
        )
    page.node = name


def _show_desc(line: Line, proxy: Proxy, page: StatsUri) -> None:
    text = " ".join(line.args[1:])
    if not text and not line.config.globals[process_words.DESCRIPTION]:
        line.warn("'show-desc' requires a parameter or 'desc' to be set in the global section.", GLUED)
        return
    page.desc = text


def _show_legends(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.legends = True


def _show_modules(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.modules = True


def _hide_version(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.show_version = False


def _show_version(line: Line, proxy: Proxy, page: StatsUri) -> None:
    page.show_version = True


_WORDS = {
    "enable": _enable, "uri": _uri, "realm": _realm, "auth": _auth, "scope": _scope, "refresh": _refresh, "admin": _admin,
    "http-request": _http_request, "show-node": _show_node, "show-desc": _show_desc, "show-legends": _show_legends,
    "show-modules": _show_modules, "hide-version": _hide_version, "show-version": _show_version,
}  # fmt: skip


@whole_file_check
def finish_pages(config: Config, faults: Faults) -> None:
    """Pages of proxies without HTTP are dropped with a warning; accounts become the last rule of their page."""
    for number, proxy in enumerate(config.proxies):
        page = stats_of(proxy)
        if page is None:
            continue
        if proxy[MODE] != "http":
            faults.warning(f"'stats' statement ignored for {proxy.title} as it requires HTTP mode.")
            proxy[STATS] = []
        elif page.rules and (page.users or page.realm):
            faults.alert(f"{proxy.title}: stats 'auth'/'realm' and 'http-request' can't be used at the same time.")
        elif page.users:
            proxy[STATS] = [_with_accounts(config, proxy, page, f".stats-{number}", faults)]


def _with_accounts(config: Config, proxy: Proxy, page: StatsUri, name: str, faults: Faults) -> StatsUri:
    """The page with `http-request auth unless` one of its accounts, in a userlist of its own."""
    users = Section(page.where, kind="userlist", name=name)
    users[USERS].update({user: User(user, password, True, ()) for user, password in page.users.items()})
    config.sections.append(users)
    words = ["auth", "realm", page.realm or DEFAULT_REALM, "unless", "{", f"http_auth({name})", "}"]
    line = Line(["http-request", *words], page.where, faults, config)
    made = page.copy()
    made.rules.append(compile_rule(line, proxy, HTTP_REQUEST, words))
    return made
