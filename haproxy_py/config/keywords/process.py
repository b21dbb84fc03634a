"""Global settings of the process: limits, identity, privileges, workers (manual 3.1, 3.2)."""

from __future__ import annotations

import grp
import pwd
import re
from collections.abc import Callable

from haproxy_py.config.errors import GLUED, PLAIN, Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Global, Setting
from haproxy_py.config.registry import global_keyword, whole_file_check
from haproxy_py.config.units import UnitError, leading_int, parse_time, strict_int

MAXCONN: Setting[int] = Setting("maxconn", 0)  # 0: from ulimit-n or the system's limit
MAXCONNRATE: Setting[int] = Setting("maxconnrate", 0)  # per second, of all frontends together; 0: no limit
MAXSESSRATE: Setting[int] = Setting("maxsessrate", 0)
NBTHREAD: Setting[int] = Setting("nbthread", 0)  # 0: as many as CPUs
THREAD_HARD_LIMIT: Setting[int] = Setting("thread-hard-limit", 0)  # 0: none
DAEMON: Setting[bool] = Setting("daemon", False)
MASTER_WORKER: Setting[bool] = Setting("master-worker", False)
NO_EXIT_ON_FAILURE: Setting[bool] = Setting("master-worker no-exit-on-failure", False)
MWORKER_MAX_RELOADS: Setting[int] = Setting("mworker-max-reloads", 50)
CHROOT: Setting[str] = Setting("chroot", "")
PIDFILE: Setting[str] = Setting("pidfile", "")
UID: Setting[int | None] = Setting("uid", None)
GID: Setting[int | None] = Setting("gid", None)
ULIMIT_N: Setting[int] = Setting("ulimit-n", 0)  # 0: from maxconn
FD_HARD_LIMIT: Setting[int] = Setting("fd-hard-limit", 0)
HARD_STOP_AFTER: Setting[int | None] = Setting("hard-stop-after", None)  # ms
GRACE: Setting[int | None] = Setting("grace", None)  # ms
CLOSE_SPREAD_TIME: Setting[int | None] = Setting("close-spread-time", None)  # ms, INFINITE: a soft stop closes no connection
INFINITE = -1
SETCAP: Setting[tuple[str, ...]] = Setting("setcap", ())
NODE: Setting[str] = Setting("node", "")
DESCRIPTION: Setting[str] = Setting("description", "")
LOCALPEER: Setting[str] = Setting("localpeer", "")
STRICT_LIMITS: Setting[bool] = Setting("strict-limits", True)
ZERO_WARNING: Setting[bool] = Setting("zero-warning", False)
QUIET: Setting[bool] = Setting("quiet", False)
SPREAD_CHECKS: Setting[int] = Setting("spread-checks", 0)  # percent of inter
MAX_SPREAD_CHECKS: Setting[int] = Setting("max-spread-checks", 0)  # ms; 0: no limit
NOSPLICE: Setting[bool] = Setting("nosplice", False)
NOREUSEPORT: Setting[bool] = Setting("noreuseport", False)
UNIX_BIND: Setting[dict[str, str]] = Setting("unix-bind", dict)  # prefix, mode, uid, gid
MANUAL = "manual 3.1"
NODE_USAGE = (
    "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), "
    "hyphen(-) or underscode(_)."
)
MAX_THREADS = 1024
_NODE = re.compile(r"[A-Za-z0-9._-]+")


def _flag(setting: Setting[bool], *, negatable: bool = False) -> None:
    def set_flag(line: Line, globals_: Global) -> None:
        if line.args:
            line.fail(f"'{setting.name}' cannot handle unexpected argument '{line.arg(0)}'.")
        line.set(globals_, setting, setting.default() if line.is_default else not line.negated)

    global_keyword(setting.name, args=(0, None), source=MANUAL, negatable=negatable)(set_flag)


for _setting in (DAEMON, ZERO_WARNING, QUIET, NOSPLICE, NOREUSEPORT):
    _flag(_setting)
_flag(STRICT_LIMITS, negatable=True)


def _count(setting: Setting[int], *, once: bool = False, negative: bool = True) -> None:
    name = setting.name

    def set_count(line: Line, globals_: Global) -> None:
        if not negative and leading_int(line.arg(0)) < 0:
            line.fail(f"'{name}' expects a positive value or zero.")
        if once and setting in globals_:
            line.warn(f"'{name}' already specified. Continuing.")
            return
        line.set(globals_, setting, max(0, line.count(0)))

    global_keyword(name, args=1, source=MANUAL, missing=f"'{name}' expects an integer argument.")(set_count)


