"""Log formats: text -> line."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py import features
from haproxy_py.engine.shm import Segment
from haproxy_py.rules.logkeywords import LOG, LOG_AT_ACCEPT, LOG_SD, UNIQUE_ID
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import head, load

MS = 1000
WALL = 1233922452_655_000  # 06/Feb/2009 12:14:12.655 UTC


def trial() -> Trial:
    """A finished request with facts of its own."""
    segment = Segment(1, proxies=2, servers=1)
    fe, be = segment.proxy("http-in"), segment.proxy("static")
    made = Trial(head("/index.html?a=1", "Host: x"), fe=fe, be=be, srv=segment.server(be, "srv1", 1))
    made.facts(
        status=200, bytes_in=100, bytes_out=2750, accept_wall_us=WALL, request_wall_us=WALL, accept_us=1000 * MS,
        request_us=1000 * MS, head_us=1010 * MS, queue_us=1010 * MS, connect_us=1040 * MS, response_us=1109 * MS,
        done_us=1119 * MS, captures_req=[b"1wt.eu", None, b'a"|b'], captures_res=[None],
    )  # fmt: skip
    return made


def render(text: str, made: Trial | None = None) -> bytes:
    features.load()
    return (made or trial()).render(parse_format(text, Scope()))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%ci:%cp", b"192.0.2.1:40000"),
        ("%{+X}ci:%{+X}cp", b"C0000201:9C40"),
        ("%fi:%fp", b"198.51.100.1:80"),
        ("%f %b/%s", b"http-in static/srv1"),
        ("%{+Q}f", b'"http-in"'),
        ("%{+Q}o%f %{-Q}b", b'"http-in" static'),
        ("%TR/%Tw/%Tc/%Tr/%Ta", b"10/0/30/69/119"),
        ("%Th %Ti %Tq %Td %Tt %Tu", b"0 0 10 10 119 119"),
        ("%ST %B %U", b"200 2750 100"),
        ("%tsc %ts", b"---- --"),
        ("%rc", b"0"),
        ("%hr %hs", b'{1wt.eu||a#22#7Cb} {}'),
        ("%{+Q}hr", b'"{1wt.eu||a#22#7Cb}"'),
        ("%{+Q}hrl", b'"1wt.eu" "" "a#22#7Cb"'),
        ("%hrl", b"1wt.eu - a#22#7Cb"),
        ("%{+Q}r", b'"GET /index.html?a=1 HTTP/1.1"'),
        ("%HM %HP %HPO %HQ %HU %HV", b"GET /index.html /index.html ?a=1 /index.html?a=1 HTTP/1.1"),
        ("%CC %{+Q}CC", b'- ""'),
        ("%sslv %ID", b"- -"),
        ("%[src] %[req.hdr(none)] %{+Q}[req.hdr(none)]", b'192.0.2.1 - ""'),
        ("%{+E}[str('a\"b')]", b'a\\"b'),
        ("a   b %% c", b"a b % c"),
        ("%ms", b"655"),
        ("%Ts", b"1233922452"),
    ],
)
def test_alias(text: str, line: bytes) -> None:
    assert render(text) == line


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-1")
    time.tzset()
    try:
        assert render("%t|%tr") == b"06/Feb/2009:13:14:12.655|06/Feb/2009:13:14:12.655"
        assert render("%T|%Tl|%trg") == b"06/Feb/2009:12:14:12 +0000|06/Feb/2009:13:14:12 +0100|06/Feb/2009:12:14:12 +0000"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_not_reached() -> None:
    made = Trial(fe=Segment(1, proxies=1).proxy("f"))
    made.facts(http=True, accept_us=1, done_us=2 * MS, status=400)
    assert render("%b/%s %TR/%Tw/%Tc/%Tr %ST %{+Q}r", made) == b'f/<NOSRV> -1/-1/-1/-1 400 "<BADREQ>"'


def test_captures_that_nobody_declared() -> None:
    """haproxy 2.8: they vanish with the blank behind them; another empty value leaves two blanks."""
    made = trial()
    made.facts(captures_req=None, captures_res=None)
    assert render("%bq %hr %hs %HM", made) == b"0 GET"
    assert render("%bq %hrl %hsl", made) == b"0 "
    made.facts(uri=b"GET / HTTP/1.1")
    assert render("%bq %HQ %HM", made) == b"0  GET"


def test_still_growing() -> None:
    made = trial()
    made.facts(done_us=0, asap=True, redispatched=True, retries=2)
    assert re.fullmatch(rb"\+2750 \+[0-9]+ \+2", render("%B %Tt %rc", made))


def test_captured_line_is_encoded() -> None:
    made = trial()
    made.facts(uri=b'GET /"\x01#\xff HTTP/1.1')
    assert render("%{+Q}r", made) == b'"GET /#22#01#23#FF HTTP/1.1"'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("%foo", "no such format variable 'foo'. If you wanted to emit the '%' character verbatim, you need to use '%%'"),
        ("a %", "truncated line after '%'"),
        ("%{+Q ci", "truncated line after '+Q ci'"),
        ("%[src", "missing ']' after 'src'"),
        ("%[", "failed to parse sample expression <> : missing fetch method"),
        ("%[src,]", "failed to parse sample expression <src,]> : unknown converter ''"),
    ],
)
def test_refused(text: str, complaint: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_format(text, Scope())
    assert str(caught.value) == complaint


def test_of_frontends() -> None:
    default = load("maxconn 10").frontend
    assert default[LOG_AT_ACCEPT] and (default[LOG] or parse_format("", Scope())).text == (
        "Connect from %ci:%cp to %fi:%fp (%f/HTTP)"
    )
    http = load("option httplog").frontend
    assert not http[LOG_AT_ACCEPT]
    made = http[LOG]
    assert made is not None and made.wants_uri
    line = trial().render(made)
    assert re.fullmatch(
        rb"192\.0\.2\.1:40000 \[06/Feb/2009:\d\d:14:12\.655\] http-in static/srv1 10/0/30/69/119 200 2750 - - ---- "
        rb'0/0/0/0/0 0/0 \{1wt\.eu\|\|a#22#7Cb\} \{\} "GET /index\.html\?a=1 HTTP/1\.1"', line)  # fmt: skip
    assert load("option httpslog").alerts() == []
    assert load("option httplog clf").alerts() == []
    own = load("option httplog\nlog-format %ci\nlog-format-sd [a@1\\ b=%ci]\nunique-id-format %{+X}o%ci\nunique-id-header X-Id").frontend
    assert (own[LOG] or made).text == "%ci" and own[LOG_SD] is not None
    unique = own[UNIQUE_ID]
    assert unique is not None and unique.header == b"x-id"
    assert load("log-format %r", mode="tcp").alerts() == [
        "failed to parse log-format : format variable 'r' is reserved for HTTP mode."
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="%[]{}+Qcisr ,().\"'\\a", max_size=25))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    features.load()
    try:
        made = parse_format(text, Scope())
    except FormatError:
        return
    trial().render(made)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 300))
def test_never_more_than_room(room: int) -> None:
    made = load("option httplog").frontend[LOG]
    assert made is not None
    assert len(trial().render(made, room)) <= room
