"""Authentication: userlists, hashes, groups, the challenge; monitor fail; set-log-level."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from haproxy_py.config.model import Config
from haproxy_py.rules.fetches.auth import crypt_matches
from haproxy_py.rules.keywords import HTTP_REQUEST_RULES
from haproxy_py.rules.monitor import MONITOR_FAIL
from haproxy_py.rules.scope import bind_all
from haproxy_py.rules.testing import Trial
from tests.unit.rules.rulekit import head, load

LISTED = """userlist people
    group admin users bob
    group staff
    user bob insecure-password x:y groups staff
    user al password $1$abc$OGyl6dDvZCDiGmIVbeuCq/ groups staff
    user eve insecure-password y
    user mute
"""


class NoProxies:
    """A world without proxies."""

    def backend(self, name: str) -> Any:
        return None

    def frontend(self, name: str) -> Any:
        return None

    def server(self, backend: str, name: str) -> Any:
        return None


def bound(config: Config) -> None:
    bind_all(config, NoProxies())


@pytest.mark.parametrize(
    ("password", "hashed", "fits"),
    [
        (b"Hello world!", b"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", True),
        (b"Hello world?", b"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", False),
        (b"x", b"$1$abc$OGyl6dDvZCDiGmIVbeuCq/", True),
        (b"x", b"$1$abc$OGyl6dDvZCDiGmIVbeuCq", False),
        (b"x", b"$99$unknown", False),
        (b"", b"", False),
    ],
)
def test_crypt(password: bytes, hashed: bytes, fits: bool) -> None:
    assert crypt_matches(password, hashed) is fits


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("bob:x:y", b"1 bob bob x:y Basic"),
        ("bob:x", b"0  bob x Basic"),
        ("al:x", b"1 al al x Basic"),
        ("al:y", b"0  al y Basic"),
        ("mute:", b"0  mute  Basic"),
        ("zed:x", b"0  zed x Basic"),
        ("bob", b"Basic"),
    ],
)
def test_what_a_request_says(who: str, seen: bytes) -> None:
    line = ("http-request set-header r %[http_auth(people)],%[http_auth_group(people)],"
            "%[http_auth_user],%[http_auth_pass],%[http_auth_type]").replace(",", "\\ ")
    loaded = load(line, backend=LISTED)
    assert not loaded.alerts()
    bound(loaded.config)
    trial = Trial(head("/", "Authorization: bAsic " + b64encode(who.encode()).decode()))
    trial.run(loaded.frontend[HTTP_REQUEST_RULES])
    assert trial.fields()[-1] == (b"r", seen)


@pytest.mark.parametrize(("who", "verdict"), [("bob:x:y", "stop"), ("al:x", "continue"), ("eve:y", "continue"), ("bob:x", "continue")])
def test_groups(who: str, verdict: str) -> None:
    loaded = load("http-request allow if { http_auth_group(people) nobody admin }", backend=LISTED)
    bound(loaded.config)
    trial = Trial(head("/", "Authorization: Basic " + b64encode(who.encode()).decode()))
    assert trial.run(loaded.frontend[HTTP_REQUEST_RULES]) == verdict


@pytest.mark.parametrize(
    ("field", "token"),
    [("Authorization: Bearer  a.b", b"a.b"), ("Authorization: Basic eDp5", b""), ("X-Token: bearer t", b"t"), ("Authorization: Bearer", b"")],
)
def test_bearer(field: str, token: bytes) -> None:
    name = "(X-Token)" if field.startswith("X") else ""
    trial = Trial(head("/", field))
    trial.run(load(f"http-request set-header r %[http_auth_bearer{name}]").frontend[HTTP_REQUEST_RULES])
    assert dict(trial.fields())[b"r"] == token


def test_challenge() -> None:
    trial = Trial(head("/"))
    assert trial.run(load("http-request auth").frontend[HTTP_REQUEST_RULES]) == "reply"
    assert (trial.reply, trial.reply_status) == (None, 401)
    assert trial.reply_fields == [(b"www-authenticate", b'Basic realm="f"')]
    trial.run(load("http-request auth realm Doors").frontend[HTTP_REQUEST_RULES])
    assert trial.reply_fields == [(b"www-authenticate", b'Basic realm="Doors"')]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("http-request deny if { http_auth(x) }", "unable to find userlist 'x' referenced in arg 1 of ACL keyword 'http_auth' in proxy 'f'."),
        ("http-request deny if { http_auth }", "missing userlist name in arg 1 of ACL keyword 'http_auth' in proxy 'f'."),
        ("http-request auth realm", "error detected in frontend 'f' while parsing 'http-request auth' rule : missing realm value.\n."),
        ("http-request set-log-level x",
         "error detected in frontend 'f' while parsing 'http-request set-log-level' rule : expects exactly 1 argument (log level name or 'silent')."),
        ("monitor", "'monitor' only supports 'fail'."),
        ("monitor fail", "'monitor fail' requires either 'if' or 'unless' followed by a condition."),
        ("monitor fail if nope", "error detected while parsing a 'monitor fail' condition : no such ACL : 'nope'."),
    ],
)
def test_refused(line: str, text: str) -> None:
    assert load(line).alerts() == [text]


@pytest.mark.parametrize(("word", "level"), [("emerg", 1), ("err", 4), ("debug", 8), ("silent", 255)])
def test_log_level(word: str, level: int) -> None:
    trial = Trial(head("/"))
    assert trial.run(load(f"http-request set-log-level {word}").frontend[HTTP_REQUEST_RULES]) == "continue"
    assert trial.log_level == level


def test_monitor_fail_ends_its_rules() -> None:
    front = load("monitor fail if { path /down }\nmonitor fail unless { path_beg /u }").frontend
    assert [Trial(head(path)).run(front[MONITOR_FAIL]) for path in ("/down", "/x", "/up")] == ["stop", "stop", "continue"]
