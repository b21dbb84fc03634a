"""State files in both directions: everything the runtime socket and agents can change, written by one product and read by the other;
and files that are cut off, garbled, huge or of another time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from backends.state_file import HEADER
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_agent_states import Mouth
from tests.oracle.test_server_life import Farm, compare, farm, listening

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
SAYINGS = {"ag": b"50%\n", "agd": b"drain\n", "agm": b"maint\n", "agx": b"75% down\n"}
CHECKED = "check inter 1h"
SERVERS = f""" server ag 127.0.0.1:{{up}} weight 40 agent-check agent-inter {{inter}} agent-port {{ag}}
 server agd 127.0.0.1:{{up}} weight 40 agent-check agent-inter {{inter}} agent-port {{agd}}
 server agm 127.0.0.1:{{up}} weight 40 agent-check agent-inter {{inter}} agent-port {{agm}}
 server agx 127.0.0.1:{{up}} weight 40 {CHECKED} agent-check agent-inter {{inter}} agent-port {{agx}}
 server fm 127.0.0.1:{{up}} {CHECKED}
 server fd 127.0.0.1:{{up}} {CHECKED}
 server fmd 127.0.0.1:{{up}} {CHECKED}
 server fmn 127.0.0.1:{{up}}
 server fdn 127.0.0.1:{{up}}
 server hd 127.0.0.1:{{up}} {CHECKED} rise 3 fall 4
 server hs 127.0.0.1:{{up}} {CHECKED} rise 3 fall 4
 server hs1 127.0.0.1:{{up}} {CHECKED} rise 3 fall 1
 server hdn 127.0.0.1:{{up}}
 server hsn 127.0.0.1:{{up}}
 server dis 127.0.0.1:{{up}} disabled {CHECKED}
 server disr 127.0.0.1:{{up}} disabled {CHECKED}
 server disn 127.0.0.1:{{up}} disabled
 server ad 127.0.0.1:{{up}} {CHECKED}
 server adn 127.0.0.1:{{up}}
 server adm 127.0.0.1
 server adc 127.0.0.1:{{up}} {CHECKED} port {{up}} addr 127.0.0.1
 server fq x.invalid:{{up}} init-addr last,127.0.0.3 resolvers r
 server fqm x.invalid:{{up}} init-addr last,none resolvers r
 server fqs x.invalid:{{up}} init-addr last,127.0.0.3
 server w0 127.0.0.1:{{up}} weight 10
 server w1 127.0.0.1:{{up}} weight 10
 server wd 127.0.0.1:{{up}} weight 0
 server wb 127.0.0.1:{{up}} weight 10 backup
 server ca 127.0.0.1:{{up}} {CHECKED} agent-check agent-inter 1h agent-port {{closed}}
 server dh 127.0.0.1:{{up}} {CHECKED}
 server da 127.0.0.1:{{up}} {CHECKED} agent-check agent-inter 1h agent-port {{closed}}
 server t1 127.0.0.1:{{up}} track hd
 server t2 127.0.0.1:{{up}} track fm
 server t3 127.0.0.1:{{up}} track fd
 server t4 127.0.0.1:{{up}} track hs
 server tm 127.0.0.1:{{up}} track fm
 server i5 127.0.0.1:{{up}} id 555
 server ssl1 127.0.0.1:{{up}} ssl verify none
 server un unix@/nowhere
 server mc 127.0.0.1:{{up}} maxconn 5
resolvers r
 nameserver n 127.0.0.1:{{dns}}
 hold timeout 1h
 hold nx 1h
 timeout retry 100s
 timeout resolve 100s
"""
SCRIPT = """fm state maint
fd state drain
fmd state drain
fmd state maint
fmn state maint
fdn state drain
hd health down
hs health stopping
hs1 health stopping
hdn health down
hsn health stopping
disr state ready
ad addr 127.0.0.5 port 99
adn addr 127.0.0.6
adm addr 127.0.0.6
adc addr 127.0.0.6 port 88
fq fqdn y.invalid
fqm fqdn y.invalid
fqs addr 127.0.0.9
w0 weight 0
w1 weight 50%
wd weight 7
wb weight 100
ca check-addr 127.0.0.7
ca check-port 77
ca agent-addr 127.0.0.8
ca agent-port 88
tm state maint
i5 state maint
ssl1 ssl off
un state drain""".split("\n")
COMMANDS = [f"set server b/{line}" for line in SCRIPT] + ["disable health b/dh", "disable agent b/da", "set maxconn server b/mc 9"]
SINCE, STATUS, RESULT, CHECK, AGENT = 9, 10, 11, 13, 14
CHECKING, PASSED = "6", "6"  # srv_check_state: configured and enabled; srv_check_status: L4OK
HEAD = """global
 server-state-base {folder}
 server-state-file all
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 1s
 load-server-state-from-file {kind}
{backends}
"""
TWO = """backend b
 server s1 127.0.0.1:1 check
 server s2 127.0.0.1:1
