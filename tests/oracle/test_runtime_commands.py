"""The same commands on the runtime socket of the real haproxy and on ours: the same answers.

Final line ends are not compared: haproxy 2.6 leaves the empty line behind some messages out, newer ones do not. Where 2.6
answers otherwise than 2.8, NEWER has what 2.8 says (or a pattern of it).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask, talk
from tests.oracle.runtime.cases import CASES, TALKS

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = (Path(__file__).parent / "runtime/config.cfg").read_text()
LEVELS = re.compile(r"\{(user|oper)\}")
DATE = re.compile(rb"\[\d\d/\w{3}/\d{4}:[\d:.]+\]")
POOL_WORDS = rb"Expects either 'byname', 'bysize', 'byusage', .*'match <pfx>', or a max number of output lines\."
NEWER: dict[tuple[str, str], bytes] = {
    ("lines", ""): rb"",
    ("lines", ";;"): rb"",
    ("lines", "show cli level;"): rb"admin",
    ("lines", ";show cli level"): rb"\nadmin",
    ("lists", "show fd x"): rb"Invalid FD type",
    ("lists", "show pools foo"): POOL_WORDS,
    # ours tells connections as they are now, haproxy also an estimate of what was needed: a check has used one
    ("lists", "show servers conn"): rb"# bkname/svname .*\nb/s1 3/1 \S+ \d+ - 5000 0 0 0 0 0 -1 0 0\n(?s:.*)",
    ("lists", "show servers conn b"): rb"# bkname/svname .*\nb/s1 3/1 \S+ \d+ - 5000 0 0 0 0 0 -1 0 0\n(?s:.*)",
    ("dynamic servers", "show servers conn b"): rb"# bkname/svname .*\nb/s1 3/1 \S+ \d+ - 5000 0 0 0 0 0 -1 0 0\n(?s:.*)",
}
NEWER_TALKS: dict[str, list[bytes]] = {
    "prompt": [b"\n> ", b"admin\n\n> ", b"\n> ", b"admin\n\n> 10 (initial 10)\n\n> ", b"\n", b"<end>"],
    "too long": [
        b"The command is too big for the buffer size. Please change tune.bufsize in the configuration to use a bigger command.\n\n",
        b"<end>",
    ],
}
Answers = dict[tuple[str, str, int], bytes]


@contextlib.contextmanager
def served(product: Product) -> Iterator[Path]:
    """A running product; the folder of its sockets."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, Reservation() as ports:
        port = ports.take()
        with product.start(CONFIG.replace("{folder}", folder).replace("{port}", str(port)), [port]):
            end = time.monotonic() + 10
            while True:
                try:
                    ask(f"{folder}/admin", "show cli level")
                    break
                except OSError:
                    assert time.monotonic() < end, "nobody serves the runtime socket"
                    time.sleep(0.02)
            yield Path(folder)


def answers(product: Product) -> tuple[Answers, dict[str, list[bytes]]]:
    """Every case, in order, on one process: talks first, they change nothing."""
    found: Answers = {}
    with served(product) as folder:
        talks = {name: talk(folder / "admin", pieces) for name, pieces in TALKS.items()}
        for case, lines in CASES.items():
            for number, line in enumerate(lines):
                level = LEVELS.match(line)
                socket = folder / (level[1] if level else "admin")
                said = ask(socket, LEVELS.sub("", line, count=1)).replace(str(folder).encode(), b"DIR")
                found[case, line, number] = DATE.sub(b"[DATE]", said).rstrip(b"\n")
    return found, talks


@pytest.fixture(scope="module")
def both() -> tuple[tuple[Answers, dict[str, list[bytes]]], tuple[Answers, dict[str, list[bytes]]]]:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(answers, (haproxy26(), pyhaproxy()))
    return theirs, ours


@pytest.mark.parametrize("case", CASES)
def test_the_same_answers(
    both: tuple[tuple[Answers, dict[str, list[bytes]]], tuple[Answers, dict[str, list[bytes]]]], case: str
) -> None:
    (theirs, _), (ours, _) = both
    wrong = []
    for (name, line, number), said in ours.items():
        if name != case:
            continue
        newer = NEWER.get((case, line))
        same = re.fullmatch(newer, said) if newer is not None else said == theirs[name, line, number]
        if not same:
            wrong.append((line, theirs[name, line, number][:300], said[:300]))
    assert not wrong


@pytest.mark.parametrize("name", TALKS)
def test_the_same_talk(
    both: tuple[tuple[Answers, dict[str, list[bytes]]], tuple[Answers, dict[str, list[bytes]]]], name: str
) -> None:
    (_, theirs), (_, ours) = both
    assert ours[name] == NEWER_TALKS.get(name, theirs[name])
