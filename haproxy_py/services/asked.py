"""What a request for the statistics page asks for: words behind `;` in its target, as HAProxy reads them.

`;csv ;json ;json-schema ;typed ;up ;no-maint ;norefresh ;st=CODE scope=NAME`. Each may stand anywhere behind the prefix.
Source: management manual 9.4, configuration manual 4.2 `stats uri`; the rest was seen on HAProxy 2.8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCOPE_LENGTH = 20
_SCOPE = re.compile(rb"scope=([0-9A-Za-z_.:-]{0,%d})" % SCOPE_LENGTH)
_STATE = re.compile(rb";st=([A-Z]{4})")
FORMS = {"csv": "text/plain", "typed": "text/plain", "json": "application/json", "json-schema": "application/json"}
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Asked:
    """form: csv, typed, json, json-schema or html. state: of a form that was posted before, "" none. scope: part of names."""

    form: str = "html"
    up: bool = False
    no_maint: bool = False
    refresh: bool = True
    state: str = ""
    scope: str = ""

    @property
    def content_type(self) -> str:
        """Of the reply."""
        return FORMS.get(self.form, HTML)

    def words(self, *, up: bool | None = None, refresh: bool | None = None) -> str:
        """The words that a link of the page repeats."""
        text = ";up" if (self.up if up is None else up) else ""
        text += ";no-maint" if self.no_maint else ""
        text += "" if (self.refresh if refresh is None else refresh) else ";norefresh"
        return text + (f"?scope={self.scope}" if self.scope else "")


def read(rest: bytes) -> Asked:
    """Args: rest: the target behind the page's prefix."""
    form = "html"
    for word in ("csv", "typed", "json-schema", "json"):
        if b";" + word.encode() in rest:
            form = word
            break
    state, scope = _STATE.search(rest), _SCOPE.search(rest)
    return Asked(
        form=form, up=b";up" in rest, no_maint=b";no-maint" in rest, refresh=b";norefresh" not in rest,
        state=state[1].decode() if state else "", scope=scope[1].decode() if scope else "",
    )  # fmt: skip