backend c
 server s1 127.0.0.1:1
 server s2 127.0.0.1:1 disabled
"""
GOOD = "3 b 1 s1 127.0.0.1 0 0 1 1 100 8 2 0 6 0 0 0 - 1 - 0 0 - - 0"
BEGIN = f"1\n{HEADER}\n"


def row(**changed: str) -> str:
    """GOOD with other fields."""
    words = dict(zip(HEADER[2:].split(), GOOD.split(), strict=True)) | changed
    return " ".join(words.values())


def fields(count: int) -> str:
    return " ".join((GOOD + " more" * 20).split()[:count])


FILES = [  # files whose lines are about the backend b
    "1", "1\n", f"2\n{GOOD}\n", f"1x\n{GOOD}\n", f"1 \n{GOOD}\n", f" +01\n{GOOD}\n", f"1\r\n{GOOD}\r\n", f"\n1\n{GOOD}\n", f"{HEADER}\n{GOOD}\n",
    f"1.0\n{GOOD}\n", f"{'0' * 30}1\n{GOOD}\n",
    BEGIN + GOOD, BEGIN + GOOD + "\n3 c 1 s1 127", f"{BEGIN}{GOOD}\ngarbage\n{row(srv_name='s2')}\n", f"{BEGIN}\n  \n # x\n# y\n  {GOOD}\n",
    BEGIN + GOOD.replace(" ", "\t  ") + "\n", BEGIN + GOOD.replace(" ", "\v") + "\n", f"{BEGIN}{GOOD[:9]}\0{GOOD[9:]}\n", f"{BEGIN}\x01\x02\xff\n{GOOD}\n",
    f"{BEGIN}{GOOD}\n{row(srv_op_state='2', srv_admin_state='1')}\n", f"1\n# other words\n{GOOD}\n", f"{BEGIN}{GOOD}\r\n",
    *(f"{BEGIN}{fields(count)}\n" for count in (17, 18, 19, 20, 21, 24, 26, 40)), *(f"{BEGIN}{GOOD} {'x' * (size - len(GOOD) - 1)}\n" for size in (1997, 1998, 1999, 30000)),
    *(f"{BEGIN}{row(**changed)}\n" for changed in (
        {"be_name": "nosuch"}, {"be_name": "nosuch", "be_id": "1"}, {"srv_name": "nosuch"}, {"be_id": "9"}, {"be_id": "x"}, {"srv_id": "7"}, {"srv_id": "x"}, {"srv_name": "n" * 3000})),
    BEGIN + "".join(row(srv_name=f"x{i}") + "\n" for i in range(2000)) + GOOD + "\n",
]  # fmt: skip
ODD = {
    "srv_op_state": "3 4 -1 x 2x 99999999999", "srv_admin_state": "1 2 4 8 9 16 24 32 40 64 73 96 127 128 -1 x", "srv_uweight": "256 257 x -1 +1 0x1 1.5", "srv_iweight": "256 257 x",
    "srv_time_since_last_change": "x -1 99999999999 2147483648 -99999999999", "srv_check_status": "20 21 31 x -1", "srv_check_result": "4 5 x -1", "srv_check_health": "999 x -1",
    "srv_check_state": "31 32 x", "srv_agent_state": "31 32 128 x", "bk_f_forced_id": "1 x 5", "srv_f_forced_id": "1 x 5", "srv_fqdn": f"foo {'a' * 255} {'a' * 256}",
    "srv_port": "0 x 65535 65536 99x -1", "srvrecord": "foo", "srv_use_ssl": "1 x", "srv_check_port": "x 70000 9 9x -", "srv_check_addr": "foo 1.2.3.4 ::1", "srv_agent_addr": "foo 1.2.3.4",
    "srv_agent_port": "x 7", "srv_addr": "foo - 1.2.3.4",
}  # fmt: skip
NUMBERS = [(name, value) for name, values in ODD.items() for value in values.split()]


@contextmanager
def mouths() -> Iterator[dict[str, Mouth]]:
    """The agents, each with its words."""
    with ExitStack() as closing:
        made = {name: Mouth() for name in SAYINGS}
        for name, mouth in made.items():
            closing.callback(mouth.close)
            mouth.line = SAYINGS[name]
        yield made


def shown(made: Farm) -> list[list[str]]:
    """The states, but for times and what the first checks have found or are about to."""
    rows = [line.split() for line in made.ask("show servers state").split("\n")[2:] if line]
    for words in rows:
        for column in (CHECK, AGENT):
            words[column] = str(int(words[column]) & ~1)
    return [[word for at, word in enumerate(words) if at not in (SINCE, STATUS, RESULT)] for words in rows]


def settled(made: Farm) -> bool:
    """Is every server as its agent said (operational and administrative state, weight), and has every first check passed?"""
    rows = [line.split() for line in made.ask("show servers state").split("\n")[2:] if line]
    obeyed = [words[5:8] for words in rows[:4]] == [["2", "0", "20"], ["2", "8", "40"], ["0", "1", "40"], ["0", "0", "30"]]
    return obeyed and all(words[STATUS] == PASSED for words in rows if words[CHECK] == CHECKING)


def until_settled(made: Farm) -> None:
    end = time.monotonic() + 30
    while not settled(made):
        assert time.monotonic() < end, made.ask("show servers state")
        time.sleep(0.02)


def written(product: Product, folder: Path, ports: dict[str, int]) -> tuple[list[str], list[list[str]], str]:
    """Answers to all commands, the states then, and the file."""
    with mouths() as agents:
        numbers = {name: mouth.port for name, mouth in agents.items()}
        spread = " max-spread-checks 20"
        with farm(product, folder, SERVERS.replace("{inter}", "50ms"), ports | numbers, more_global=spread) as made:
            until_settled(made)
            answers = [made.ask(command) for command in COMMANDS]
            return answers, [words[:-1] for words in shown(made)], made.ask("show servers state")


def read(product: Product, folder: Path, ports: dict[str, int], text: str) -> tuple[list[list[str]], list[str]]:
    """The states that a file leads to, and what is said."""
    folder.mkdir()
    (folder / "all").write_text(text)
    more = {
        "more_global": f" server-state-base {folder}\n server-state-file all",
        "more_defaults": " load-server-state-from-file global",
    }
    with farm(product, folder, SERVERS.replace("{inter}", "1h"), ports, **more) as made:
        return shown(made), [line for line in made.said() if line.startswith("config : ")]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_whatever_was_changed(oracle: Product, tmp_path: Path) -> None:
    """Both write the same file, and both begin with what either of them has written."""
    with Reservation() as held, listening(up := held.take()):
        ports = {"up": up} | {name: held.take() for name in ("front", "closed", "dns", *SAYINGS)}
        theirs, ours = (written(each, tmp_path / f"w{each.name}", ports) for each in (oracle, pyhaproxy()))
        assert ours[0] == theirs[0]
        assert ours[1] == theirs[1]
        for writer, (_, _, text) in (("theirs", theirs), ("ours", ours)):
            found = [read(each, tmp_path / f"{writer}-{each.name}", ports, text) for each in (oracle, pyhaproxy())]
            assert found[1][0] == found[0][0], writer
            compare(oracle, found[1][1], found[0][1])


def complaints(product: Product, folder: Path, kind: str, backends: str) -> list[str]:
    """What is said about the files of `folder`, in the order of the alphabet, without the servers that are left."""
    done = product.check(HEAD.format(folder=folder, kind=kind, backends=backends))
    assert done.code in (0, 2), done.stderr
    told = re.findall(r"\[(?:WARNING|ALERT)\] +\(\d+\) : (.*)", done.stderr)
    return sorted(line for line in told if "No such file" not in line and "has no server" not in line)


def compared(folder: Path, kind: str, backends: str) -> None:
    """The same complaints as the newest oracle's."""
    theirs, ours = (complaints(each, folder, kind, backends) for each in (ORACLES[-1], pyhaproxy()))
    assert theirs
    assert ours == theirs


