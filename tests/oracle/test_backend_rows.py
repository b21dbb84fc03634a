"""Weights of whole backends while active and backup servers come and go, and what first checks count, beside the real haproxy."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_server_life import Farm, farm, listening

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
SERVERS = """ server a1 127.0.0.1:{up} weight 10
 server a2 127.0.0.1:{up} weight 20
 server b1 127.0.0.1:{up} weight 3 backup
 server b2 127.0.0.1:{up} weight 5 backup
 server b3 127.0.0.1:{up} weight 7 backup
backend c
 option allbackups
 server a1 127.0.0.1:{up} weight 10
 server b1 127.0.0.1:{up} weight 3 backup
 server b2 127.0.0.1:{up} weight 5 backup
backend d
 server b1 127.0.0.1:{up} weight 3 backup
 server b2 127.0.0.1:{up} weight 5 backup
"""
STEPS = """b/a1 state maint
b/a2 weight 50%
b/a2 state drain
b/b1 weight 9
b/b1 state maint
b/b2 weight 0
b/b2 state drain
b/b3 state maint
b/b1 state ready
b/a2 state ready
b/a2 weight 0
b/a1 state ready
c/a1 weight 0
c/a1 state maint
c/b1 state drain
c/b2 weight 8
c/b1 state ready
c/a1 state ready
d/b1 weight 0
d/b1 state maint
d/b2 state drain
d/b1 state ready""".split("\n")
COLUMNS = ("weight", "act", "bck", "status")
CHECKED = """ server up 127.0.0.1:{up} check inter 1h rise 2 fall 3
 server down 127.0.0.1:{closed} check inter 1h rise 2 fall 3
 server down1 127.0.0.1:{closed} check inter 1h rise 1 fall 1
 server spare 127.0.0.1:{closed} check inter 1h backup
 server off 127.0.0.1:{closed} check inter 1h disabled
 server none 127.0.0.1:{closed}
 server t 127.0.0.1:{up} track down
backend c
 server d1 127.0.0.1:{closed} check inter 1h
 server d2 127.0.0.1:{closed} check inter 1h
backend d
 server d1 127.0.0.1:{closed} track b/down
"""
COUNTS = ("status", "weight", "act", "bck", "chkfail", "chkdown", "check_status", "check_health", "check_rise", "check_fall")


def rows(made: Farm, columns: tuple[str, ...], kind: tuple[str, ...] = ("1",)) -> list[list[str]]:
    """Columns of all backends; kind "2": of servers. A column that this version lacks is empty."""
    told = csv.DictReader(made.ask("show stat").removeprefix("# ").splitlines())
    return [[row["pxname"], row["svname"], *(row.get(name, "") for name in columns)] for row in told if row["type"] in kind]


def weighed(product: Product, folder: Path, ports: dict[str, int], columns: tuple[str, ...]) -> list[object]:
    """What every step leads to."""
    with farm(product, folder, SERVERS, ports) as made:
        found: list[object] = [rows(made, columns)]
        for line in STEPS:
            made.ask(f"set server {line}")
            found.append((line, rows(made, columns)))
        return found


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_weights_of_backends(oracle: Product, tmp_path: Path) -> None:
    """Without allbackups the first backup alone counts while no active server is usable."""
    columns = COLUMNS if "2.6" in oracle.name else (*COLUMNS, "uweight")
    with Reservation() as held:
        ports = {"front": held.take(), "up": held.take()}
        theirs, ours = (weighed(each, tmp_path / each.name, ports, columns) for each in (oracle, pyhaproxy()))
    assert ours == theirs


def counted(product: Product, folder: Path, ports: dict[str, int]) -> list[list[str]]:
    """The counters when every first check has come to its end."""
    with farm(product, folder, CHECKED, ports, more_global=" max-spread-checks 20") as made:
        end = time.monotonic() + 30
        while True:
            found = rows(made, COUNTS, ("1", "2"))
            states = [words[2 + COUNTS.index("check_status")] for words in found]
            if not any(state == "INI" or state.startswith("*") for state in states):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.02)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_first_checks(oracle: Product, tmp_path: Path) -> None:
    """chkfail and chkdown of servers and backends whose first checks fail."""
    with Reservation() as held, listening(up := held.take()):
        ports = {"front": held.take(), "up": up, "closed": held.take()}
        theirs, ours = (counted(each, tmp_path / each.name, ports) for each in (oracle, pyhaproxy()))
    assert ours == theirs
