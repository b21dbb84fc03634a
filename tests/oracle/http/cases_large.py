"""Heads that rules make larger than a buffer: what the client is told, and how it is logged."""

from tests.harness.case import Case
from tests.harness.wire import End
from tests.oracle.http.shorthand import OK, answers, get
from tests.oracle.http.templates import TEMPLATES, listen

_THRICE = "%[path]%[path]%[path]"

TEMPLATES.update({
    "large": listen(
        f"http-request redirect location /{_THRICE} if {{ path_beg /redirect }}", f"http-request redirect prefix http://a{_THRICE} if {{ path_beg /prefix }}",
        f"http-request set-header x {_THRICE} if {{ path_beg /field }}", f"http-request set-uri {_THRICE} if {{ path_beg /target }}",
        f"http-request return status 200 hdr x {_THRICE} if {{ path_beg /return }}", "http-request set-var(txn.p) path",
        "http-response set-header x %[var(txn.p)]%[var(txn.p)]%[var(txn.p)] if { var(txn.p) -m beg /reply }"),
})  # fmt: skip


def _long(name: str) -> bytes:
    return get(b"connection: close", target=b"/" + name.encode() + b"x" * 7000)


CASES: list[Case] = [
    *(Case(f"large-{name}", "large", [_long(name), End()], []) for name in ("redirect", "prefix", "field", "target", "return")),
    Case("large-reply", "large", [_long("reply"), End()], answers(OK)),
]
