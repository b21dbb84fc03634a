"""Listening sockets: made once by the supervisor, before privileges are dropped, and inherited by workers and reloads.

A socket is known by its key, the written form of its address ("inet:127.0.0.1:80", "unix:/run/x.sock"), so that a reload
finds the one that is already there and nothing that waits in its queue is lost (manual 4.2 bind, 5.1).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from haproxy_py.config.keywords import bind as bind_keywords
from haproxy_py.config.keywords import process as process_keywords
from haproxy_py.config.keywords import proxy as proxy_keywords
from haproxy_py.config.keywords import tuning
from haproxy_py.config.model import Address, Bind, Config, Proxy

DEFAULT_BACKLOG = 2000
V6ONLY_BY_DEFAULT = "/proc/sys/net/ipv6/bindv6only"
TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_MAXSEG, IP_TRANSPARENT = socket.TCP_DEFER_ACCEPT, 23, socket.TCP_MAXSEG, 19


class BindFailure(Exception):
    """One socket could not be made. The text is HAProxy's: what for, what failed, why, where."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One descriptor that a bind line needs: its key, its proxy, its settings, one address (a range is taken apart).

    alone: no other socket may be bound beside it (noreuseport).
    """

    key: str
    proxy: Proxy
    bind: Bind
    address: Address
    port: int
    alone: bool = False


def wanted(config: Config) -> list[Wanted]:
    """Every listening socket of a configuration, in file order; disabled proxies have none."""
    found: list[Wanted] = []
    alone = config.globals[process_keywords.NOREUSEPORT]
    for proxy in config.proxies:
        if proxy.is_frontend and not proxy[proxy_keywords.DISABLED]:
            for item in proxy.binds:
                for port in range(item.address.port, max(item.address.port, item.address.port_high) + 1):
                    found.append(Wanted(key_of(item.address, port, item), proxy, item, item.address, port, alone))
    return _told_apart(found)


def _told_apart(found: list[Wanted]) -> list[Wanted]:
    """Keys are unique: the second socket on one address (reuse of the port) gets a number."""
    seen: dict[str, int] = {}
    unique = []
    for one in found:
        n = seen.get(one.key, 0)
        seen[one.key] = n + 1
        unique.append(one if n == 0 else replace(one, key=f"{one.key}#{n}"))
    return unique


def key_of(address: Address, port: int, item: Bind | None = None) -> str:
    """The key of an address: family, host or path, port, and what of `item` cannot be changed once a socket is bound."""
    if address.family in ("unix", "abns", "fd"):
        return f"{address.family}:{address.host}"
    tied = f"%{item[bind_keywords.INTERFACE]}" if item and item[bind_keywords.INTERFACE] else ""
    alone = "-v4" if item and address.family == "inet6" and everywhere(address) and v6only(item) else ""
    return f"{address.family or 'inet'}:{address.host or '*'}:{port}{tied}{alone}"


def open_all(config: Config, inherited: Mapping[str, int], more: Sequence[Wanted] = ()) -> dict[str, int]:
    """Key -> descriptor of every socket, taking over those of `inherited` that still fit. more: beside those of the proxies.

    Raises: BindFailure with all failures, a line each; nothing stays open then but what was inherited.
    """
    made: dict[str, int] = {}
    failures: list[str] = []
    for one in (*wanted(config), *more):
        try:
            if one.key in inherited and still_there(one) and (one.address.family == "fd" or renew(one, inherited[one.key])):
                made[one.key] = inherited[one.key]
            else:
                made[one.key] = open_one(one)
            if one.address.family != "fd":
                kernel_buffers(config, made[one.key])
        except OSError as wrong:
            failures.append(complaint(one, wrong))
    if failures:
        for fd in set(made.values()) - set(inherited.values()):
            os.close(fd)
        raise BindFailure("\n".join(failures))
    return made


def kernel_buffers(config: Config, fd: int) -> None:
    """tune.rcvbuf.client, tune.sndbuf.client: accepted connections have the sizes of the socket that they come from."""
    for setting, option in ((tuning.RCVBUF_CLIENT, socket.SO_RCVBUF), (tuning.SNDBUF_CLIENT, socket.SO_SNDBUF)):
        if config.globals[setting]:
            with socket.socket(fileno=os.dup(fd)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, option, config.globals[setting])


def still_there(one: Wanted) -> bool:
    """Whether the socket of a former configuration can be reached: the file of a UNIX socket may be gone. It gets the mode and
    the owner that are wanted now. Raises: OSError."""
    if one.address.family != "unix":
        return True
    if not os.path.exists(str(one.address.host)):
        return False
    with _step("bind"):
        _own(str(one.address.host), one.bind)
    return True


def probe(config: Config, inherited: Mapping[str, int], more: Sequence[Wanted] = ()) -> None:
    """Whether open_all() would get the ports that are not inherited; nothing listens, nothing stays open.

    Raises: BindFailure with all failures, a line each.
    """
    failures: list[str] = []
    for one in (*wanted(config), *more):
        if one.key in inherited or one.address.family in ("fd", "unix", "abns"):
            continue
        try:
            _bind_inet(one).close()
        except OSError as wrong:
            failures.append(complaint(one, wrong))
    if failures:
        raise BindFailure("\n".join(failures))


def complaint(one: Wanted, wrong: OSError) -> str:
    """HAProxy's words for a socket that cannot be had."""
    kind = "proxy" if one.proxy.kind == "listen" else "frontend"
    step = getattr(wrong, "step", "bind")
    shown = shown_address(one.address, one.port)
    local = one.address.family in ("unix", "abns")
    what = {"socket": "create receiving %s", "listen": "listen to %s"}.get(step, "bind %s") % ("UNIX socket" if local else "socket")
    why = f"cannot {what} ({os.strerror(wrong.errno or 0)})"
    return f"Binding [{one.bind.where}] for {kind} {one.proxy.name}: {why} {'' if local else 'for '}[{shown}]"


