"""A machine that cannot build is told in one line what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("refuses", "packages"),
    [
        ("stdio.h", ["libc6-dev"]),
        ("Python.h", ["python3-dev"]),
        ("openssl", ["libssl-dev"]),
        ("Python.h|openssl", ["python3-dev", "libssl-dev"]),
        ("", ["gcc", "libc6-dev", "python3-dev", "libssl-dev"]),
    ],
)
def test_missing_tools(tmp_path: Path, refuses: str, packages: list[str]) -> None:
    compiler = tmp_path / "compiler"
    if refuses:
        compiler.write_text(f"#!/bin/sh\n! grep -qE '{refuses}'\n")
        compiler.chmod(0o755)
    env = {**os.environ, "CC": str(compiler)}
    done = subprocess.run(
        [sys.executable, "setup.py", "build_ext"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"pyhaproxy: cannot build: missing {', '.join(packages)}; run: apt-get install {' '.join(packages)}\n"
