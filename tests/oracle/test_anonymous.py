"""`set anon`, `show anon`, `anonkey` beside haproxy 2.8: the same names and addresses are hidden, in the same form."""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = """\
global
  stats socket {folder}/admin level admin
  stats socket {folder}/oper level operator
  stats socket {folder}/user level user
  anonkey 77
  nbthread 1
defaults
  timeout client 30s
  timeout server 30s
  timeout connect 30s
resolvers rr
  nameserver n 127.0.0.1:9
frontend front
  bind 127.0.0.1:{port} name door
  default_backend back
backend back
  server held 127.0.0.1:{origin}
backend others
  server v4 192.0.2.1:9 disabled
  server v6 [2001:db8::9]:9 disabled
  server mapped [::ffff:192.0.2.1]:9 disabled
  server any6 [::]:9 disabled
  server one6 [::1]:9 disabled
  server any 0.0.0.1:9 disabled
  server loop 127.9.9.9:9 disabled
  server all 255.255.255.255:9 disabled
  server most 255.255.255.254:9 disabled
  server file unix@/nowhere/sock disabled
  server named name.invalid:9 resolvers rr init-addr none disabled
"""
KEYED = "set anon on 12345;"
QUESTIONS = [
    "show anon", "set anon on 7;show anon", "set anon on;show anon", "set anon on 7;set anon off;show anon", "show anon x",
    "set anon on 7;set anon off 8;show anon", "set anon on x;show anon", "set anon on -1", "set anon on 0", "set anon on 4294967296",
    "set anon on 99999999999999999999999", "set anon on 4294967295;show anon", "set anon on 5x 9;show anon", 'set anon on "";show anon',
    "{user}set anon on 7;show anon", "{oper}set anon on 7;show anon", "{user}show anon", "{user}set anon global-key 5",
    "{oper}set anon global-key 5", "set anon on 010;show anon",
    "expert-mode on;set anon on 5;debug dev hash foo bar", "expert-mode on;debug dev hash foo", "expert-mode on;set anon on 5;debug dev hash",
    KEYED + "show servers conn", "show servers conn", KEYED + "show servers state", "show servers state",
    KEYED + "show servers state others", KEYED + "show servers state 15ab0f", KEYED + "show sess", "show sess",
    KEYED + "show backend", KEYED + "show sess all",
]  # fmt: skip
LEVEL = re.compile(r"\{(user|oper)\}")
HEADER = re.compile(r"# bkname.*\n")
SESSION = re.compile(r"(?:src=|fe=|be=|srv=|source=|frontend=|backend=|server=|addr=)\S+")


@contextlib.contextmanager
def held(port: int, listener: socket.socket) -> Iterator[int]:
    """A session that goes on; its client's port."""
    with socket.create_connection(("127.0.0.1", port), 20, ("127.0.0.3", 0)) as sock:
        accepted, _ = listener.accept()
        with accepted:
            yield int(sock.getsockname()[1])


def seen(product: Product) -> list[object]:
    """The answers, without what has nothing to do with names."""
    with tempfile.TemporaryDirectory(prefix="anon-") as folder, Reservation() as ports, socket.create_server(("127.0.0.1", 0)) as listener:
        port, origin = ports.take(), listener.getsockname()[1]
        with product.start(CONFIG.format(folder=folder, port=port, origin=origin), [port]), held(port, listener) as client:
            found: list[object] = []
            for line in QUESTIONS:
                level = LEVEL.match(line)
                said = ask(Path(folder, level[1] if level else "admin"), LEVEL.sub("", line)).decode()
                for number, word in ((client, "CLIENT"), (origin, "ORIGIN"), (port, "PORT")):
                    said = re.sub(rf"\b{number}\b", word, said)
                found.append(telling(line, said))
    return found


def telling(line: str, said: str) -> object:
    """What of an answer is compared."""
    if "show sess" in line:
        words = (found.rstrip(",") for found in SESSION.findall(said))
        told = [word for word in words if not word.startswith(("src=unix", "source=unix", "addr=unix"))]
        return sorted(set(told)) if not line.endswith("all") else [word for word in told if word.startswith(("frontend", "source"))][:2]
    if "servers state" in line:
        return [words[:1] + words[1:5] + words[17:19] for words in map(str.split, said.split("\n")) if len(words) > 18]
    if "servers conn" in line:
        return [words[:4] for words in map(str.split, said.split("\n")) if len(words) > 4]
    return HEADER.sub("", said).rstrip("\n")


def test_the_same_is_hidden() -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(seen, (haproxy28(), pyhaproxy()))
    assert dict(zip(QUESTIONS, ours, strict=True)) == dict(zip(QUESTIONS, theirs, strict=True))


@pytest.mark.parametrize("words", ["", "x", "-1", "0", "1 2", "4294967296", "5x"])
def test_the_same_is_said_of_anonkey(words: str) -> None:
    text = f"global\n  anonkey {words}\nfrontend f\n  bind 127.0.0.1:1\n  timeout client 1s\n"
    theirs, ours = ([line for line in product.check(text).stderr.split("\n") if "haproxy.cfg:2" in line] for product in (haproxy28(), pyhaproxy()))
    assert [re.sub(r"\(\d+\)", "", line) for line in ours] == [re.sub(r"\(\d+\)", "", line) for line in theirs]
