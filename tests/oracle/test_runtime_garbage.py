"""Every runtime command with words that nobody means, beside haproxy 2.8: the same complaints, and nothing breaks.

What is not built yet here is left out, as are lists of near misses of an unknown command.
"""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask
from tests.oracle.runtime.garbage import ALONE, COMMANDS, CONFIG, WORDS

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

LATER = b"is known to HAProxy, not supported yet"
CHANGING = re.compile(rb"(?<=\[)\d\d/\w{3}/\d{4}:[\d:.]+(?=\])|0x[0-9a-f]+")
SINCE = re.compile(rb"^(\d+ \S+ \d+ \S+ \S+ \d \d+ \d+ \d+) \d+", re.MULTILINE)
LISTS = ("show pools", "show env")
OURS = ("show trace", "show trace ; ;")  # there are no sources
OURS_REFUSES = {  # haproxy takes these: -1 as no limit at all
    f"set maxconn global {word}" for word in ("-1", "99999999999999999999", "2147483648", "global -1")
}  # fmt: skip
OUR_ADDRESSES = re.compile(r"add server b/s1 (?:#|\"\"|5x?|99999999999999999999)")  # names of hosts there, never looked up


def asked() -> list[str]:
    """Every line, in the order in which it is asked."""
    return [f"{name} {words}".rstrip(" ") for name in COMMANDS for words in WORDS] + ALONE


def answers(product: Product) -> dict[str, bytes]:
    """What is said to each line, each on a connection of its own."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="gb-") as folder, Reservation() as ports:
        port = ports.take()
        with product.start(CONFIG.format(folder=folder, port=port), [port]) as running:
            for line in asked():
                said = ask(Path(folder, "admin"), line).rstrip(b"\n")
                said = said.replace(str(running.folder).encode(), b"DIR").replace(folder.encode(), b"DIR")
                found[line] = b"unknown" if b"Unknown command" in said else SINCE.sub(rb"\1 -", CHANGING.sub(b"-", said))
    return found


def test_the_same_complaints() -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(answers, (haproxy28(), pyhaproxy()))
    wrong = [
        (line, theirs[line][:200], said[:200])
        for line, said in ours.items()
        if said != theirs[line] and LATER not in said and not line.startswith(LISTS) and line not in (*OURS, *OURS_REFUSES) and not OUR_ADDRESSES.match(line)
    ]
    assert not wrong, f"{len(wrong)} of {len(ours)} differ"
