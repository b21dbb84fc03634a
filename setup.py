"""Build the Cython ground floor: every .pyx of the four packages is one extension module.

PYHAPROXY_ONLY="path.pyx path.pyx" limits the build to those modules; PYHAPROXY_DEBUG=1 builds with
assertions and leak counters (`make debug`). A missing compiler, Python header or OpenSSL header ends
the build with one line that says what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

PACKAGES = ("haproxy_py", "frontends", "backends", "balancers")
TLS_MODULES = {"haproxy_py.engine.tls"}


def finds(cc: list[str], header: str) -> bool:
    """Whether the compiler finds a header, with the flags and paths of the environment."""
    flags = [flag for name in ("CPPFLAGS", "CFLAGS") for flag in os.environ.get(name, "").split()]
    command = [*cc, *flags, f"-I{sysconfig.get_paths()['include']}", "-E", "-x", "c", "-"]
    done = subprocess.run(command, input=f"#include <{header}>\n".encode(), capture_output=True, check=False)
    return done.returncode == 0


def missing_tools() -> list[str]:
    """Name the Debian packages without which the C part cannot be built."""
    cc = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    if not shutil.which(cc[0]):
        return ["gcc", "libc6-dev", "python3-dev", "libssl-dev"]
    if not finds(cc, "stdio.h"):
        return ["libc6-dev"]
    wanted = {"Python.h": "python3-dev", "openssl/ssl.h": "libssl-dev"}
    return [package for header, package in wanted.items() if not finds(cc, header)]


def extensions(debug: bool) -> list[Extension]:
    """One Extension per .pyx below the packages."""
    only = {str(Path(p)) for p in os.environ.get("PYHAPROXY_ONLY", "").split()}
    flags = ["-O0", "-g"] if debug else ["-O2", "-g0"]
    flags += ["-fno-strict-aliasing", "-Wno-unused-function", "-Wno-unreachable-code"]
    flags += ["-Wno-array-bounds", "-Wno-sign-compare"]  # false alarms of gcc 12 in the C that Cython writes
    found = []
    for package in PACKAGES:
        for path in sorted(Path(package).rglob("*.pyx")):
            if only and str(path) not in only:
                continue
            name = ".".join(path.with_suffix("").parts)
            found.append(
                Extension(
                    name,
                    [str(path)],
                    extra_compile_args=flags,
                    libraries=["ssl", "crypto"] if name in TLS_MODULES else [],
                    define_macros=[("PYHAPROXY_DEBUG", "1")] if debug else [],
                )
            )
    return found


def build() -> None:
    """Entry point: check the tools, cythonize, hand over to setuptools."""
    building = not {"--version", "--name", "egg_info", "sdist", "dist_info"} & set(sys.argv[1:])
    lacking = missing_tools() if building else []
    if lacking:
        sys.exit(f"pyhaproxy: cannot build: missing {', '.join(lacking)}; run: apt-get install {' '.join(lacking)}")
    from Cython.Build import cythonize

    debug = bool(os.environ.get("PYHAPROXY_DEBUG"))
    cores = len(os.sched_getaffinity(0))
    modules = cythonize(
        extensions(debug),
        nthreads=cores,
        cache="CYTHON_CACHE_DIR" in os.environ,  # worktrees beside each other share what Cython has written
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "nonecheck": False,
            "cdivision": True,
        },
    )
    packages = [str(p.parent).replace("/", ".") for root in PACKAGES for p in Path(root).rglob("__init__.py")]
    setup(
        ext_modules=modules,
        packages=packages,
        options={"build_ext": {"parallel": cores}},
        package_data={"": ["*.pxd", "*.pyi", "*.h", "py.typed", "*.cfg", "*.txt", "*.css", "*.js"]},
    )


build()
