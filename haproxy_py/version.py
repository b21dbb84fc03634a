"""Versions: ours, and the HAProxy whose behaviour, configuration language and messages are emulated."""

from __future__ import annotations

VERSION = "0.1.0"
EMULATED = "3.2.0"  # what version_atleast(), HAPROXY_STARTUP_VERSION and `-v` tell
BRANCH = "3.2"
# Tokens behind a '+' in the feature list of `-vv`, which is what feature() looks at.
FEATURES = (
    "ACCEPT4", "EPOLL", "GETADDRINFO", "LINUX_SPLICE", "OPENSSL", "PCRE2", "PRCTL", "SSL", "SYSTEMD", "TFO", "THREAD", "TPROXY",
)  # fmt: skip
