"""Converters: expression -> value. Values marked below by * came from haproxy 2.8."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.rules.expr import ExprError
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import expression, head


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("str(aBc),lower", b"abc"),
        ("str(aBc),upper", b"ABC"),
        ("str(abc),length", 3),
        ("str(abc),bytes(1,1)", b"b"),
        ("str(abc),bytes(1)", b"bc"),
        ("str(abc),bytes(9)", b""),
        ("str(a:b:c),word(2,:)", b"b"),
        ("str(a:b:c),field(2,:,2)", b"b:c"),
        ("str(f1_f2_f3__f5),field(5,_)", b"f5"),
        ("str(f1_f2_f3__f5),field(4,_)", b""),
        ("str(f1_f2_f3__f5),field(2,_,0)", b"f2_f3__f5"),
        ("str(f1_f2_f3__f5),field(2,_,2)", b"f2_f3"),
        ("str(f1_f2_f3__f5),field(-2,_,3)", b"f2_f3_"),
        ("str(f1_f2_f3__f5),field(-3,_,0)", b"f1_f2_f3"),
        ("str(f1_f2_f3__f5),word(4,_)", b"f5"),
        ("str(f1_f2_f3__f5),word(2,_,0)", b"f2_f3__f5"),
        ("str(f1_f2_f3__f5),word(3,_,2)", b"f3__f5"),
        ("str(f1_f2_f3__f5),word(-2,_,3)", b"f1_f2_f3"),
        ("str(f1_f2_f3__f5),word(-3,_,0)", b"f1_f2"),
        ("str(xxaxx),ltrim(x)", b"axx"),
        ("str(xxaxx),rtrim(x)", b"xxa"),
        ("str(a),concat(<,txn.none,>)", b"a<>"),
        ("str(a),add_item(-,,b)", b"a-b"),
        ("int(1),iif(yes,no)", b"yes"),
        ("str(x),iif(yes,no)", b"no"),
        ("str(h:80),host_only", b"h"),
        ("str(h:80),port_only", 80),
        ("str([::1]),host_only", b"[::1]"),
        ("int(10),add(5),mul(3)", 45),
        ("int(7),div(2)", 3),
        ("int(7),div(0)", 2**63 - 1),
        ("int(-7),mod(4)", -3),
        ("int(6),and(3)", 2),
        ("int(6),xor(3)", 5),
        ("int(9223372036854775807),add(1)", 2**63 - 1),
        ("int(5),neg", -5),
        ("int(0),cpl", -1),
        ("int(5),odd", True),
        ("int(0),not", True),
        ("str(ab),hex", b"6162"),
        ("str(ff),hex2i", 255),
        ("str(ab),base64", b"YWI="),
        ("str(YWI=),b64dec", b"ab"),
        ("str(YWI),b64dec", None),
        ("str(YWI),ub64dec", b"ab"),
        ("bin(fbff),ub64enc", b"-_8"),
        ("str(%41+b),url_dec", b"A+b"),
        ("str(%41+b),url_dec(1)", b"A b"),
        ("str(a?b+c),url_dec", b"a?b c"),
        ("str(%4),url_dec", None),
        ("str(a/b c),url_enc", b"a%2Fb%20c"),
        ("bin(01020304050607),be2dec(:,2)", b"258:772:1286:7"),
        ("bin(01020304050607),be2dec(-,2,1)", b"258-772-1286"),
        ("bin(7f000001),be2dec(.,1)", b"127.0.0.1"),
        ("bin(01020304050607),be2hex(:,2)", b"0102:0304:0506:07"),
        ("ipv4(1.2.3.4),ipmask(24)", "1.2.3.0"),
        ("ipv6(2001:db8::1),ipmask(24,32)", "2001:db8::"),
        ("ipv6(2001:db8::1),ipmask(24)", None),
        ("ipv6(::ffff:10.1.2.3),ipmask(8)", "10.0.0.0"),
        ("str(ab),crc32", 2659403885),  # *
        ("str(hello),crc32c", 2591144780),  # *
        ("str(hello),djb2", 261238937),  # *
        ("str(hello),sdbm", 684824882),  # *
        ("str(ab),sha1,hex", b"DA23614E02469A0D7C7BD1BDAB5C9C474B1904DC"),
        ("int(0),utime(%Y)", b"1970"),
        ("int(0),http_date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        ("str(/////a///b),regsub('/+','/',g)", b"/a/b"),
        ("str(foo12),regsub('(foo)([0-9]+)','\\2\\1')", b"12foo"),
        ("str(FOO),regsub(foo,x,i)", b"x"),
        ("str(abc),regsub('','-',g)", b"-a-b-c-"),
        ("str(v),set-var(txn.c),upper", b"V"),
        ("str(192.0.2.1),ipmask(8)", "192.0.0.0"),
    ],
)
def test_value(text: str, value: object) -> None:
    assert Trial(head()).value(expression(text)) == value


def test_isolated_word_is_a_converter() -> None:
    """HAProxy still takes a converter as a word of its own."""
    assert Trial(head()).value(expression("str(A)", "lower")) == b"a"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("str(a),lowr", "unknown converter 'lowr', did you mean 'lower' maybe ?"),
        ("foo_bar_x", "unknown fetch method 'foo_bar_x'"),
        ("sc0_conn_cur", "sample fetch 'sc0_conn_cur' is known to HAProxy, not supported yet"),
        ("str(a),map(/x)", "converter 'map' is known to HAProxy, not supported yet"),
        ("str(a),word(1)", "invalid arg 2 in converter 'word' : missing arguments (got 1/2), type 'string' expected"),
        ("str(a", "fetch method 'str' : expected ')'"),
        ("rand(1,2)", "fetch method 'rand' : expected ')' before ',2)'"),
        ("int(x)", "fetch method 'int' : failed to parse 'x' as type 'integer' at position 1"),
        ("", "missing fetch method"),
    ],
)
def test_refused(text: str, complaint: str) -> None:
    with pytest.raises(ExprError) as caught:
        expression(text)
    assert str(caught.value) == complaint


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_base64_round_trip(raw: bytes) -> None:
    text = base64.b64encode(raw).decode()
    if raw:
        assert Trial(head("/", f"X: {text}")).value(expression("req.hdr(x),b64dec,base64")) == text.encode()


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab_", max_size=20), st.integers(1, 5))
def test_field_agrees_with_split(text: str, n: int) -> None:
    parts = text.split("_")
    expected = parts[n - 1] if n <= len(parts) else ""
    assert Trial(head()).value(expression(f"str({text}),field({n},_)")) == expected.encode()