_count(MAXCONN, once=True)
_count(ULIMIT_N, once=True)
_count(FD_HARD_LIMIT)
_count(MAXCONNRATE, once=True)
_count(MAXSESSRATE, once=True)
_count(MWORKER_MAX_RELOADS, negative=False)


@global_keyword("nbthread", args=(0, 1), source=MANUAL)
def nbthread(line: Line, globals_: Global) -> None:
    """`nbthread N`: workers, 1..1024."""
    value = strict_int(line.arg(0))
    if value is None:
        line.fail(f"'nbthread' passed a missing or unparsable integer value in '{line.arg(0)}'")
    if not 1 <= value <= MAX_THREADS:
        line.fail(f"'nbthread' value must be between 1 and {MAX_THREADS} (was {value})")
    line.set(globals_, NBTHREAD, value)


@global_keyword("thread-hard-limit", args=1, source=MANUAL)
def thread_hard_limit(line: Line, globals_: Global) -> None:
    """`thread-hard-limit N`: no more workers than this, whatever nbthread says."""
    value = leading_int(line.arg(0))
    if value < 1:
        line.fail(f"'thread-hard-limit' expects a number of 1 or more (got '{line.arg(0)}').")
    line.set(globals_, THREAD_HARD_LIMIT, value)


@whole_file_check
def check_hard_limit(config: Config, faults: Faults) -> None:
    """nbthread gives way to thread-hard-limit."""
    wanted, most = config.globals[NBTHREAD], config.globals[THREAD_HARD_LIMIT]
    if most and wanted > most:
        faults.warning(f"config : 'nbthread {wanted}' is more than 'thread-hard-limit {most}' allows: {most} it is.")


@global_keyword("master-worker", args=(0, 1), source=MANUAL)
def master_worker(line: Line, globals_: Global) -> None:
    """`master-worker [no-exit-on-failure]`: as -W."""
    if line.args and line.arg(0) != "no-exit-on-failure":
        line.fail("'master-worker' only supports 'no-exit-on-failure' option.")
    line.set(globals_, MASTER_WORKER, True)
    line.set(globals_, NO_EXIT_ON_FAILURE, bool(line.args))


def _path(setting: Setting[str], what: str) -> None:
    def set_path(line: Line, globals_: Global) -> None:
        if setting in globals_:
            line.warn(f"'{setting.name}' already specified. Continuing.")
            return
        line.set(globals_, setting, line.arg(0))

    global_keyword(setting.name, source=MANUAL, missing=f"'{setting.name}' expects {what} as an argument.")(set_path)


_path(CHROOT, "a directory")
_path(PIDFILE, "a file name")


def _owner(name: str, setting: Setting[int | None], find: Callable[[str], int]) -> None:
    def set_owner(line: Line, globals_: Global) -> None:
        try:
            found = find(line.arg(0))
        except (KeyError, ValueError, UnicodeError):
            line.fail(f"cannot find {name} id for '{line.arg(0)}' (0:Success)")
        if setting in globals_:
            line.warn("user/uid already specified. Continuing." if name == "user" else "gid/group was already specified. Continuing.")
            return
        line.set(globals_, setting, found)

    global_keyword(name, source=MANUAL, missing=f"'{name}' expects a {name} name as an argument.")(set_owner)


_owner("user", UID, lambda name: pwd.getpwnam(name).pw_uid)
_owner("group", GID, lambda name: grp.getgrnam(name).gr_gid)


def _owner_id(name: str, setting: Setting[int | None], word: str) -> None:
    def set_id(line: Line, globals_: Global) -> None:
        text = line.arg(0)
        if strict_int(text) is None:
            line.warn(
                f" {name}: string '{text}' is not a number.\n"
                f"   | You might want to use the '{word}' parameter to use a system {word} name."
            )
        if setting in globals_:
            line.warn("user/uid already specified. Continuing." if name == "uid" else "gid/group was already specified. Continuing.")
            return
        line.set(globals_, setting, max(0, leading_int(text)))

    global_keyword(name, source=MANUAL, missing=f"'{name}' expects an integer argument.")(set_id)


_owner_id("uid", UID, "user")
_owner_id("gid", GID, "group")


def _delay(setting: Setting[int | None], *, endless: bool = False) -> None:
    name = setting.name

    def set_delay(line: Line, globals_: Global) -> None:
        if endless and line.arg(0) == "infinite":
            line.set(globals_, setting, INFINITE)
            return
        try:
            line.set(globals_, setting, parse_time(line.arg(0), "ms", line.warn))
        except UnitError as wrong:
            told = f"unexpected character '{wrong.char}' in argument to <{name}>."
            line.fail(told if wrong.kind == "char" else wrong.words(name))

    global_keyword(name, source=MANUAL, missing=f"'{name}' expects <time> as argument.")(set_delay)


