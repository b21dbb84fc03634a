"""The texts of -v, -vv and of a wrong command line, in the form that scripts grep (management manual 3)."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import ssl
import sys

from haproxy_py.process.output import VERSION_TEXT
from haproxy_py.version import FEATURES

RELEASED = "2026/11/22"
# What HAProxy 3.2 lists; those of version.FEATURES get a '+'.
KNOWN_FEATURES = (
    "51DEGREES", "ACCEPT4", "BACKTRACE", "CLOSEFROM", "CPU_AFFINITY", "CRYPT_H", "DEVICEATLAS", "DL", "ENGINE", "EPOLL",
    "EVPORTS", "GETADDRINFO", "KQUEUE", "LIBATOMIC", "LIBCRYPT", "LINUX_CAP", "LINUX_SPLICE", "LINUX_TPROXY", "LUA", "MATH",
    "MEMORY_PROFILING", "NETFILTER", "NS", "OBSOLETE_LINKER", "OPENSSL", "OPENSSL_AWSLC", "OPENSSL_WOLFSSL", "OT", "PCRE",
    "PCRE2", "PCRE2_JIT", "PCRE_JIT", "POLL", "PRCTL", "PROCCTL", "PROMEX", "PTHREAD_EMULATION", "QUIC", "QUIC_OPENSSL_COMPAT",
    "RT", "SLZ", "SSL", "STATIC_PCRE", "STATIC_PCRE2", "SYSTEMD", "TFO", "THREAD", "THREAD_DUMP", "TPROXY", "WURFL", "ZLIB",
)  # fmt: skip
OURS = frozenset(FEATURES)

USAGE = """\
Usage : {name} [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]
        [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]
        -v displays version ; -vv shows known build options.
        -d enters debug mode ; -db only disables background mode.
        -V enters verbose mode (disables quiet mode)
        -D goes daemon ; -C changes to <dir> before loading files.
        -W master-worker mode.
        -Ws master-worker mode with systemd notify support.
        -q quiet mode : don't display messages
        -c check mode : only check config files and exit
        -cc check condition : evaluate a condition and exit
        -n sets the maximum total # of connections (uses ulimit -n)
        -m limits the usable amount of memory (in MB)
        -N sets the default, per-proxy maximum # of connections (0)
        -L set local peer name (default to hostname)
        -p writes pids of all children to this file
        -dC[[key],line] display the configuration file, if there is a key, the file will be anonymised
        -dM[<byte>,help,...] debug memory: accepted, no effect
        -dL dumps loaded object files after config checks
        -dK{{class[,...]}} dump registered keywords (use 'help' for list)
        -dS disables splice usage (broken on old kernels)
        -dR disables SO_REUSEPORT usage
        -dr ignores server address resolution failures
        -dV disables SSL verify on servers side
        -dW fails if any warning is emitted
        -dD diagnostic mode : warn about suspicious configuration statements
        -sf/-st [pid ]* finishes/terminates old pids.
        -x <unix_socket> get listening sockets from a unix socket
        -S <bind>[,<bind options>...] new master CLI
        Other -d<letters> of HAProxy concern its internals: accepted, no effect.

"""


def version_text() -> str:
    """What -v prints."""
    system = os.uname()
    return (
        f"HAProxy version {VERSION_TEXT} {RELEASED} - https://haproxy.org/\n"
        "Status: pyhaproxy, an independent implementation of HAProxy's configuration and behaviour in Python.\n"
        "Known bugs: see the project's issues\n"
        f"Running on: {system.sysname} {system.release} {system.version} {system.machine}\n"
    )


def feature_list() -> str:
    """`+NAME` and `-NAME` words."""
    names = sorted({*KNOWN_FEATURES, *OURS})
    return " ".join(("+" if name in OURS else "-") + name for name in names)


def _compiler() -> str:
    return re.sub(r"[\[\]]", "", platform.python_compiler()).strip()


def _crypt() -> str:
    return "yes" if importlib.util.find_spec("crypt") else "no"


def build_text() -> str:
    """What -vv prints behind the version."""
    options = " ".join(f"USE_{name}=1" for name in sorted(OURS))
    return (
        f"Build options :\n  TARGET  = linux-glibc\n  CPU     = generic\n  CC      = {_compiler()}\n  CFLAGS  = -O2\n"
        f"  OPTIONS = {options}\n  DEBUG   = \n\nFeature list : {feature_list()}\n\n"
        "Default settings :\n  bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n\n"
        f"Built with multi-threading support (MAX_TGROUPS=1, MAX_THREADS=63, default={len(os.sched_getaffinity(0))}): "
        "worker processes that share memory.\n"
        f"Built with OpenSSL version : {ssl.OPENSSL_VERSION}\nRunning on OpenSSL version : {ssl.OPENSSL_VERSION}\n"
        "OpenSSL library supports TLS extensions : yes\nOpenSSL library supports SNI : yes\n"
        "OpenSSL library supports : TLSv1.2 TLSv1.3\n"
        f"Running on Python version : {platform.python_implementation()} {platform.python_version()}\n"
        f"Encrypted password support via crypt(3): {_crypt()}\n\n"
        "Available polling systems :\n      epoll : pref=300,  test result OK\nTotal: 1 (1 usable), will use epoll.\n\n"
        "Available multiplexer protocols :\n(protocols marked as <default> cannot be specified using 'proto' keyword)\n"
        "  <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n"
        "         h1 : mode=HTTP  side=FE|BE  mux=H1    flags=HTX|NO_UPG\n"
        "  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n"
        "       none : mode=TCP   side=FE|BE  mux=PASS  flags=NO_UPG\n\n"
        "Available services : none\n\nAvailable filters : none\n\n"
    )


def usage_text() -> str:
    """What a wrong or empty command line gets on stderr, behind the version on stdout."""
    return USAGE.format(name=os.path.basename(sys.argv[0]) or "pyhaproxy")
