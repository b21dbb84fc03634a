"""Real services of Debian on loopback, each as nobody in a folder of its own: what checks of each kind talk to."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
MYSQL = Path("/usr/share/mysql")
SLAPD = """include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=x"
directory {folder}
"""
NGINX = """daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
 scgi_temp_path {folder}/e; server {{ listen 127.0.0.1:{port}; location /health {{ return 204; }} }} }}
"""


def program(name: str) -> str:
    """Where a program is, "" nowhere."""
    folders = f"/usr/sbin:/usr/bin:{os.environ.get('PATH', '')}"
    found = shutil.which(name, path=folders)
    if found:
        return found
    return next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), "")


def as_nobody(words: list[str]) -> list[str]:
    """The command for another user, when we are root."""
    return [*UNPRIVILEGED, *words] if os.geteuid() == 0 else words


def run(words: list[str], text: str = "") -> None:
    """Run to the end. Raises: RuntimeError with what it said."""
    done = subprocess.run(as_nobody(words), input=text, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stdout}{done.stderr}")


def postgres(folder: Path, port: int) -> list[str]:
    run([program("initdb"), "-A", "trust", "-N", "-U", "hap", "-D", f"{folder}/data"])
    return [program("postgres"), "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]


def mariadb(folder: Path, port: int) -> list[str]:
    command = [program("mariadbd"), "--no-defaults", f"--datadir={folder}", "--innodb-flush-log-at-trx-commit=0",
               "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", "--skip-log-bin"]  # fmt: skip
    tables = "".join((MYSQL / f"mysql_system_tables{part}.sql").read_text() for part in ("", "_data"))
    head = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n"
    run([*command, "--bootstrap"], head + tables + "\nflush privileges;\ncreate user 'hap'@'%';\n")
    return [*command, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
            "--skip-name-resolve"]  # fmt: skip


def redis(folder: Path, port: int) -> list[str]:
    return [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]


def ldap(folder: Path, port: int) -> list[str]:
    (folder / "conf").write_text(SLAPD.format(folder=folder))
    return [program("slapd"), "-f", f"{folder}/conf", "-h", f"ldap://127.0.0.1:{port}", "-d", "0"]


def smtp(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]


def nginx(folder: Path, port: int) -> list[str]:
    (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
    return [program("nginx"), "-p", str(folder), "-c", f"{folder}/conf", "-e", "stderr"]


@dataclass(frozen=True)
class Kind:
    """program: what must be installed; lines: of the backend; prepare: makes its files, returns its command; status: of a good check."""

    program: str
    lines: str
    prepare: Callable[[Path, int], list[str]]
    status: str = "L7OK"


KINDS = {
    "postgres": Kind("postgres", " option pgsql-check user hap", postgres),
    "mariadb": Kind("mariadbd", " option mysql-check user hap", mariadb),
    "redis": Kind("redis-server", " option redis-check", redis),
    "ldap": Kind("slapd", " option ldap-check", ldap),
    "smtp": Kind(sys.executable, " option smtpchk EHLO localhost", smtp),
    "nginx": Kind("nginx", " option httpchk GET /health\n http-check expect status 204", nginx),
}


class Service:
    """One running service. Use as a context manager; nothing is left behind."""

    def __init__(self, kind: Kind, port: int) -> None:
        self.kind = kind
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="service"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
        try:
            command = self.kind.prepare(self.folder, self.port)
            # the interpreter of a virtual environment need not be anybody else's to read
            words = command if command[0] == sys.executable else as_nobody(command)
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def kill(self) -> None:
        """End it with all its processes, without a goodbye."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def said(self) -> str:
        """Its output, for messages."""
        return (self.folder / "log").read_text(errors="replace")

    def __exit__(self, *exc: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
