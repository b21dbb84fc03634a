"""The command line beside the real haproxy: same status, same streams, same words but for versions, paths and pids."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
ROOT = Path(__file__).parents[2]
OURS = [sys.executable, "-m", "haproxy_py"]
GOOD = """\
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:18080
"""
FILES = {
    "good.cfg": GOOD,
    "warn.cfg": "frontend f\n  mode http\n  bind 127.0.0.1:18080\n",
    "bad.cfg": "global\n  nonsense\nfrontend f\n  bind 127.0.0.1:18080\n  foo\n",
    "bad2.cfg": "global\n  spread-checks x y\n",
    "user.cfg": "global\n  user nosuchuser\n  group nosuchgroup\n" + GOOD,
    "empty.cfg": "\n",
    "quiet.cfg": "global\n  quiet\n  zero-warning\nfrontend f\n  mode http\n  bind 127.0.0.1:18080\n",
    "backend.cfg": "backend b\n  mode http\n",
    "disabled.cfg": GOOD + "  disabled\n",
    "socket.cfg": "global\n  stats socket unix@runtime.sock\n",
    "socket2.cfg": "global\n  stats socket unix@runtime.sock\n" + GOOD + "  disabled\nbackend b\n",
    "dir/1.cfg": GOOD,
    "dir/2.cfg": "backend b\n",
    "dir/3.conf": "not looked at\n",
    "dir/.4.cfg": "not looked at\n",
    "nothing/1.conf": "not looked at\n",
}
MASKS = (
    (rb"\(\d+\)", b"(PID)"),
    (rb"version is \S+", b"version is VERSION"),
    (rb"executable is \S+", b"executable is PATH"),
    (rb"\[\S+\.main\(\)\]", b"[PATH.main()]"),
)
pytestmark = [] if os.access(HAPROXY, os.X_OK) else pytest.mark.usefixtures("needs_haproxy")


@pytest.fixture
def needs_haproxy() -> None:
    pytest.fail(f"the oracle {HAPROXY} is not installed: apt-get install haproxy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    for name, text in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(text)
    return made


def run(program: list[str], flags: list[str], folder: Path) -> tuple[int, bytes, bytes]:
    """(status, stdout, stderr) with what must differ masked."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*program, *flags], cwd=folder, env=env, capture_output=True, check=False, timeout=30)
    out, err = done.stdout, done.stderr
    for pattern, mask in MASKS:
        err = re.sub(pattern, mask, err)
    return done.returncode, out, err


@pytest.mark.parametrize(
    "flags",
    [
        "-c -f good.cfg",
        "-c -V -f good.cfg",
        "-c -q -f good.cfg",
        "-c -W -f good.cfg",
        "-c -D -f good.cfg",
        "-c -f good.cfg -dM -de",
        "-c -n 100 -m 900 -L me -p /nonexistent/x -f good.cfg",
        "-c -sf 1 2 3 -f good.cfg",
        "-c -f warn.cfg",
        "-c -q -f warn.cfg",
        "-c -dW -f warn.cfg",
        "-c -f bad.cfg",
        "-c -q -f bad.cfg",
        "-f bad.cfg",
        "-c -f bad2.cfg",
        "-c -f user.cfg",
        "-c -f quiet.cfg",
        "-c -f empty.cfg",
        "-c -q -f empty.cfg",
        "-f empty.cfg",
        "-c -f backend.cfg",
        "-c -f disabled.cfg",
        "-c -f socket.cfg",
        "-c -f socket2.cfg",
        "-f disabled.cfg",
        "-c -f bad.cfg -f warn.cfg",
        "-c -f dir",
        "-c -- good.cfg",
        "-c -C dir -f 1.cfg",
        "-c -f nonexistent.cfg",
        "-c -C nonexistent -f good.cfg",
        "-cc version_atleast(2.0)",
        "-cc version_before(2.0)",
        "-cc feature(OPENSSL)&&!feature(NONSENSE)",
        "-cc streq(a,b)",
        "-cc nonsense",
        "-cc nonsense(",
    ],
)
def test_same_status_and_same_words(folder: Path, flags: str) -> None:
    theirs, ours = run([HAPROXY], flags.split(), folder), run(OURS, flags.split(), folder)
    assert ours == theirs


@pytest.mark.parametrize("flags", ["", "-c", "-y", "-dQ", "-W", "-cc", "-sf", "--", "x.cfg", "-x", "-V", "-f nothing", "-c -f nothing -f nothing", "-c -C nothing -f ."])
def test_same_status_and_streams_of_a_wrong_command_line(folder: Path, flags: str) -> None:
    """The version goes to stdout, the usage to stderr; the texts themselves are each program's own."""
    theirs, ours = run([HAPROXY], flags.split(), folder), run(OURS, flags.split(), folder)
    assert ours[0] == theirs[0] == 1
    assert ours[1].startswith(b"HAProxy version ") and theirs[1].startswith(b"HAProxy version ")
    assert b"Usage : " in ours[2] and b"Usage : " in theirs[2]
    assert (b"[ALERT]" in ours[2]) >= (b"[ALERT]" in theirs[2])


def test_arguments_that_are_missing(folder: Path) -> None:
    for flag in ("-f", "-C", "-n", "-N", "-m", "-p", "-L", "-S"):
        assert run([HAPROXY], [flag], folder)[0] == run(OURS, [flag], folder)[0] == 1


def test_v_has_the_lines_that_scripts_read(folder: Path) -> None:
    for flags in (["-v"], ["-vv"]):
        theirs, ours = run([HAPROXY], flags, folder), run(OURS, flags, folder)
        assert ours[0] == theirs[0] == 0
        assert ours[2] == theirs[2] == b""
        for pattern in (rb"^HAProxy version \d+\.\d+\.\d+\S* \d{4}/\d\d/\d\d - https://haproxy.org/$", rb"^Running on: Linux "):
            assert re.search(pattern, ours[1], re.MULTILINE) and re.search(pattern, theirs[1], re.MULTILINE)


def test_vv_has_the_paragraphs_of_haproxys(folder: Path) -> None:
    theirs, ours = run([HAPROXY], ["-vv"], folder)[1], run(OURS, ["-vv"], folder)[1]
    for start in (
        b"Build options :\n", b"  TARGET  = linux-glibc\n", b"  OPTIONS = USE_", b"Feature list : ", b"Default settings :\n",
        b"  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n", b"Built with multi-threading support (MAX_T",
        b"Built with OpenSSL version : OpenSSL ", b"Running on OpenSSL version : OpenSSL ", b"Available polling systems :\n",
        b"      epoll : pref=300,  test result OK\n", b"Available multiplexer protocols :\n", b"Available services : ",
        b"Available filters :",
    ):  # fmt: skip
        assert start in theirs and b"\n" + start in ours, start


def test_every_feature_is_listed_with_its_sign(folder: Path) -> None:
    lines = [run(p, ["-vv"], folder)[1].partition(b"Feature list : ")[2].partition(b"\n")[0].split() for p in ([HAPROXY], OURS)]
    theirs, ours = ({word[1:] for word in line} for line in lines)
    assert not {word for word in lines[1] if word[:1] not in b"+-"}
    assert theirs - ours <= {b"OBSOLETE_LINKER"}