_delay(HARD_STOP_AFTER)
_delay(GRACE)
_delay(CLOSE_SPREAD_TIME, endless=True)
CAPABILITIES = {"cap_net_bind_service": 10, "cap_net_admin": 12, "cap_net_raw": 13, "cap_sys_admin": 21}


@global_keyword("setcap", args=1, source=MANUAL, missing="'setcap' expects a list of capabilities as an argument.")
def setcap(line: Line, globals_: Global) -> None:
    """`setcap NAME[,NAME...]`: capabilities (capabilities(7)) that stay when root's rights are given up."""
    wanted = tuple(line.arg(0).split(","))
    for name in wanted:
        if name not in CAPABILITIES:
            line.fail(f"'setcap' does not know capability '{name}'; it is one of {', '.join(sorted(CAPABILITIES))}.")
    line.set(globals_, SETCAP, wanted)


@global_keyword("node", args=(0, 1), source=MANUAL)
def node(line: Line, globals_: Global) -> None:
    """`node NAME`: this machine's name in statistics."""
    if not _NODE.fullmatch(line.arg(0)):
        line.fail(NODE_USAGE, GLUED)
    line.set(globals_, NODE, line.arg(0))


@global_keyword("description", args=(0, None), source=MANUAL)
def description(line: Line, globals_: Global) -> None:
    """`description TEXT...`: shown in statistics."""
    if not line.args:
        line.fail("'description' expects a string argument.", GLUED)
    line.set(globals_, DESCRIPTION, " ".join(line.args))


@global_keyword("localpeer", args=1, source=MANUAL, missing="'localpeer' expects a name as an argument.")
def localpeer(line: Line, globals_: Global) -> None:
    """`localpeer NAME`: this process among peers, as -L."""
    line.set(globals_, LOCALPEER, line.arg(0))
    line.config.env["HAPROXY_LOCALPEER"] = line.arg(0)


@global_keyword("spread-checks", args=(0, 1), source="manual 3.2")
def spread_checks(line: Line, globals_: Global) -> None:
    """`spread-checks PERCENT`: shift of health checks, 0..50."""
    if not line.args:
        line.fail("'spread-checks' expects an integer argument (0..50).", GLUED)
    value = leading_int(line.arg(0))
    if not 0 <= value <= 50:
        line.fail("'spread-checks' needs a positive value in range 0..50.", GLUED)
    line.set(globals_, SPREAD_CHECKS, value)


@global_keyword("max-spread-checks", args=(0, 1), source="manual 3.2")
def max_spread_checks(line: Line, globals_: Global) -> None:
    """`max-spread-checks DELAY`: upper limit of the shift."""
    if not line.args:
        line.fail("'max-spread-checks' expects an integer argument (0..50).", GLUED)
    try:
        line.set(globals_, MAX_SPREAD_CHECKS, parse_time(line.arg(0), "ms", line.warn))
    except UnitError as wrong:
        told = f"unsupported character '{wrong.char}' in 'max-spread-checks' (wants an integer delay)."
        line.fail(told if wrong.kind == "char" else wrong.words("max-spread-checks"), GLUED if wrong.kind == "char" else PLAIN)


UNIX_USAGE = "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options."


@global_keyword("unix-bind", args=(0, None), source=MANUAL)
def unix_bind(line: Line, globals_: Global) -> None:
    """`unix-bind [prefix P] [mode M] [user U] [uid N] [group G] [gid N]`: defaults of UNIX sockets."""
    rest = line.args
    while rest:
        word, value = rest[0], rest[1] if len(rest) > 1 else ""
        if word not in ("prefix", "mode", "uid", "gid", "user", "group"):
            line.fail(UNIX_USAGE)
        if not value:
            line.fail(f"unix_bind '{word}' expects {'a path' if word == 'prefix' else 'a value'} as an argument.")
        try:
            if word == "user":
                word, value = "uid", str(pwd.getpwnam(value).pw_uid)
            elif word == "group":
                word, value = "gid", str(grp.getgrnam(value).gr_gid)
        except (KeyError, ValueError, UnicodeError):
            line.fail(f"'unix-bind' : '{value}' unknown {word}.")
        globals_[UNIX_BIND][word] = value
        rest = rest[2:]
