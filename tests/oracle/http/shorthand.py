"""Short words for the tables of cases."""

from tests.harness.case import Case
from tests.harness.wire import HEAD, Close, Script, Step, Until

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
GET10 = b"GET / HTTP/1.0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
OK10 = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"
DONE = Until(b"\r\n\r\nok")


def get(*fields: bytes, target: bytes = b"/", version: bytes = b"1.1", method: bytes = b"GET") -> bytes:
    """A request head with `host: a` (unless 1.0 or given) and `fields`."""
    lines = [method + b" " + target + b" HTTP/" + version]
    if version == b"1.1" and not any(field.lower().startswith(b"host:") for field in fields):
        lines.append(b"host: a")
    return b"\r\n".join([*lines, *fields, b"", b""])


def reply(status: bytes, *fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A reply with exactly these fields."""
    return b"\r\n".join([b"HTTP/" + version + b" " + status, *fields, b"", body])


def ok(*fields: bytes, version: bytes = b"1.1", body: bytes = b"ok") -> bytes:
    """200 with content-length."""
    return reply(b"200 OK", b"content-length: %d" % len(body), *fields, body=body, version=version)


def answers(*replies: bytes) -> list[list[Step]]:
    """One connection that answers each request head with the next of `replies`, and stays."""
    return [[step for piece in replies for step in (HEAD, piece)]]


def once(piece: bytes) -> list[list[Step]]:
    """Each connection answers one head with `piece`, then closes."""
    return [[HEAD, piece, Close()]]


def table(template: str, rows: dict[str, tuple[Script, list[list[Step]]]]) -> list[Case]:
    """Cases that share a template: id -> (client script, server scripts)."""
    return [Case(ident, template, client, server) for ident, (client, server) in rows.items()]