def shown_address(address: Address, port: int) -> str:
    """As HAProxy prints it in messages."""
    if address.family in ("unix", "abns"):
        return str(address.host)
    host = address.host or ("::" if address.family == "inet6" else "0.0.0.0")
    return f"{host}:{port}"


def open_one(one: Wanted) -> int:
    """Create, bind and listen. Raises: OSError, with `step` naming what failed."""
    family = one.address.family
    if family == "fd":
        fd = int(one.address.host or 0)
        os.set_blocking(fd, False)
        return os.dup(fd)
    if family in ("unix", "abns"):
        return _open_unix(one)
    sock = _bind_inet(one)
    try:
        with _step("listen"):
            sock.listen(_backlog(one))
    except OSError:
        sock.close()
        raise
    return sock.detach()


def _bind_inet(one: Wanted) -> socket.socket:
    """A bound TCP socket that does not listen. Raises: OSError."""
    domain, place = place_of(one)
    with _step("socket"):
        sock = socket.socket(domain, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        _tcp_options(sock, domain, one)
        with _step("bind"):
            sock.bind(place)
    except OSError:
        sock.close()
        raise
    return sock


def place_of(one: Wanted) -> tuple[int, Any]:
    """Family and address (of a UNIX socket its final name, b"\0" and an abstract name) where a socket is bound."""
    host, family = one.address.host, one.address.family
    if family in ("unix", "abns"):
        return socket.AF_UNIX, str(host) if family == "unix" else b"\0" + os.fsencode(str(host))
    if family == "inet6":
        return socket.AF_INET6, (socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host or "::")), one.port)
    return socket.AF_INET, (host or "0.0.0.0", one.port)


def renew(one: Wanted, fd: int) -> bool:
    """Make a listening socket of another process, or of a former configuration, what the line asks for; False: it cannot be."""
    sock = socket.socket(fileno=fd)
    try:
        if sock.family != socket.AF_UNIX:
            _plain_again(sock)
            _changing_options(sock, one.bind)
        sock.setblocking(False)
        sock.listen(_backlog(one))
    except OSError:
        return False
    finally:
        sock.detach()
    return True


