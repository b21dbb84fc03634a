"""errorfile, errorfiles, errorloc, errorloc302, errorloc303 and the http-errors section (manual 4.2, 12.4).

A page is a whole reply as it goes over the wire: status line, headers, body. The files are read with the configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from haproxy_py.config.errors import Faults, Where
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Section, Setting
from haproxy_py.config.registry import ANY_PROXY, proxy_keyword, section, whole_file_check
from haproxy_py.config.units import leading_int

CODES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504)
# A status to the reply that stands in for the built-in one; b"" closes the connection without a word.
ERRORFILES: Setting[dict[int, bytes]] = Setting("errorfile", dict)
USED_SECTIONS: Setting[list[Use]] = Setting("errorfiles", list)
MANUAL = "manual 4.2"
_START = re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3}(?: [^\r\n]*)?\r?\n")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r?\n")


@dataclass(frozen=True, slots=True)
class Use:
    """`errorfiles SECTION [CODE...]`: take these pages (none named: all) of an http-errors section."""

    name: str
    codes: tuple[int, ...]
    where: Where


def _code(line: Line, what: str) -> int:
    code = leading_int(line.arg(0))
    if code not in CODES:
        shown = line.arg(0) if code else "0"
        line.fail(f"{what} : status code '{shown}' not handled.")
    return code


def check_reply(page: bytes) -> int:
    """Offset of the first fault of a reply written as a file, -1 when its head is sound."""
    found = _START.match(page)
    at = found.end() if found else 0
    while found:
        end = at + (2 if page.startswith(b"\r\n", at) else 1 if page.startswith(b"\n", at) else 0)
        if end > at:
            return -1
        found = _FIELD.match(page, at)
        at = found.end() if found else at
    return at


def _read(line: Line, path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            page = stream.read(1 << 24)
    except (OSError, ValueError):
        line.fail(f"errorfile : error opening file '{path}'.")
    bad = check_reply(page) if page else -1
    if bad >= 0:
        line.fail(f"errorfile : '{path}': unable to parse headers (error offset: {bad})")
    return page


@proxy_keyword("errorfile", sections=ANY_PROXY | {"http-errors"}, args=(0, 2), source=MANUAL)
def errorfile(line: Line, owner: Proxy | Section) -> None:
    """`errorfile CODE FILE`."""
    if len(line.args) < 2:
        line.fail("errorfile : expects <status_code> and <file> as arguments.")
    code = _code(line, "errorfile")
    owner[ERRORFILES][code] = _read(line, line.arg(1))


def _location(name: str, status: int, reason: str) -> None:
    def errorloc(line: Line, proxy: Proxy) -> None:
        if len(line.args) < 2:
            line.fail(f"{name} : expects <status_code> and <url> as arguments.")
        code = _code(line, name)
        url = line.arg(1).encode("utf-8", "surrogateescape")
        head = f"HTTP/1.1 {status} {reason}\r\nCache-Control: no-cache\r\nContent-length: 0\r\nLocation: ".encode()
        proxy[ERRORFILES][code] = head + url + b"\r\n\r\n"

    proxy_keyword(name, args=(0, 2), source=MANUAL)(errorloc)


_location("errorloc", 302, "Found")
_location("errorloc302", 302, "Found")
_location("errorloc303", 303, "See Other")


@proxy_keyword("errorfiles", args=(0, None), source=MANUAL)
def errorfiles(line: Line, proxy: Proxy) -> None:
    """`errorfiles SECTION [CODE...]`."""
    if not line.args:
        line.fail("errorfiles : expects <name> as argument.")
    codes = []
    for text in line.args[1:]:
        code = leading_int(text)
        if code not in CODES:
            line.fail(f"errorfiles : status code '{text}' not handled.")
        codes.append(code)
    proxy[USED_SECTIONS].append(Use(line.arg(0), tuple(codes), line.where))


@section("http-errors", source="manual 12.4")
def open_http_errors(line: Line, config: Config) -> Section | None:
    """`http-errors NAME`: a set of pages."""
    if len(line.words) < 2:
        line.fail("missing name for http-errors section.")
    made = Section(line.where, kind="http-errors", name=line.words[1])
    config.sections.append(made)
    return made


@whole_file_check
def use_sections(config: Config, faults: Faults) -> None:
    """Put the pages that `errorfiles` takes into the proxies; a proxy's own errorfile is not overwritten by them."""
    known = {s.name: s for s in config.sections if s.kind == "http-errors"}
    for proxy in config.proxies:
        for use in proxy[USED_SECTIONS]:
            found = known.get(use.name)
            if found is None:
                faults.alert(f"{proxy.title.replace(proxy.kind, 'proxy', 1)}: unknown http-errors section '{use.name}' (at {use.where}).")
                continue
            for code, page in found[ERRORFILES].items():
                if not use.codes or code in use.codes:
                    proxy[ERRORFILES][code] = page
