"""A second try, alone, for the few tests that failed in a whole run: python -m tests.harness.again STATUS

Many tests play two real programs beside each other over the kernel's clock. A machine that stands still for a second (a
neighbour, a pause of the virtual machine) can make one of thousands fail that is right. `make test` hands pytest's exit
status here: when at most `FEW` tests failed, just these are run again, and both outcomes are told. A test that fails twice is
a failure, and so is everything else that pytest reports (errors of collection, interrupts, more failures than a few).
Every "passed when alone" is a fault to be found, in the test or in us: the line is printed so that it is seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FEW = 4
FAILED = 1  # pytest.ExitCode.TESTS_FAILED
FAILURES = Path(".pytest_cache/v/cache/lastfailed")  # what pytest keeps for --last-failed: {node id: true}


def failed_tests(record: Path = FAILURES) -> list[str]:
    """Node ids of the last run's failures; a file that could not be collected is one, too."""
    return sorted(json.loads(record.read_text())) if record.exists() else []


def worth_a_second_try(status: int, names: list[str]) -> bool:
    """Whether tests failed, and few: pytest's other exit statuses (interrupted, usage, nothing collected) stay as they are."""
    return status == FAILED and 0 < len(names) <= FEW and all("::" in name for name in names)


def main(status: int) -> int:
    """Exit status of the second try, or `status` when there is none."""
    names = failed_tests()
    if not worth_a_second_try(status, names):
        return status
    print(f"\n{len(names)} failed and are run again, alone:", *names, sep="\n  ", flush=True)
    again = subprocess.run([sys.executable, "-m", "pytest", *names], check=False).returncode
    print(
        *(f"{'PASSED WHEN ALONE' if not again else 'of those tried again'}: {name}" for name in names),
        sep="\n",
        flush=True,
    )
    return again


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
