"""The second try of `make test`: what it is for, and what it never hides."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.again import FEW, worth_a_second_try

ROOT = Path(__file__).parents[2]
ONCE = "from pathlib import Path\n\n\ndef test_once():\n    here = Path('seen')\n    first = not here.exists()\n    here.touch()\n    assert not first\n"
NEVER = "def test_never():\n    assert False\n"
RUN = "{0} -m pytest -q . || PYTHONPATH={1} {0} -m tests.harness.again $?"


def tried(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        RUN.format(sys.executable, ROOT), shell=True, cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_failure_that_does_not_come_back_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ONCE)
    done = tried(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "PASSED WHEN ALONE: test_it.py::test_once")


def test_failing_twice_is_failing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ONCE + "\n\n" + NEVER)
    assert tried(tmp_path).returncode == 1


def test_a_file_that_cannot_be_read_is_no_second_try(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import nothing_of_that_name\n")
    done = tried(tmp_path)
    assert done.returncode == 2 and "run again" not in done.stdout


def test_everything_passes_and_nothing_is_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_fine():\n    pass\n")
    done = tried(tmp_path)
    assert done.returncode == 0 and "again" not in done.stdout


@pytest.mark.parametrize(
    ("status", "names", "worth"),
    [
        (1, ["a.py::one"], True),
        (1, [f"a.py::t{n}" for n in range(FEW)], True),
        (1, [f"a.py::t{n}" for n in range(FEW + 1)], False),
        (1, ["a.py"], False),
        (1, [], False),
        (2, ["a.py::one"], False),
        (124, ["a.py::one"], False),
    ],
)
def test_which_runs(status: int, names: list[str], worth: bool) -> None:
    assert worth_a_second_try(status, names) == worth
