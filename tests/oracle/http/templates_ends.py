"""Proxy sections for the table of ends (cases_ends.py): each one in the clear, with TLS in front, and with TLS to the server.

A TLS client is a relay of the same process: it takes the scripted client's bytes and speaks TLS over an abstract socket to
the section that is looked at; likewise behind a server line with TLS. The relays write no log lines.
"""

from functools import cache

from tests.harness.case import Template
from tests.harness.certs import Authority

WORDS = """    timeout connect 2s
    timeout client 3s
    timeout server 3s
    retries 0
"""
DEFAULTS = "defaults\n    mode http\n    log global\n    option httplog\n" + WORDS
DEFAULTS_TCP = "defaults\n    mode tcp\n    log global\n    option tcplog\n" + WORDS
KINDS = ("", "-tls", "-tlsb")  # clear, TLS in front, TLS to the server

HTTP = {
    "plain": "",
    "client": "timeout client 200ms",
    "server": "timeout server 200ms",
    "request": "timeout http-request 200ms",
    "abort": "option abortonclose",
    "tunnel": "timeout tunnel 200ms",
    "asap": "option logasap",
    "deny": "http-request deny if { path /deny }\nhttp-request deny deny_status 429 if { path /429 }\nhttp-request reject if { path /reject }\n"
            "http-request silent-drop if { path /drop }\nhttp-request return status 200 if { path /return }\nhttp-request redirect location / if { path /go }\n"
            "http-request tarpit if { path /tarpit }\ntimeout tarpit 200ms\nhttp-request auth if { path /auth }",
    "content": "tcp-request inspect-delay 300ms\ntcp-request content reject if { path /reject }\ntcp-request content silent-drop if { path /drop }",
    "unhttp": "tcp-request inspect-delay 300ms\ntcp-request content reject if { req.len ge 3 } !HTTP",
    "denyres": "http-response deny if { status 404 }\nhttp-response return status 503 if { status 405 }",
    "contentres": "tcp-response content reject",
    "stats": "stats enable",
}
TCP = {
    "plain": "",
    "client": "timeout client 200ms",
    "server": "timeout server 200ms",
    "abort": "option abortonclose",
    "content": "tcp-request inspect-delay 200ms\ntcp-request content accept if { req.len gt 3 }\ntcp-request content reject",
    "drop": "tcp-request inspect-delay 200ms\ntcp-request content accept if { req.len gt 3 }\ntcp-request content silent-drop",
    "response": "tcp-response inspect-delay 200ms\ntcp-response content accept if { res.len gt 3 }\ntcp-response content reject",
    "null": "option dontlognull",
}
SERVERS = {
    "": "127.0.0.1:{s1}", "dead": "127.0.0.1:{dead}", "full": "127.0.0.1:{full}", "queue": "127.0.0.1:{s1} maxconn 1", "none": "",
    "late": "127.0.0.1:{full}",
}  # fmt: skip
EXTRA = {"full": "timeout connect 200ms", "queue": "timeout queue 300ms", "late": "option abortonclose"}


@cache
def bundle() -> bytes:
    """A certificate for the relays, one for a run."""
    return Authority.new().issue("ends.example").bundle


def _section(kind: str, words: str, server: str, bind: str) -> str:
    lines = [f"bind {bind}", *words.split("\n"), EXTRA.get(server, ""), f"server s1 {SERVERS[server]}" if SERVERS[server] else ""]
    lines = [line + " ssl verify none" if kind == "-tlsb" and line.startswith("server s1") else line for line in lines]
    return "listen {id}\n" + "".join(f"    {line}\n" for line in lines if line)


def _relay(name: str, bind: str, server: str) -> str:
    return f"listen {{id}}_{name}\n    mode tcp\n    no log\n    option tcplog\n    bind {bind}\n    server r {server}\n"


def template(mode: str, kind: str, words: str, server: str) -> Template:
    """One section. mode: http or tcp; kind: of KINDS."""
    text = _section(kind, words, server, "abns@{id}.{port} ssl crt {file:pem}" if kind == "-tls" else "127.0.0.1:{port}")
    if kind == "-tls":
        text += _relay("front", "127.0.0.1:{port}", "abns@{id}.{port} ssl verify none")
    elif kind == "-tlsb" and server in ("", "queue"):
        text = text.replace("127.0.0.1:{s1}", "abns@{id}.{port}")
        text += _relay("back", "abns@{id}.{port} ssl crt {file:pem}", "127.0.0.1:{s1}")
    files = (("pem", bundle()),) if kind else ()
    return Template(text, defaults=DEFAULTS if mode == "http" else DEFAULTS_TCP, files=files)


ENDS: dict[str, Template] = {
    f"{mode}:{words}:{server}{kind}": template(mode, kind, lines, server)
    for mode, table in (("http", HTTP), ("tcp", TCP))
    for words, lines in table.items()
    for server in SERVERS
    for kind in KINDS
}
