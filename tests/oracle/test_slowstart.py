"""slowstart over time, beside the real haproxy: the same weights and shares at the same progress, with changes on the way.

The two programs run at the same time, and each gets its commands at its own progress, so nothing here depends on the machine's speed.
"""

from __future__ import annotations

import csv
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_agent_states import Mouth
from tests.oracle.test_server_life import Farm, compare, farm

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
PATIENCE_SECONDS = 60.0
DELAY = 4  # seconds of slowstart
LINE = f"127.0.0.1:1 weight 100 slowstart {DELAY}s"
SERVERS = "".join(f" server {name} {LINE} maxconn 100\n" for name in ("s", "w", "z", "m", "dr"))
SERVERS += f" server ag {LINE} agent-check agent-inter 100ms agent-port {{agent}}\n"
ALGORITHMS = {
    "lc": "leastconn",
    "st": "static-rr",
    "ur": "uri\n hash-type consistent",
    "so": "source",
    "ra": "random",
    "fi": "first",
}
SERVERS += "".join(
    f"backend {name}\n balance {algorithm}\n server s {LINE}\n" for name, algorithm in ALGORITHMS.items()
)
NAMES = [f"b/{name}" for name in ("s", "w", "z", "m", "dr", "ag")] + [f"{name}/s" for name in ALGORITHMS]
HALFWAY = (
    "set server b/w weight 40",
    "set server b/z weight 0",
    "set server b/m state ready",
    "set server b/dr state drain",
)
LATER = ("set server b/z weight 100", "set server b/dr state ready")
FLAT = ("st/s", "so/s")  # static algorithms: the weight is whole at once, only maxconn grows
Sample = tuple[str, int, int, str]  # operational state, weight, the user's, throttle
WHOLE = [("2", weight, weight, "") for weight in (100, 40, 50)]


def sampled(made: Farm) -> dict[str, Sample]:
    """All servers now, twice looked at so that statistics and states belong together."""
    while True:
        before = {f"{line[0]}/{line[2]}": line[4] for line in made.states(0)}
        found = csv.DictReader(made.ask("show stat").removeprefix("# ").splitlines())
        rows = {f"{row['pxname']}/{row['svname']}": row for row in found if row["type"] == "2"}
        if before == {f"{line[0]}/{line[2]}": line[4] for line in made.states(0)}:
            return {
                name: (before[name], int(row["weight"]), int(row["uweight"]), row["throttle"])
                for name, row in rows.items()
            }


def progress(sample: Sample) -> int:
    return int(sample[3]) if sample[0] == "1" and sample[3] else 100 if sample[0] == "2" else 0


class Story:
    """One program's slowstart from the start to the end. seen: every server's different samples, in their order."""

    def __init__(self, made: Farm, agent: Mouth) -> None:
        self.made = made
        self.agent = agent
        self.seen: dict[str, list[Sample]] = {name: [] for name in NAMES}
        self.orders = [(50, HALFWAY), (75, LATER)]

    def play(self) -> dict[str, list[Sample]]:
        for name in NAMES:
            self.made.ask(f"set server {name} health down")
        self.agent.heard()
        for name in NAMES:
            self.made.ask(f"set server {name} health up")
        self.made.ask("set server b/m state maint")
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.look():
            assert time.monotonic() < end, self.seen
            time.sleep(0.05)
        return self.seen

    def look(self) -> bool:
        """One sample; the orders that are due. Returns whether all is over."""
        now = sampled(self.made)
        for name, sample in now.items():
            if self.seen[name][-1:] != [sample]:
                self.seen[name].append(sample)
        if self.orders and progress(now["b/s"]) >= self.orders[0][0]:
            for order in self.orders.pop(0)[1]:
                self.made.ask(order)
            self.agent.line = b"up 50%\n"
        return not self.orders and all(now[name][0] == "2" for name in NAMES) and now["b/ag"][1] == 50


def told(product: Product, folder: Path, front: int) -> tuple[dict[str, list[Sample]], list[str]]:
    agent = Mouth()
    try:
        with farm(product, folder, SERVERS, {"front": front, "agent": agent.port}) as made:
            return Story(made, agent).play(), [line for line in made.said() if " is UP. " in line or "drain" in line]
    finally:
        agent.close()


def steps(weight: int, flat: bool) -> list[Sample]:
    """What slowstart allows: a sixteenth at first, more with every second."""
    shares = [(16 * second + DELAY) // DELAY for second in range(DELAY)]
    return (
        [("1", weight, weight, "100")]
        if flat
        else [("1", -(-weight * s // 16), weight, str(100 * s // 16)) for s in shares]
    )


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_the_same_way_up(oracle: Product, tmp_path: Path) -> None:
    """Only steps of the way are seen, in order, and both programs come to the same end with the same words."""
    with Reservation() as ports, ThreadPoolExecutor() as pool:
        futures = [pool.submit(told, each, tmp_path / each.name, ports.take()) for each in (oracle, pyhaproxy())]
        (theirs, their_words), (ours, our_words) = (future.result() for future in futures)
    for who, story in ((oracle, theirs), (pyhaproxy(), ours)):
        for name, samples in story.items():
            growing = [one for one in samples if one[0] == "1" and one[3]]
            allowed = [step for weight in (100, 40, 50) for step in steps(weight, name in FLAT)]
            assert set(growing) <= set(allowed), name
            shares = [int(one[3]) for one in growing]
            assert samples[-1] in WHOLE and (shares == sorted(shares) or begins_anew(who, name)), (name, samples)
    assert {name: samples[-1] for name, samples in ours.items()} == {
        name: samples[-1] for name, samples in theirs.items()
    }
    assert [name for name in NAMES if not any(one[0] == "1" for one in ours[name])] == []
    compare(oracle, sorted(map(counted, our_words)), sorted(map(counted, their_words)))


def begins_anew(oracle: Product, name: str) -> bool:
    """2.6 begins slowstart again when a drain begins or ends; 2.8, and we, go on."""
    return name == "b/dr" and "2.6" in oracle.name


def counted(line: str) -> str:
    """A sentence without the numbers of servers: who is up first is a matter of milliseconds."""
    return line.split(". ")[0]
