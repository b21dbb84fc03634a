"""`userlist NAME` with its users and groups (manual 12.2)."""

from __future__ import annotations

from dataclasses import dataclass

from haproxy_py.config.errors import GLUED, Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Section, Setting
from haproxy_py.config.registry import proxy_keyword, section, whole_file_check

USERLIST = frozenset({"userlist"})
MANUAL = "manual 12.2"


@dataclass(frozen=True, slots=True)
class User:
    """password: as written, a crypt(3) hash unless `plain`; None when none was given (nothing matches then)."""

    name: str
    password: str | None
    plain: bool
    groups: tuple[str, ...]


USERS: Setting[dict[str, User]] = Setting("user", dict)
GROUPS: Setting[dict[str, tuple[str, ...]]] = Setting("group", dict)  # group to the users that its line names


@section("userlist", source=MANUAL)
def open_userlist(line: Line, config: Config) -> Section | None:
    """A second list of one name is ignored with a warning."""
    if len(line.words) < 2:
        line.fail("'userlist' expects <name> as arguments.", GLUED)
    if len(line.words) > 2:
        line.alert(f"'userlist' cannot handle unexpected argument '{line.words[2]}'.")
    name = line.words[1]
    made = Section(line.where, kind="userlist", name=name)
    if any(s.kind == "userlist" and s.name == name for s in config.sections):
        line.warn(f"ignoring duplicated userlist '{name}'.", GLUED)
    else:
        config.sections.append(made)
    return made


@proxy_keyword("user", sections=USERLIST, args=(0, None), source=MANUAL)
def user(line: Line, users: Section) -> None:
    """`user NAME [password|insecure-password TEXT] [groups A,B]`."""
    if not line.args:
        line.fail("'user' expects <name> as arguments.", GLUED)
    name, password, plain = line.arg(0), None, False
    groups: tuple[str, ...] = ()
    if name in users[USERS]:
        line.warn(f"ignoring duplicated user '{name}' in userlist '{users.name}'.", GLUED)
        return
    rest = line.args[1:]
    while rest:
        word, value = rest[0], rest[1] if len(rest) > 1 else ""
        if word not in ("password", "insecure-password", "groups"):
            line.fail("'user' only supports 'password', 'insecure-password' and 'groups' options.", GLUED)
        if not value:
            line.fail(f"'user' expects a value after '{word}'.", GLUED)
        if word == "groups":
            groups = tuple(g for g in value.split(",") if g)
        else:
            password, plain = value, word == "insecure-password"
        rest = rest[2:]
    users[USERS][name] = User(name, password, plain, groups)


@proxy_keyword("group", sections=USERLIST, args=(0, None), source=MANUAL)
def group(line: Line, users: Section) -> None:
    """`group NAME [users A,B]`."""
    if not line.args:
        line.fail("'group' expects <name> as arguments.", GLUED)
    name = line.arg(0)
    if name in users[GROUPS]:
        line.warn(f"ignoring duplicated group '{name}' in userlist '{users.name}'.", GLUED)
        return
    members: tuple[str, ...] = ()
    if len(line.args) > 1:
        if line.arg(1) != "users":
            line.fail("'group' only supports 'users' option.", GLUED)
        members = tuple(u for u in line.arg(2).split(",") if u)
    users[GROUPS][name] = members


@whole_file_check
def check_members(config: Config, faults: Faults) -> None:
    """Users and groups that name each other must exist."""
    for users in config.sections:
        if users.kind != "userlist":
            continue
        for one in users[USERS].values():
            for name in one.groups:
                if name not in users[GROUPS]:
                    faults.alert(f"userlist '{users.name}': no such group '{name}' specified in user '{one.name}'")
        for name, members in users[GROUPS].items():
            for member in members:
                if member not in users[USERS]:
                    faults.alert(f"userlist '{users.name}': no such user '{member}' specified in group '{name}'")
