"""Rows and facts as bytes: CSV, typed lines, JSON and its schema (management manual 9.1, 9.2, `show schema json`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from haproxy_py.observe.statistics.fields import INFO, NATURES, ORIGINS, PROXY_FIELDS, ROW_TYPES, SCOPES, STAT, Field
from haproxy_py.observe.statistics.parts import Part, Row, Value

Pair = tuple[Part, Row]
_PROCESS = 1  # HAProxy's process number: always 1
_NEEDS_QUOTES = frozenset(',"\n')


def header(*, modules: bool = True) -> str:
    """The first line of the CSV."""
    names = [found.name for found in STAT[:PROXY_FIELDS]]
    extra = ["-", *(found.name for found in STAT[PROXY_FIELDS:])] if modules else []
    return "# " + "".join(f"{name}," for name in (*names, *extra)) + "\n"


def _cell(value: Value) -> str:
    if value is None:
        return ","
    text = str(value)
    if _NEEDS_QUOTES.isdisjoint(text):
        return text + ","
    escaped = text.replace('"', '""')
    return f'"{escaped}",'


def csv_line(row: Row, *, modules: bool = True) -> str:
    """One row; each field is followed by a comma."""
    cells = [_cell(value) for value in row]
    if not modules:
        return "".join(cells[:PROXY_FIELDS]) + "\n"
    return "".join(cells[:PROXY_FIELDS]) + "-," + "".join(cells[PROXY_FIELDS:]) + "\n"


def csv(pairs: Iterable[Pair], *, modules: bool = True) -> Iterator[bytes]:
    """The header, then a line a row. modules: the columns of TLS, HTTP/1 and HTTP/2 behind "-" too."""
    yield header(modules=modules).encode()
    for _, row in pairs:
        yield csv_line(row, modules=modules).encode("utf-8", "surrogateescape")


def typed(pairs: Iterable[Pair], *, desc: bool = False, modules: bool = True) -> Iterator[bytes]:
    """`<type>.<iid>.<sid>.<position>.<field>.1:<tags>:<type>:<value>[:"<desc>"]`, a block of lines a row."""
    for part, row in pairs:
        start = f"{part.letter}.{part.iid}.{part.number}."
        lines = []
        for i, value in enumerate(row if modules else row[:PROXY_FIELDS]):
            if value is not None:
                found = STAT[i]
                words = f':"{found.desc}"' if desc else ""
                lines.append(f"{start}{i}.{found.name}.{_PROCESS}:{found.kinds[part.letter]}:{value}{words}\n")
        yield "".join(lines).encode("utf-8", "surrogateescape")


def _json_item(found: Field, place: int, kind: str, value: Value | float) -> str:
    tags, _, type_ = kind.partition(":")
    shown = json.dumps(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")) if isinstance(value, str) else str(value)
    return (
        f'"field":{{"pos":{place},"name":"{found.name}"}},"processNum":{_PROCESS},"tags":{{"origin":"{ORIGINS[tags[0]]}",'
        f'"nature":"{NATURES[tags[1]]}","scope":"{SCOPES[tags[2]]}"}},"value":{{"type":"{type_}","value":{shown}}}}}'
    )


def json_rows(pairs: Iterable[Pair]) -> Iterator[bytes]:
    """An array of rows, each an array of fields."""
    before = "["
    for part, row in pairs:
        head = f'{{"objType":"{ROW_TYPES[part.letter]}","proxyId":{part.iid},"id":{part.number},'
        items = [
            head + _json_item(STAT[i], i, STAT[i].kinds[part.letter], value)
            for i, value in enumerate(row)
            if value is not None
        ]
        yield (before + "[" + ",".join(items) + "]").encode()
        before = ","
    yield b"]" if before == "," else b"[]"


def info_lines(values: dict[str, Any], *, desc: bool = False) -> Iterator[bytes]:
    """`show info`: `Name: value[:"desc"]`."""
    for found in INFO:
        value = values.get(found.name)
        if value is not None:
            yield f'{found.name}: {value}{_quoted(found, desc)}\n'.encode("utf-8", "surrogateescape")


def info_typed(values: dict[str, Any], *, desc: bool = False) -> Iterator[bytes]:
    """`show info typed`."""
    for i, found in enumerate(INFO):
        value = values.get(found.name)
        if value is not None:
            kind = _kind(found, value)
            yield f"{i}.{found.name}.{_PROCESS}:{kind}:{value}{_quoted(found, desc)}\n".encode("utf-8", "surrogateescape")


def info_json(values: dict[str, Any]) -> Iterator[bytes]:
    """`show info json`: an array of fields."""
    items = [
        "{" + _json_item(found, i, _kind(found, values[found.name]), values[found.name])
        for i, found in enumerate(INFO)
        if values.get(found.name) is not None
    ]
    yield ("[" + ",".join(items) + "]").encode()


def _kind(found: Field, value: Value | float) -> str:
    """Floats (`show info float`) say so."""
    kind = found.kinds["I"]
    return kind.partition(":")[0] + ":flt" if isinstance(value, float) else kind


def _quoted(found: Field, desc: bool) -> str:
    return f':"{found.desc}"' if desc else ""


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _number(type_: str, low: int, high: int) -> dict[str, Any]:
    value = {"type": "integer", "minimum": low, "maximum": high}
    return {"properties": {"type": {"type": "string", "enum": [type_]}, "value": value}, "required": ["type", "value"]}


def _definitions() -> dict[str, Any]:
    exact = 2**53 - 1  # what a JSON reader with doubles keeps
    values = {
        "s32Value": _number("s32", -(2**31), 2**31 - 1),
        "s64Value": _number("s64", -exact, exact),
        "u32Value": _number("u32", 0, 2**32 - 1),
        "u64Value": _number("u64", 0, exact),
        "strValue": {
            "properties": {"type": {"type": "string", "enum": ["str"]}, "value": {"type": "string"}},
            "required": ["type", "value"],
        },
    }
    unknown = {
        "properties": {"type": {"type": "integer", "minimum": 0}, "value": {"type": "string", "enum": ["unknown"]}},
        "required": ["type", "value"],
    }
    tags = {
        "origin": ["Metric", "Status", "Key", "Config", "Product", "Unknown"],
        "nature": ["Gauge", "Limit", "Min", "Max", "Rate", "Counter", "Duration", "Age", "Time", "Name", "Output", "Avg", "Unknown"],
        "scope": ["Cluster", "Process", "Service", "System", "Unknown"],
    }  # fmt: skip
    return {
        "field": {"type": "object", "pos": {"type": "integer", "minimum": 0}, "name": {"type": "string"}, "required": ["pos", "name"]},
        "processNum": {"type": "integer", "minimum": 1},
        "tags": {
            "type": "object",
            **{name: {"type": "string", "enum": words} for name, words in tags.items()},
            "required": ["origin", "nature", "scope"],
        },
        "typedValue": {
            "type": "object",
            "oneOf": [_reference(f"typedValue/definitions/{name}") for name in values],
            "definitions": {**values, "unknownValue": unknown},
        },
    }  # fmt: skip


def schema() -> bytes:
    """`show schema json`: what `show info json` and `show stat json` promise (JSON schema, draft 4)."""
    common = {name: _reference(name) for name in ("field", "processNum", "tags")}
    info = {
        "title": "InfoItem", "type": "object", "properties": {**common, "value": _reference("typedValue")},
        "required": ["field", "processNum", "tags", "value"],
    }  # fmt: skip
    stat = {
        "title": "InfoItem", "type": "object",
        "properties": {
            "objType": {"enum": ["Frontend", "Backend", "Listener", "Server", "Unknown"]},
            "proxyId": {"type": "integer", "minimum": 0}, "id": {"type": "integer", "minimum": 0},
            **common, "typedValue": _reference("typedValue"),
        },
        "required": ["objType", "proxyId", "id", "field", "processNum", "tags", "value"],
    }  # fmt: skip
    error = {"title": "Error", "type": "object", "properties": {"errorStr": {"type": "string"}}, "required": ["errorStr"]}
    made = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            {"title": "Info", "type": "array", "items": info},
            {"title": "Stat", "type": "array", "items": stat},
            error,
        ],
        "definitions": _definitions(),
    }
    return json.dumps(made, separators=(",", ":")).encode()
