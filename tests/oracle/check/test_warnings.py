"""The warnings that `-c` gives for whole files, beside haproxy 2.6: log formats that nobody sees, words of HTTP in TCP, state files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from haproxy_py.config.errors import Level
from haproxy_py.config.reader import load
from haproxy_py.features import load as load_features
from tests.harness.products import haproxy26

BEGIN = """\
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
"""
LOGGED = "global\n  log /dev/log local0\n" + BEGIN
FILES = {
    "tcplog": BEGIN + "frontend f\n  option tcplog\n  bind :1\n",
    "inherited": BEGIN + "  option httplog\nfrontend f\n  bind :1\n",
    "format": BEGIN + 'frontend f\n  log-format "x"\n  bind :1\n',
    "structured": BEGIN + 'frontend f\n  log-format-sd "x"\n  bind :1\n',
    "errors-only": BEGIN + 'frontend f\n  error-log-format "x"\n  bind :1\n',
    "no-log": LOGGED + "listen f\n  no log\n  option httplog\n  bind :1\n",
    "not-global": LOGGED + "listen f\n  option httplog\n  bind :1\n",
    "global": LOGGED + "listen f\n  log global\n  option httplog\n  bind :1\n",
    "disabled": BEGIN + "listen f\n  disabled\n  option httplog\n  bind :1\nlisten g\n  bind :2\n",
    "tcp": BEGIN
    + "  option httplog\nbackend b\n  mode tcp\nlisten l\n  bind :1\n  mode tcp\nfrontend f\n  mode tcp\n  bind :2\n",
    "states": BEGIN + "  load-server-state-from-file global\nfrontend f\n  bind :1\nbackend b\nlisten l\n  bind :2\n",
}


def oracle(path: Path) -> set[str]:
    product = haproxy26()
    assert not product.missing, product.missing
    done = subprocess.run(
        [*product.command, "-c", "-f", path.name], capture_output=True, cwd=path.parent, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"\[WARNING\] +\([0-9]+\) : config : (.*)", done.stderr.decode()))


@pytest.mark.parametrize("name", FILES)
def test_same_warnings(name: str, tmp_path: Path) -> None:
    """A file gives other warnings than the real haproxy's."""
    path = tmp_path / "x.cfg"
    path.write_text(FILES[name])
    load_features()
    _, faults = load([str(path)], env={})
    assert not faults.fatal
    ours = {str(fault).replace(str(path), "x.cfg") for fault in faults.found if fault.level is Level.WARNING}
    assert ours == oracle(path)


def test_one_name_for_a_frontend_and_a_backend(tmp_path: Path) -> None:
    """OpenShift's guides call them alike; HAProxy 2.x says nothing, 3.1 and 3.2 warn, 3.3 refuses."""
    path = tmp_path / "x.cfg"
    path.write_text(BEGIN + "frontend api\n  bind :1\n  default_backend api\nbackend api\n  server s 127.0.0.1:2\n")
    assert not oracle(path)
    load_features()
    config, faults = load([str(path)], env={})
    told = f"Parsing [{path}:9]: backend 'api' has the same name as frontend 'api' declared at {path}:6."
    end = "This is dangerous and will not be supported anymore in version 3.3."
    assert [str(fault) for fault in faults.found] == [f"{told} {end}"]
    front, back = config.frontend("api"), config.backend("api")
    assert front is not None and back is not None and front is not back


def test_actions_with_an_argument_are_known(tmp_path: Path) -> None:
    """`expect-proxy layer4` is a word of HAProxy's, not a typing error."""
    path = tmp_path / "x.cfg"
    path.write_text(
        BEGIN + "frontend f\n  bind :1\n  tcp-request connection expect-proxy layer4\n  no option forceclose\n"
    )
    load_features()
    _, faults = load([str(path)], env={})
    action, option = (str(fault) for fault in faults.found)
    assert action == f"parsing [{path}:8] : 'tcp-request connection expect-proxy' is known to HAProxy, not supported yet."
    assert option.startswith(f"parsing [{path}:9]: option 'forceclose' is not supported any more since HAProxy 2.0, ")
