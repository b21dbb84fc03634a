"""What the query string of a scrape asks for (HAProxy's exporter: scope, metrics, no-maint, desc, extra-counters)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

KINDS = ("global", "frontend", "listener", "backend", "server", "sticktable", "resolver")


class BadRequest(ValueError):
    """The query string makes no sense."""


class Wish:
    """scopes: None: all. only, but: whole names of metrics; `only` empty: all."""

    def __init__(self, query: bytes) -> None:
        self.scopes: set[str] | None = None
        self.only: set[str] = set()
        self.but: set[str] = set()
        self.no_maint = self.desc = self.extra = False
        for part in query.split(b"&") if query else ():
            escaped, equals, raw = part.partition(b"=")
            name, value = unquote_to_bytes(escaped), unquote_to_bytes(raw).decode("utf-8", "replace")
            if name == b"scope":
                self._scope(value, bool(equals))
            elif name == b"metrics":
                self._metrics(value)
            elif name == b"no-maint":
                self.no_maint = True
            elif name == b"desc":
                self.desc = True
            elif name == b"extra-counters":
                self.extra = True

    def _scope(self, value: str, told: bool) -> None:
        if not told or value not in ("", "*", *KINDS):
            raise BadRequest(value)
        more = set(KINDS) if value == "*" else {value}
        self.scopes = (self.scopes or set()) | more if value else set()

    def _metrics(self, value: str) -> None:
        for name in value.split(","):
            if name.startswith("-"):
                self.but.add(name[1:])
            elif name:
                self.only.add(name)

    def scope(self, name: str) -> bool:
        """Whether a scope is wanted."""
        return self.scopes is None or name in self.scopes

    def metric(self, name: str) -> bool:
        """Whether a metric is, by its whole name."""
        return name not in self.but and (not self.only or name in self.only)
