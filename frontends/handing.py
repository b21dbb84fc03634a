"""Listening sockets that one process gives to another over a runtime socket (`_getsocks`, `-x`; management manual 3).

Whoever takes says `_getsocks` and a line feed. Whoever gives answers the number of sockets (4 bytes, native order), then
messages that carry at most BATCH descriptors each (SCM_RIGHTS) and for each of them a record: length and name of its network
namespace, length and name of its interface, 4 bytes of options that nobody reads. Each message is answered by 4 bytes.
What was seen of HAProxy is in docs/oracle-facts.md.
"""

from __future__ import annotations

import array
import contextlib
import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from frontends.bind import Wanted, everywhere, place_of, renew, v6only
from haproxy_py.config.keywords import bind as words

COMMAND = b"_getsocks\n"
COUNT = struct.Struct("=i")
OPTIONS = bytes(4)
BATCH = 252
MOST = 1 << 20  # sockets; a larger number is garbage
WITHIN_S = 1.0  # for each answer
SO_BINDTODEVICE, IP_TRANSPARENT = 25, 19
TEMPORARY = re.compile(r"\.[0-9]+\.tmp$")  # a UNIX socket keeps the name that it was bound under


class TakeFailure(Exception):
    """The former process did not give its sockets. The text is HAProxy's."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A socket that was given: where it listens (family and address as the kernel tells them), what it is tied to."""

    fd: int
    family: int
    address: object
    interface: str
    namespace: str


def messages(descriptors: Sequence[int]) -> Iterator[tuple[bytes, Sequence[int]]]:
    """What is sent behind the number of sockets: (bytes, descriptors) of each message."""
    for at in range(0, len(descriptors), BATCH):
        some = descriptors[at : at + BATCH]
        yield b"".join(record(interface_of(fd)) for fd in some), some


def record(interface: bytes) -> bytes:
    """What is told about one socket; ours are in the process's own namespace."""
    return b"\0" + bytes([len(interface)]) + interface + OPTIONS


def records(data: bytes) -> list[tuple[str, str]]:
    """(namespace, interface) of each record. Raises: TakeFailure: one is not whole."""
    found, at = [], 0
    while at < len(data):
        names = []
        for _ in range(2):
            size = data[at] if at < len(data) else 0
            names.append(os.fsdecode(data[at + 1 : at + 1 + size]))
            at += 1 + size
        at += len(OPTIONS)
        if at > len(data):
            raise TakeFailure("Inconsistency while transferring sockets")
        found.append((names[0], names[1]))
    return found


def interface_of(fd: int) -> bytes:
    """The interface that a socket is tied to, empty: none."""
    with _borrowed(fd) as sock:
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            return b""
        return sock.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16).rstrip(b"\0")


@contextlib.contextmanager
def _borrowed(fd: int) -> Iterator[socket.socket]:
    sock = socket.socket(fileno=fd)
    try:
        yield sock
    finally:
        sock.detach()


def take(path: str) -> list[Taken]:
    """The sockets of the process behind the runtime socket `path`. Raises: TakeFailure."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WITHIN_S)
        try:
            sock.connect(path)
        except (OSError, ValueError):
            raise TakeFailure(f"Failed to connect to the old process socket '{path}'") from None
        descriptors: list[int] = []
        try:
            return _receive(sock, descriptors)
        except BaseException:
            close(descriptors)
            raise


def close(descriptors: Iterable[int]) -> None:
    """Close them all."""
    for fd in descriptors:
        os.close(fd)


def _receive(sock: socket.socket, descriptors: list[int]) -> list[Taken]:
    """Ask and take. Every descriptor that has come is in `descriptors`, also when this raises."""
    number = _number(sock)
    data = bytearray()
    while len(descriptors) < number:
        try:
            some, ancillary, _, _ = sock.recvmsg(1 << 20, socket.CMSG_SPACE(4 * (BATCH + 1)))
        except OSError:
            break
        came = _descriptors(ancillary)
        if not some and not came:
            break
        data += some
        with contextlib.suppress(OSError):  # who gives the last ones does not wait for it
            sock.sendall(COUNT.pack(len(descriptors)))
        descriptors += came
    if len(descriptors) > number:
        raise TakeFailure("Got to many sockets !")
    if len(descriptors) < number:
        raise TakeFailure(f"We didn't get the expected number of sockets (expecting {number} got {len(descriptors)})")
    told = records(bytes(data))
    if len(told) < number:
        raise TakeFailure("Inconsistency while transferring sockets")
    return [_taken(fd, *names) for fd, names in zip(descriptors, told, strict=False)]


def _number(sock: socket.socket) -> int:
    try:
        sock.sendall(COMMAND)
        raw = sock.recv(COUNT.size, socket.MSG_WAITALL)
    except OSError:
        raw = b""
    if len(raw) != COUNT.size:
        raise TakeFailure("Failed to get the number of sockets to be transferred !")
    number = int(COUNT.unpack(raw)[0])
    if not 0 <= number <= MOST:
        raise TakeFailure("Failed to allocate memory while receiving sockets")
    return number


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, raw in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(raw[: len(raw) - len(raw) % found.itemsize])
    for fd in found:
        os.set_inheritable(fd, False)
    return list(found)


def _taken(fd: int, namespace: str, interface: str) -> Taken:
    try:
        with _borrowed(fd) as sock:
            listens = sock.type == socket.SOCK_STREAM
            return Taken(fd, sock.family if listens else -1, _address(sock), interface, namespace)
    except OSError:  # not a socket: nothing wants it
        return Taken(fd, -1, None, interface, namespace)


def _address(sock: socket.socket) -> object:
    told = sock.getsockname()
    if sock.family != socket.AF_UNIX:
        return tuple(told[:2])
    if isinstance(told, bytes):  # abstract: padded with zeros, or not
        return told.rstrip(b"\0")
    return TEMPORARY.sub("", told)


def match(taken: Sequence[Taken], wants: Sequence[Wanted]) -> dict[str, int]:
    """Key -> descriptor for those that a configuration wants, as its lines say now; the others are closed."""
    left = list(taken)
    found: dict[str, int] = {}
    for one in wants:
        fits = next((each for each in left if _fits(each, one)), None)
        if fits is not None and renew(one, fits.fd):
            left.remove(fits)
            found[one.key] = fits.fd
    close(each.fd for each in left)
    return found


def _fits(taken: Taken, one: Wanted) -> bool:
    """Same address, interface and kind of socket: what cannot be changed once it is bound."""
    if one.address.family == "fd" or taken.namespace or taken.interface != (one.bind[words.INTERFACE] or ""):
        return False
    family, address = place_of(one)
    if taken.family != family or taken.address != address:
        return False
    with _borrowed(taken.fd) as sock:
        return all(sock.getsockopt(*option) == value for option, value in _fixed(one, family).items())


def _fixed(one: Wanted, family: int) -> Mapping[tuple[int, int], int]:
    """Socket options that a taken socket must have already."""
    if family == socket.AF_UNIX:
        return {}
    transparent = {(socket.SOL_IP, IP_TRANSPARENT): int(one.bind[words.TRANSPARENT])}
    if family == socket.AF_INET or not everywhere(one.address):
        return transparent
    return {**transparent, (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY): v6only(one.bind)}
