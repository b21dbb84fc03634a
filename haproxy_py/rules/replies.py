"""The arguments that deny, tarpit and return share (manual 4.2 http-request return), as HAProxy reads and refuses them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from haproxy_py.config.units import leading_int
from haproxy_py.rules.actionset import ActionError, format_of, is_condition
from haproxy_py.rules.logformat import Format
from haproxy_py.rules.scope import Scope

# Statuses that have a page of their own (manual 1.3.1, errorfile).
PAGES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504)
_PAYLOADS = ("file", "lf-file", "string", "lf-string")
_ERRORS = ("errorfile", "default-errorfiles", "errorfiles")


@dataclass(slots=True)
class ReplySpec:
    """What was asked for. kind: "" (nothing), "default-errorfiles", "errorfile", or one of _PAYLOADS."""

    status: int
    kind: str = ""
    content_type: str | None = None
    body: bytes = b""
    path: str = ""  # of an errorfile
    format: Format | None = None  # lf-string, lf-file
    fields: list[tuple[bytes, Format]] = field(default_factory=list)


class _Reader:
    """One pass over the words."""

    def __init__(self, words: list[str], i: int, scope: Scope, spec: ReplySpec, names: tuple[str, ...]) -> None:
        self.words, self.i, self.scope, self.spec = words, i, scope, spec
        self.names = names  # words that introduce the status

    def argument(self, complaint: str) -> str:
        """The word behind the current one."""
        self.i += 1
        if self.i >= len(self.words) or not self.words[self.i]:
            raise ActionError(complaint)
        return self.words[self.i]

    def run(self) -> None:
        while self.i < len(self.words) and not is_condition(self.words[self.i]):
            word = self.words[self.i]
            if word in self.names:
                self.status()
            elif word == "content-type":
                self.spec.content_type = self.argument("'content-type' expects <ctype> as argument")
            elif word == "hdr":
                self.header()
            elif word in _ERRORS:
                self.error_page(word)
            elif word in _PAYLOADS:
                self.payload(word)
            else:
                return
            self.i += 1

    def status(self) -> None:
        text = self.argument("'status' expects <status_code> as argument")
        status = leading_int(text)
        if not 200 <= status <= 599:
            raise ActionError(f"Unexpected status code '{status}'")
        self.spec.status = status

    def header(self) -> None:
        complaint = "'hdr' expects <name> and <value> as arguments"
        name = self.argument(complaint)
        value = self.argument(complaint)
        if name.lower() in ("transfer-encoding", "content-length"):
            raise ActionError(f"'{name}' header is not allowed here, it is set by the proxy")
        if name.lower() == "content-type":
            self.spec.content_type = value
            return
        self.spec.fields.append((name.lower().encode("utf-8", "surrogateescape"), format_of(value, self.scope)))

    def taken(self, word: str) -> None:
        if self.spec.kind:
            raise ActionError(f"unexpected '{word}' argument, '{self.spec.kind}' already defined")
        self.spec.kind = word

    def error_page(self, word: str) -> None:
        self.taken(word)
        if word == "errorfile":
            self.spec.path = self.argument("'errorfile' expects <fmt> as argument")
            self.spec.body = _read(self.spec.path)
        elif word == "errorfiles":
            raise ActionError("'errorfiles' is known to HAProxy, not supported yet")

    def payload(self, word: str) -> None:
        self.taken(word)
        text = self.argument(f"'{word}' expects <{'file' if 'file' in word else 'str'}> as argument")
        if word in ("file", "lf-file"):
            self.spec.body = _read(text)
            text = self.spec.body.decode("utf-8", "surrogateescape")
        if word.startswith("lf-"):
            self.spec.format = format_of(text, self.scope)
        elif word == "string":
            self.spec.body = text.encode("utf-8", "surrogateescape")


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError:
        raise ActionError(f"error opening file '{name}'") from None


def _check(spec: ReplySpec, scope: Scope, fallback: str) -> None:
    """What the words must fulfil together."""
    if (spec.kind or fallback) == "default-errorfiles" and spec.status not in PAGES:
        raise ActionError(f"status code '{spec.status}' not handled by default with 'default-errorfiles' argument.")
    if spec.kind in _PAYLOADS:
        if spec.format and spec.content_type is None:
            raise ActionError("a content type must be defined with a log-format payload")
        if spec.body and spec.content_type is None:
            raise ActionError("a content type must be defined when non-empty payload is configured")
        if spec.content_type is not None and not (spec.body or spec.format):
            scope.warn(f"content-type '{spec.content_type}' ignored by the http reply because no payload is configured.")
    elif spec.content_type is not None:
        scope.warn(
            f"content-type '{spec.content_type}' ignored by the http reply because neither errorfile nor payload defined."
        )
    if (spec.kind == "errorfile" or spec.kind == "default-errorfiles") and spec.fields:
        scope.warn("hdr parameters ignored by the http reply when used with an errorfile.")
        spec.fields.clear()


def parse_reply(
    words: list[str], i: int, scope: Scope, *, status: int, names: tuple[str, ...], fallback: str
) -> tuple[ReplySpec, int]:
    """Read a reply's words from i on. fallback: the kind when nothing says one. Raises: ActionError."""
    spec = ReplySpec(status)
    reader = _Reader(words, i, scope, spec, names)
    reader.run()
    _check(spec, scope, fallback)
    if not spec.kind:
        spec.kind = fallback
    return spec, reader.i
