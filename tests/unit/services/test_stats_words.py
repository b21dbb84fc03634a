"""The statistics page: words of the configuration, of its target, of its form. No traffic."""

from __future__ import annotations

import pytest

from haproxy_py.api import ConfigurationError, Proxy
from haproxy_py.services import form
from haproxy_py.services.asked import Asked, read
from haproxy_py.services.html.cells import size, span
from haproxy_py.services.keywords import stats_of
from haproxy_py.stream.service import dechunked


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        (b"", Asked()),
        (b";csv;norefresh", Asked(form="csv", refresh=False)),
        (b";json-schema", Asked(form="json-schema")),
        (b";json;up", Asked(form="json", up=True)),
        (b";st=DONE;no-maint", Asked(state="DONE", no_maint=True)),
        (b"?scope=web<script>", Asked(scope="web")),
        (b";st=<b>x", Asked()),
    ],
)
def test_words_of_the_target(rest: bytes, asked: Asked) -> None:
    assert read(rest) == asked


def test_links_repeat_what_was_asked() -> None:
    assert read(b";up;norefresh;scope=a").words() == ";up;norefresh?scope=a"
    assert Asked(up=True).words(up=False, refresh=False) == ";norefresh"


def test_form_fields() -> None:
    assert form.fields(b"s=a%20b&s=c+d&&x") == [("s", "a b"), ("s", "c d"), ("x", "")]
    assert form.fields(b"s=%ff") == [("s", "\udcff")]


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "?"), (0, "0s"), (61, "1m1s"), (90061, "1d1h"), (3600, "1h0m")])
def test_spans(seconds: int, shown: str) -> None:
    assert span(seconds) == shown


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (999, "999"), (1500, "1.5k"), (123456, "123k"), (10**19, "10000P")])
def test_sizes(value: int, shown: str) -> None:
    assert size(value) == shown


def test_a_chunked_body() -> None:
    assert dechunked(b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n") == b"abcd"
    assert dechunked(b"") == b""


TEXT = """
defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
  stats realm Inherited
  stats auth a:b
frontend one
  bind 127.0.0.1:1
frontend two
  bind 127.0.0.1:2
  stats uri /s
  stats admin if TRUE
  stats refresh 1m
  stats scope .
  stats show-node here
  stats show-desc what it is
  stats hide-version
"""


def test_a_section_of_its_own_ends_what_the_defaults_said() -> None:
    config = Proxy.from_text(TEXT).config
    one, two = (stats_of(config.proxies[i]) for i in (0, 1))
    assert one is not None and two is not None
    assert (one.uri, one.realm, list(one.users), len(one.rules)) == ("/haproxy?stats", "Inherited", ["a"], 1)
    assert (two.uri, two.realm, two.users, two.rules) == ("/s", "", {}, [])
    assert (two.refresh_s, two.scope, two.node, two.desc, two.show_version) == (60, ["."], "here", "what it is", False)


HEAD = "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\nlisten l\n bind 127.0.0.1:1\n "
EXPECTS = "expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or 'show-legends'."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("stats", f"missing keyword in 'stats', {EXPECTS}"),
        ("stats foo", f"unknown stats parameter 'foo', {EXPECTS}"),
        ("stats uri", "'uri' needs an URI prefix."),
        ("stats realm", "'realm' needs an realm name."),
        ("stats auth", "'auth' needs a user:password account."),
        ("stats scope", "'scope' needs a proxy name."),
        ("stats refresh 10q", "unexpected character 'q' in argument to stats refresh interval."),
        ("stats admin", "'stats admin' requires either 'if' or 'unless' followed by a condition."),
        ("stats admin if foo", "error detected while parsing a 'stats admin' rule : no such ACL : 'foo'."),
        ("stats http-request deny if foo", "error detected while parsing an 'http-request deny' condition : no such ACL : 'foo'."),
        ("stats http-request auth realm a b", "'http-request auth' expects either 'if' or 'unless' followed by a condition but found 'b'."),
        ("http-request use-service", ("error detected in proxy 'l' while parsing 'http-request use-service' rule : "
         "'use-service' expects a service name..")),
        ("http-request use-service foo", ("error detected in proxy 'l' while parsing 'http-request use-service' rule : "
         "'foo' unknown service name..")),
    ],
)  # fmt: skip
def test_refusals_are_haproxys(line: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        Proxy.from_text(HEAD + line + "\n")
    assert told in str(wrong.value)
