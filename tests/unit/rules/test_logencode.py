"""%{+json}o and %{+cbor}o: named items only, numbers, text that needs escapes, what is not there."""

from __future__ import annotations

import json

import pytest

from haproxy_py.config.reader import load
from haproxy_py.features import load as load_features
from haproxy_py.rules.logencode import EncodedFormat
from haproxy_py.rules.logkeywords import JSON, LOG
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope
from haproxy_py.rules.testing import Trial

load_features()


def rendered(text: str) -> bytes:
    trial = Trial(b"GET / HTTP/1.1\r\nhost: a\r\nx-why: \xe9\"\\x\r\n\r\n")
    return trial.render(parse_format(text, Scope()))


def test_only_named_items_in_their_order() -> None:
    text = rendered("%{+json}o %(status)ST junk %ci %(n:str)ST %(why)[req.hdr(x-why)] %(none)[req.hdr(x)] %(yes:bool)[bool(true)]")
    assert text == b'{"status": -1, "n": "-1", "why": "\\u00e9\\"\\\\x", "none": null, "yes": true}'


def test_text_is_valid_json_whatever_the_bytes() -> None:
    line = rendered("%{+json}o %(path)[req.hdr(x-why)] %(euro)[str(€)]")
    assert json.loads(line) == {"path": "\xe9\"\\x", "euro": "€"}


def test_the_option_in_one_word() -> None:
    lines = "frontend f\n mode http\n bind 127.0.0.1:1\n timeout client 1s\n option httplog json\n"
    config, _ = load([], texts=[("t.cfg", lines.encode())], strict=True)
    assert isinstance(config.proxies[0][LOG], EncodedFormat)
    found = json.loads(rendered(JSON))
    assert list(found)[:3] == ["client_ip", "client_port", "request_date"]
    assert isinstance(found["status_code"], int)


def test_cbor_in_hexadecimal_and_raw() -> None:
    raw = rendered("%{+cbor,+bin}o %(a:sint)[int(500)] %(b:sint)[int(-500)] %(c)[str(x)] %(d)[req.hdr(x)]")
    assert raw == b"\xbfaa\x19\x01\xf4ab\x39\x01\xf3ac\x61xad\xf6\xff"
    assert rendered("%{+cbor}o %(c)[str(x)]") == b"BF61636178FF"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("%{+json}ST", "an encoding for one item alone"),
        ("%{+json,+E}o", "are known to HAProxy, not supported yet"),
        ("%(a:foo)ST", "unexpected output type 'foo'"),
        ("%(a", "truncated line after 'a'"),
    ],
)
def test_refused(text: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint.replace("(", "\\(")):
        parse_format(text, Scope())
