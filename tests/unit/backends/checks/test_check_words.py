"""Words of checks that contradict each other or say nothing: the complaints are those of the packaged haproxy (docs/oracle-facts.md)."""

from __future__ import annotations

import pytest

from tests.unit.backends.checks.test_check_keywords import HEAD, good, told

AT = HEAD.count("\n")
SERVER = "server s 127.0.0.1:80 check"
MUX = "config: proxy 'b': server 's' uses an incompatible MUX protocol for the selected check type"
ARGUMENT = "'min-recv' expects -1 or an integer from 0 to INT_MAX."

ALERTS = {
    f"option httpchk\n {SERVER} check-proto none": MUX,
    f"option tcp-check\n {SERVER} check-proto h1": MUX,
    f"option redis-check\n {SERVER} check-proto h1": MUX,
    f"{SERVER} check-proto h1": MUX,
    "option httpchk\n http-check connect proto none": f"parsing [t.cfg:{AT + 2}] : 'http-check connect' : "
    "'proto' : invalid MUX protocol 'none' for http-check.",
    "option tcp-check\n tcp-check connect proto h1": f"parsing [t.cfg:{AT + 2}] : 'tcp-check connect' : "
    "'proto' : invalid MUX protocol 'h1' for tcp-check.",
    "option tcp-check\n tcp-check send x comment y z": f"parsing [t.cfg:{AT + 2}] : 'tcp-check send' : "
    "expects 'comment' but got 'z' as argument..",
} | {
    f"option {option}\n {rule} expect min-recv {number} string x": f"parsing [t.cfg:{AT + 2}] : '{rule} expect' : {ARGUMENT}"
    for option, rule in (("httpchk", "http-check"), ("tcp-check", "tcp-check"))
    for number in ("-2", "2147483648", "99999999999")
}
PORTLESS = "server s 127.0.0.1 check"
NO_PORT = "config: proxy 'b': server 's' has neither service port nor check port"
ALERTS |= {
    f"option httpchk\n http-check connect\n http-check send\n {PORTLESS}": f"{NO_PORT} nor tcp_check rule 'connect' with port information.",
    f"option tcp-check\n tcp-check send x\n {PORTLESS}": f"{NO_PORT} nor tcp_check rule 'connect' with port information.",
    "option tcp-check\n tcp-check connect port 1\n tcp-check expect string x\n tcp-check connect\n "
    + PORTLESS: f"{NO_PORT}, and a tcp_check rule 'connect' with no port information.",
}
WARNINGS = {
    "external-check command /bin/true": "'external-check command' will be ignored for proxy 'b' (requires 'option external-check').",
    "external-check path /bin": "'external-check path' will be ignored for proxy 'b' (requires 'option external-check').",
    "load-server-state-from-file global": "backend 'b' configured to load server state file from global section "
    "'server-state-file' directive. Unfortunately, 'server-state-file' is not set!",
}


@pytest.mark.parametrize("lines", list(ALERTS))
def test_what_is_refused(lines: str) -> None:
    assert told(lines)[1][:1] == [ALERTS[lines]]


@pytest.mark.parametrize("lines", list(WARNINGS))
def test_what_is_warned_about(lines: str) -> None:
    assert told(lines)[1] == [WARNINGS[lines]]


@pytest.mark.parametrize(
    "lines",
    [
        f"option tcp-check\n tcp-check connect port 1\n {PORTLESS}",
        f"option tcp-check\n tcp-check connect\n {PORTLESS} port 1",
        f"option httpchk\n {SERVER} check-proto h1",
        f"option tcp-check\n {SERVER} check-proto none",
        "server s 127.0.0.1:80 check-proto h1",
        "option httpchk\n http-check connect proto h1",
        "option tcp-check\n tcp-check connect proto none",
        "option httpchk\n http-check expect min-recv 2147483647 string x",
        "option tcp-check\n tcp-check expect min-recv -1 string x",
    ],
)
def test_what_is_taken(lines: str) -> None:
    good(lines)
