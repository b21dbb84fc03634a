"""What -dK and -dL print: the keywords that can be used, the files that are loaded (management manual 3).

Keywords come from the tables in which each registers itself, in HAProxy's layout: whoever looks for one there learns whether
it can be used here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from haproxy_py.config.registry import BIND_OPTIONS, SECTION_KEYWORDS, SECTIONS, SERVER_OPTIONS, Table
from haproxy_py.rules.registry import ACLS, BIT, CONVERTERS, FETCHES, PLACES
from haproxy_py.runtime.registry import COMMANDS
from haproxy_py.services.registry import SERVICES

CLASSES = {
    "all": "list all keywords", "acl": "ACL keywords", "cfg": "configuration keywords", "cli": "CLI keywords",
    "cnv": "sample converter keywords", "flt": "filter names", "smp": "sample fetch functions", "svc": "service names",
}  # fmt: skip
METHODS = {"meth": "str", "dotted_ver": "int"}  # matching methods of single fetches, by the -m that says the same
ARGUMENTS = {"str": "string", "sint": "integer"}  # as HAProxy calls the types of arguments; others by our name


def keyword_lists(classes: str) -> str:
    """The lists of a comma list of classes, in its order; unknown ones are passed over, as HAProxy does."""
    wanted = [name for word in classes.split(",") for name in (list(LISTS) if word == "all" else [word])]
    return "".join(
        f"{line}\n" for name in wanted for line in (_help() if name == "help" else LISTS.get(name, _nothing)())
    )


def loaded_objects() -> str:
    """The program and the libraries that are mapped, one a line."""
    lines = (line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines())
    mapped = [cells[5] for cells in lines if len(cells) == 6 and "x" in cells[1] and cells[5].startswith("/")]
    return "".join(f"{path}\n" for path in dict.fromkeys([os.readlink("/proc/self/exe"), *mapped]))


def _help() -> Iterator[str]:
    yield "# List of supported keyword classes:"
    yield from (f"{name}: {about}" for name, about in CLASSES.items())


def _nothing() -> Iterator[str]:
    return iter(())


def _acl() -> Iterator[str]:
    yield "# List of registered ACL keywords:"
    yield from (f"{name} = {row.fetch} -m {METHODS.get(row.match, row.match)}" for name, row in sorted(ACLS.items()))


def _cfg() -> Iterator[str]:
    yield "# List of registered configuration keywords:"
    for section in SECTIONS.rows:
        yield section
        names = [row.name for rows in SECTION_KEYWORDS.rows.values() for row in rows if section in row.sections]
        yield from (f"\t{name}" for name in sorted(names))
        yield from _options("bind <addr>", BIND_OPTIONS) if section in ("frontend", "listen") else ()
        yield from _options("server <name> <addr>", SERVER_OPTIONS) if section in ("backend", "listen") else ()


def _options(line: str, table: Table) -> Iterator[str]:
    return (f"\t{line} {name}" for name in sorted(table.rows))


def _cli() -> Iterator[str]:
    yield "# List of registered CLI keywords:"
    yield from (f"{' '.join(words)} [WORKER] " for words, found in sorted(COMMANDS.items()) if not found.placeholder)


def _cnv() -> Iterator[str]:
    yield "# List of registered sample converter functions:"
    for name, row in sorted(CONVERTERS.items()):
        yield f"{name}{_arguments(row.args)}: {row.takes} => {row.takes if row.gives == 'same' else row.gives}"


def _flt() -> Iterator[str]:
    yield "# List of registered filter names:"


def _smp() -> Iterator[str]:
    """A column for each place where an expression can stand."""
    yield "# List of registered sample fetch functions:"
    for at, text in enumerate(PLACES.values()):
        yield f"#{' |' * at} .{'-' * (2 * (len(PLACES) - at) - 1)} {text}"
    for name, row in sorted(FETCHES.items()):
        yield f"[ {' '.join('Y' if row.where & bit else '.' for bit in BIT.values())} ] {name}{_arguments(row.args)}: {row.type}"


def _svc() -> Iterator[str]:
    yield "# List of registered service names:"
    yield from sorted(SERVICES)


def _arguments(text: str) -> str:
    """ "str sint?" as (string[,integer])."""
    shown, optional = "", False
    for word in text.split():
        name = ARGUMENTS.get(word.removesuffix("?"), word.removesuffix("?"))
        if word.endswith("?") and not optional:
            shown, optional = shown + "[", True
        shown += f",{name}" if shown not in ("", "[") else name
    return f"({shown}{']' * optional})" if shown else ""


LISTS: dict[str, Callable[[], Iterator[str]]] = {
    "acl": _acl, "cfg": _cfg, "cli": _cli, "cnv": _cnv, "flt": _flt, "smp": _smp, "svc": _svc,
}  # fmt: skip