def test_files_of_backends(tmp_path: Path) -> None:
    """Nothing of a corrupt file is used, of a bad line nothing else is lost. A backend for each file."""
    sections = []
    for at, text in enumerate(FILES):
        (tmp_path / f"f{at}").write_bytes(text.replace(" b ", f" b{at} ").replace("\tb\t", f"\tb{at}\t").encode("latin-1"))
        sections.append(f"backend b{at}\n server-state-file-name f{at}\n server s1 127.0.0.1:1 check\n server s2 127.0.0.1:1\n")
    (tmp_path / "all").write_text("1\n")
    compared(tmp_path, "local", "".join(sections))


def test_odd_numbers(tmp_path: Path) -> None:
    """Each field beside and within its range, in a server of its own."""
    lines = [row(srv_name=f"s{at}", **{name: value}) + "\n" for at, (name, value) in enumerate(NUMBERS)]
    (tmp_path / "all").write_text(BEGIN + "".join(lines))
    servers = "".join(f" server s{at} 127.0.0.1:1 check rise 3\n" for at in range(len(NUMBERS)))
    compared(tmp_path, "global", f"backend b\n{servers}")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("global", f"{BEGIN}{GOOD}\ngarbage\n{row(be_name='c')}\n"),
        ("global", f"{BEGIN}{GOOD}\n{row(be_name='nosuch')}\n{row(srv_name='nosuch')}\n{row(srv_admin_state='1')}\n{row(be_name='c', be_id='7')}\n"),
        ("local", "1"),
        ("none", "garbage"),
    ],
)
def test_the_file_of_all(kind: str, text: str, tmp_path: Path) -> None:
    """It is looked at whoever wants it."""
    (tmp_path / "all").write_text(text)
    compared(tmp_path, kind, TWO)
