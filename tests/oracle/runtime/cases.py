"""The table: name -> lines sent one after the other to a fresh process, each in a connection of its own.

A line may hold several commands (;) and, with real line ends in it, several lines. `{user}` and `{oper}` at its beginning
choose the socket of that level; else it is the one of level admin.
"""

from __future__ import annotations

B = "set server b/s1"

CASES: dict[str, list[str]] = {
    "levels": [
        "show cli level", "{user}show cli level", "{oper}show cli level", "user;show cli level", "operator;show cli level",
        "user;operator;show cli level", "{user}operator", "{user}disable server b/s1", "{oper}disable server b/s1",
        "{oper}clear counters", "{oper}clear counters all", "{user}clear counters", "{oper}set maxconn global 5",
        "{user}show env", "{user}show sess", "{user}show errors", "{user}get weight b/s1", "{user}set server b/s1 weight 3",
        "{oper}shutdown session 0x1", "{oper}shutdown sessions server b/s1", "{oper}shutdown frontend f", "{user}expert-mode on",
        "{oper}set weight b/s1 3", "{oper}add server b/n 127.0.0.1:1", "{oper}enable frontend f", "{user}show startup-logs",
    ],
    "lines": [
        "", ";;", "show cli level;show cli level", "show cli level;", ";show cli level", "show  cli\t level", "show cli level\r",
        "show cli level\nshow cli level", "get weight b\\/s1", "get weight b/s1\\;x", "get weight b\\ x/s1", "quit", "quit;show cli level",
        "get weight b/s1 <<\nx\ny\n\n", "get weight b/s1 <<\n\nshow cli level", "get weight b/s1 " + "x " * 100,
    ],
    "severity": [
        "set severity-output number;get weight", "set severity-output string;get weight", "set severity-output none;get weight",
        "set severity-output", "set severity-output x", "set severity-output number;set server b/s1 addr 127.0.0.3",
        "set severity-output string;set server b/s1 weight 9",
        "set severity-output number;get weight b/s1",
    ],
    "modes": [
        "expert-mode", "expert-mode on;expert-mode", "expert-mode on;expert-mode off;expert-mode", "experimental-mode",
        "experimental-mode on;experimental-mode",
    ],
    "weights": [
        "get weight", "get weight b", "get weight b/", "get weight x/s1", "get weight b/x", "get weight b/s1", "get weight b/s2",
        f"{B} weight", f"{B} weight 300", f"{B} weight -1", f"{B} weight abc", f"{B} weight 5x", f"{B} weight 50%",
        "get weight b/s1", f"{B} weight 1000%", "get weight b/s1", f"{B} weight 100%", "get weight b/s1", f"{B} weight 0",
        "get weight b/s1", "set weight b/s1", "set weight b/s1 20", "get weight b/s1", "set weight c/t1 20", "set weight c/t1 0",
        "set weight c/t1 100%", "get weight c/t1", "set weight b/s1 256", "set weight b/s1 257", "set weight b/s1 -5%",
    ],
    "states": [
        B, f"{B} foo", f"{B} state", f"{B} state foo", f"{B} state maint", f"{B} state maint", f"{B} state drain", f"{B} state ready",
        "set server b", "set server", "set server b/x state ready", "set server x/y state ready", "disable server", "disable server b/s1",
        "enable server b/s1", "enable server b/s2", "disable server b/x", f"{B} health", f"{B} health foo", f"{B} health down",
        f"{B} health up", f"{B} health stopping", "enable health b/s1", "disable health b/s1", "enable health b/s3",
        "disable health b/s3", "enable agent b/s1", "disable agent b/s1", f"{B} agent up", f"{B} agent foo", f"{B} agent-addr 1.2.3.4",
        f"{B} agent-send foo", "set server b/s3 check-port 3", f"{B} check-port foo", f"{B} fqdn foo", f"{B} ssl on", f"{B} ssl",
    ],
    "addresses": [
        f"{B} addr", f"{B} addr 127.0.0.9", f"{B} addr 127.0.0.9 port 99", f"{B} addr 127.0.0.9 port 99", f"{B} addr foo",
        f"{B} addr 127.0.0.9 bar 3", f"{B} addr 127.0.0.1 port 98", f"{B} addr 127.0.0.1 port +5", f"{B} addr ::1", f"{B} addr 127.0.0.1",
    ],
    "frontends": [
        "disable frontend", "disable frontend x", "disable frontend f", "disable frontend f", "enable frontend f", "enable frontend f",
        "enable frontend", "enable frontend x", "set maxconn frontend", "set maxconn frontend x 3", "set maxconn frontend f",
        "set maxconn frontend f abc", "set maxconn frontend f -1", "set maxconn frontend f 100", "shutdown frontend",
        "shutdown frontend x", "shutdown frontend f", "shutdown frontend f", "disable frontend f", "enable frontend f",
    ],
    "limits": [
        "set maxconn global", "set maxconn global 10", "set maxconn global 100000000", "set maxconn global x", "set maxconn server b/s1",
        "set maxconn server b/s1 x", "set maxconn server b/s1 10", "set maxconn server b/s1 10x", "set maxconn server x/y 3",
        "set rate-limit", "set rate-limit connections", "set rate-limit connections global", "set rate-limit connections global 0",
        "set rate-limit sessions global 0", "set rate-limit ssl-sessions global 0", "set rate-limit http-compression global 0",
        "set rate-limit connections global 5x", "set rate-limit sessions global -3", "set rate-limit sessions global 100000",
        "set rate-limit ssl-sessions global 9", "set rate-limit http-compression global 5", "set rate-limit http-compression global x",
        "set rate-limit http-compression global", "set rate-limit connections global 0",
        "set rate-limit foo", "set rate-limit connections foo", "set timeout", "set timeout cli", "set timeout cli 10s",
        "set timeout cli foo", "set timeout cli 0", "set timeout foo", "clear counters", "clear counters all", "clear counters foo",
    ],
    "sessions": [
        "shutdown session", "shutdown session 0x123", "shutdown sessions server b/s1", "shutdown sessions server",
        "shutdown sessions server x/y", "show sess 0x1",
    ],
    "lists": [
        "show backend", "show cli sockets", "show env HOME", "show env NOPE_X", "show table", "show map", "show peers", "show cache",
        "show tls-keys", "show servers conn x", "show errors x", "show fd x",
        "show pools foo", "show startup-logs", "show servers conn", "show servers conn b", "show stat x 1 1", "show errors",
    ],
    "variables": [
        "get var", "get var foo", "get var proc.nope", "set var proc.x int(3)", "experimental-mode on;set var",
        "experimental-mode on;set var proc.x expr int(3);get var proc.x", "get var proc.x",
        "experimental-mode on;set var proc.y fmt %[int(3)]x;get var proc.y", "experimental-mode on;set var txn.y expr int(3)",
        "experimental-mode on;set var proc.z expr foo", "{oper}get var proc.x", "{user}get var proc.x",
    ],
    "cookies": [
        "enable dynamic-cookie backend b", "disable dynamic-cookie backend x", "set dynamic-cookie-key backend b foo",
        "set dynamic-cookie-key backend b", "disable dynamic-cookie backend b", "enable dynamic-cookie backend",
    ],
    "dynamic servers": [
        "add server", "add server b", "add server b/n", "add server x/n 127.0.0.1:1", "add server b/s1 127.0.0.1:1",
        "add server c/n 127.0.0.1:1", "add server b/n 127.0.0.1:1 weight 5", "get weight b/n", "add server b/n 127.0.0.1:1",
        "add server b/n3 127.0.0.1:1 foo", "add server b/n4 127.0.0.1:1 check inter 1h weight 5 id 77",
        "add server b/n6 127.0.0.1:1 id 77", "add server b/n7 127.0.0.1:1 init-addr none", "add server b/n8 127.0.0.1:1 redir foo",
        "add server b/n9 127.0.0.1:x", "add server b/d$15 127.0.0.1:1", "enable server b/n", "del server b/n", "disable server b/n",
        "del server b/n", "del server b/n", "del server", "del server x/y", "del server b/s1", "get weight b/n4", "del server b/n4",
        "show servers conn b", "add server b/n 127.0.0.1:1", "add server b/n10 127.0.0.1:1 weight 1000",
    ],
}  # fmt: skip

TALKS: dict[str, list[bytes]] = {
    "prompt": [b"prompt\n", b"show cli level\n", b"\n", b"show cli level;get weight b/s1\n", b"prompt\n"],
    "prompt in one line": [b"prompt;show cli level\n", b"quit\n"],
    "payload with prompt": [b"prompt\n", b"get weight b/s1 <<\n", b"a\n", b"b;c\n", b"\n", b"show cli level\n", b"quit\n"],
    "severity with prompt": [b"prompt\n", b"set severity-output number\n", b"get weight\n", b"quit\n"],
    "quit with words": [b"prompt\n", b"quit now\n"],
    "no line end": [b"show cli level"],
    "one line only": [b"show cli level\n", b"show cli level\n"],
    "too long": [b"x" * 20000 + b"\n"],
    "levels only go down": [b"prompt\n", b"operator\n", b"show cli level\n", b"user\n", b"operator\n", b"disable server b/s1\n"],
}