class _step:
    """Mark an OSError with the name of what failed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, wrong: BaseException | None, trace: object) -> None:
        if isinstance(wrong, OSError):
            wrong.step = self.name  # type: ignore[attr-defined]


def _tcp_options(sock: socket.socket, domain: int, one: Wanted) -> None:
    item = one.bind
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not one.alone:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # a new process can bind beside the one it replaces (-sf)
    if domain == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only(item))
    _changing_options(sock, item)
    if item[bind_keywords.INTERFACE]:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, item[bind_keywords.INTERFACE].encode() + b"\0")


def everywhere(address: Address) -> bool:
    """Whether an IPv6 address is that of all interfaces: only then does IPV6_V6ONLY decide anything."""
    return not any(socket.inet_pton(socket.AF_INET6, address.host or "::"))


def v6only(item: Bind) -> int:
    """1: an IPv6 socket of this line leaves IPv4 alone. Without a word it does what the system does by default."""
    if item[bind_keywords.V6ONLY] or item[bind_keywords.V4V6]:
        return int(item[bind_keywords.V6ONLY])
    try:
        with open(V6ONLY_BY_DEFAULT, "rb") as told:
            return int(told.read(1) == b"1")
    except OSError:
        return 0


def _changing_options(sock: socket.socket, item: Bind) -> None:
    """What can still be set once a socket is bound."""
    if item[bind_keywords.DEFER_ACCEPT]:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)
    if item[bind_keywords.TFO]:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 1024)
    if item[bind_keywords.MSS] > 0:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MAXSEG, item[bind_keywords.MSS])
    if item[bind_keywords.TRANSPARENT]:
        sock.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)


def _plain_again(sock: socket.socket) -> None:
    """Undo _changing_options() of a former line."""
    for level, option in (
        (socket.IPPROTO_TCP, TCP_DEFER_ACCEPT), (socket.IPPROTO_TCP, TCP_FASTOPEN), (socket.SOL_IP, IP_TRANSPARENT),
    ):  # fmt: skip
        if sock.getsockopt(level, option):
            sock.setsockopt(level, option, 0)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_MAXSEG, 0)  # the kernel's own


def _open_unix(one: Wanted) -> int:
    """A UNIX socket is bound under a temporary name and moved into place, so that clients never see it missing."""
    path = str(one.address.host)
    with _step("socket"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if one.address.family == "abns":
            with _step("bind"):
                sock.bind(b"\0" + os.fsencode(path).ljust(107, b"\0"))
        else:
            _bind_path(sock, path, one.bind)
        with _step("listen"):
            sock.listen(_backlog(one))
    except OSError:
        sock.close()
        raise
    return sock.detach()


def _bind_path(sock: socket.socket, path: str, item: Bind) -> None:
    fresh = f"{path}.{os.getpid()}.tmp"
    with _step("bind"):
        sock.bind(fresh)
        try:
            _own(fresh, item)
            os.rename(fresh, path)
        except OSError:
            os.unlink(fresh)
            raise


def _own(path: str, item: Bind) -> None:
    """Mode and owner of the file as the line says; numbers wrap as in C, -1 changes nothing."""
    mode, uid, gid = item[bind_keywords.MODE], item[bind_keywords.UID], item[bind_keywords.GID]
    if mode is not None:
        os.chmod(path, mode)
    if uid is not None or gid is not None:
        os.chown(path, *(-1 if one in (None, -1, 0xFFFFFFFF) else one & 0xFFFFFFFF for one in (uid, gid)))


def _backlog(one: Wanted) -> int:
    """backlog of the line, of the frontend, or its maxconn (manual 4.2 backlog)."""
    return (
        one.bind[bind_keywords.BACKLOG]
        or one.proxy[proxy_keywords.BACKLOG]
        or one.proxy[proxy_keywords.MAXCONN]
        or DEFAULT_BACKLOG
    )
