"""The invariant of the configuration loader: any bytes give a configuration or faults, never an exception.

Run it alone for a long search: python -m tests.fuzz.fuzz_config [seconds] [seed]; a find is printed as a Python literal.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time

from haproxy_py.config import known
from haproxy_py.config.reader import load
from haproxy_py.config.registry import BIND_OPTIONS, SECTION_KEYWORDS, SERVER_OPTIONS
from haproxy_py.features import load as load_features

ENV = {"A": "1", "LIST": "a b c"}
PIECES = ["0", "1", "-1", "65536", "99999999999999999999", "10s", "1x", "64k", ":80", "*:80", "127.0.0.1:80", "[::1]:80", "a.b:80", "$A:80",
          "unix@/x", "fd@3", '"${LIST[*]}"', '"$A"', '"', "'", "\\", "\\x41", "#", "no", "default", "from", "{", "}", "on", "off", "é", "\0",
          "x", "if", "/", "roundrobin", "http", "tcp", "hdr(a)", "uri", "except", "header", "none", ""]  # fmt: skip
RULES = ["http-request deny if { path /x }", "http-request set-header a %[src]", "acl a path_beg /x", "use_backend b if a",
         "http-request return status 200", "http-response set-header X", "log global", "log 127.0.0.1 local0", "log-format %ci",
         "tcp-request content accept if { req.ssl_sni x }", "redirect scheme https", "http-check expect status 200",
         "http-check send meth GET uri /x", "tcp-request inspect-delay 5s", "bind :80 ssl crt /x alpn h2",
         "server s 1.2.3.4:80 ssl verify none sni str(x)", "option httpchk GET /"]  # fmt: skip
BRACES = ["%[", "%{", "{", "}", "if", "unless", "!", "-m", "-f", "%[src,map(/x)]", "%[" * 50, "(" * 30]
DIRECTIVES = [".if 1", ".if 0", ".if defined(A) &&", ".elif 1", ".else", ".endif", ".notice x", ".alert", ".foo"]


def check(body: bytes) -> None:
    """Load one text; the result is frozen and every fault can be written."""
    load_features()
    config, faults = load([], texts=[("fuzz", body)], env=ENV, strict=True)
    assert config.globals.frozen
    for fault in faults.found:
        str(fault).encode("utf-8", "surrogateescape")


def some_config(pick: random.Random) -> bytes:
    """A text of plausible lines with wrong things in them."""
    load_features()
    sections = sorted(known.words("sections"))
    keywords = sorted(SECTION_KEYWORDS.rows) + sorted(known.words("cfg-proxy-full"))
    options = sorted(BIND_OPTIONS.rows) + sorted(SERVER_OPTIONS.rows)
    lines = []
    for _ in range(pick.randrange(1, 30)):
        kind = pick.random()
        if kind < 0.2:
            words = [pick.choice(sections), pick.choice(["a", "b", "", "from", "a from b"])]
        elif kind < 0.25:
            words = [pick.choice(DIRECTIVES)]
        elif kind < 0.5:
            words = [pick.choice(["bind", "server s", "default-server", "server-template t 3", "stats socket"])]
            words += [pick.choice(PIECES), *(pick.choice(options + PIECES) for _ in range(pick.randrange(5)))]
        elif kind < 0.65:
            words = pick.choice(RULES).split(" ")
            words[pick.randrange(len(words))] = pick.choice(PIECES + BRACES)
        else:
            words = [pick.choice(["", "", "no ", "default "]) + pick.choice(keywords)]
            words += [pick.choice(PIECES) for _ in range(pick.randrange(5))]
        lines.append(" ".join(words))
    return "\n".join(lines).encode() + pick.choice([b"\n", b"\n", b"\r\n", b""])


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    load_features()
    end, count = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        while time.monotonic() < end:
            body = some_config(random.Random(seed + count))
            count += 1
            try:
                check(body)
            except Exception:
                print(f"seed {seed + count - 1}: {body!r}")
                raise
    print(f"{count} configurations from seed {seed}, no exception")


if __name__ == "__main__":
    main()
