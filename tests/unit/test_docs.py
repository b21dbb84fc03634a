"""The documents name only files that exist; the examples of etc/ are what they say; change fragments have a known kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("etc/**/*.md"), *ROOT.glob("bench/*.md")]
KINDS = {"added", "changed", "fixed", "removed", "security"}
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PATH = re.compile(r"`((?:etc|docs|tests|bench|haproxy_py|frontends|backends|balancers)/[\w./-]*)`")
CEPH = """global
    log 127.0.0.1 local2
    maxconn 4000
    user haproxy
    group haproxy
    daemon
defaults
    mode                    http
    log                     global
    option                  httplog
    option                  dontlognull
    retries                 3
    timeout http-request    10s
    timeout queue           1m
    timeout connect         10s
    timeout client          1m
    timeout server          1m
frontend http_web *:80
    mode http
    default_backend rgw
frontend rgw-https
    bind <vip ipv4>:443 ssl crt /etc/ssl/private/example.com.pem
    default_backend rgw
backend rgw
    balance roundrobin
    mode http
    server  rgw1 10.0.0.71:80 check
    server  rgw2 10.0.0.80:80 check
"""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_named_exists(document: Path) -> None:
    text = document.read_text()
    links = [document.parent / target for target in LINK.findall(text) if "://" not in target]
    paths = [ROOT / target for target in PATH.findall(text)]
    assert [str(target) for target in (*links, *paths) if not target.exists()] == []


def test_the_ceph_example_is_as_its_guide_prints_it() -> None:
    assert (ROOT / "etc/ceph-rgw/haproxy.cfg").read_text() == CEPH


def test_change_fragments() -> None:
    for fragment in (ROOT / "docs/changes").glob("*"):
        if fragment.name != "README.md":
            assert fragment.suffix == ".md" and fragment.stem.rpartition(".")[2] in KINDS, fragment.name
            assert len(fragment.read_text().strip().splitlines()) <= 12, f"{fragment.name}: one to three sentences, please"


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert targets is not None
    for target in targets[1].split():
        assert re.search(rf"^{target}:.*## ", text, re.MULTILINE), f"{target} has no line in `make help`"
