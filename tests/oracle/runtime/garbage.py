"""Commands times words that nobody means: what test_runtime_garbage.py asks haproxy 2.8 and ours."""

from __future__ import annotations

CONFIG = """\
global
  stats socket {folder}/admin level admin
  stats timeout 5s
  nbthread 1
  maxconn 1000
resolvers rr
  nameserver n 127.0.0.1:9
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 30s
frontend f
  bind 127.0.0.1:{port} name door
  default_backend b
backend b
  server s1 127.0.0.1:9
  server s2 127.0.0.1:9 check inter 100s disabled weight 5
backend st
  balance static-rr
  server s1 127.0.0.1:9
"""
COMMANDS = [
    "abort ssl cert", "add acl", "add map", "add server", "clear counters", "clear map", "clear table", "commit ssl cert", "debug dev hash",
    "del acl", "del map", "del server", "del ssl cert", "disable agent", "disable dynamic-cookie backend", "disable frontend",
    "disable health", "disable server", "enable agent", "enable dynamic-cookie backend", "enable frontend", "enable health",
    "enable server", "get acl", "get map", "get var", "get weight", "new ssl cert", "operator", "prepare acl", "set anon off",
    "set anon on", "set dynamic-cookie-key backend", "set map", "set maxconn frontend", "set maxconn global", "set maxconn server",
    "set profiling", "set rate-limit", "set server", "set severity-output", "set table", "set timeout", "set weight", "show acl",
    "show anon", "show backend", "show cache", "show cli level", "show env", "show errors", "show map", "show peers", "show pools",
    "show resolvers", "show servers conn", "show servers state", "show table", "show tls-keys", "show trace", "shutdown frontend",
    "shutdown session", "shutdown sessions server", "user", "set server b/s1", "set server b/s1 state", "set server b/s1 addr",
    "set server b/s1 weight", "set server b/s1 health", "set server b/s1 agent", "set server b/s1 fqdn", "set server b/s1 ssl",
    "set server b/s2 check-addr", "set server b/s2 check-port", "set rate-limit sessions global", "set timeout cli",
    "set profiling tasks", "foo", "show", "set server b/s1 addr 127.0.0.1 port", "set server b/s2 check-addr 127.0.0.1 port",
]  # fmt: skip
WORDS = [
    "", "x", "b", "b/", "b/s1", "b/zz", "zz/s1", "/", "b/s1 x", "b/s1 on", "f", "zz", "0", "-1", "1", "99999999999999999999",
    "b/s1 99999999999999999999", "b/s1 -1", "b/s1 5 6", "f 99999999999", "f -1", "f x", '"', '"b/s1', '\\"', "b\\/s1", 'b/s1 ""',
    '""', '"" ""', "\u00e9", "b/\u00e9", "\\x41", "%", "$", "[", "a b c d e f g h i j", "#1", "#3", "#2/#1", "#3/#1", "#3x/s1",
    "#4294967299/#1", "b/s1 #", "*", "&", "<", "<< x", "; ;", "'", "b/s1\t", "?", "global", "global x", "global 1", "global 4294967297",
    "f 4294967297", "f 2147483648", "2147483648", "sessions global 1x", "sessions global 2147483648", "cli 5x", "cli 0", "on", "off",
    "all", "status 5", "dict x", "- x", "up", "-h", "--", "+5", "5x", "50%", "50%x", "400%", "65536",
]  # fmt: skip
ALONE = [
    "show profiling x", "show profiling all x", "show profiling memory", "show profiling -1", "show stat #2 4 -1",
    "show stat #9 4 -1", "show stat 0 0 0", "show stat x y z", "add server b/s1 127.0.0.1:9 foo", "add server b/n 127.0.0.1:9",
    "add server b/n 127.0.0.1:9", "add server b/m 127.0.0.1:9 id 1", "del server #3/n", "expert-mode x", "expert-mode on x", "experimental-mode",
    "SHOW INFO", "show  cli   level", "\tshow cli level", "show cli level\r", "show\tcli level", "quit x",
]  # fmt: skip
