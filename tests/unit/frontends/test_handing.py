"""Listening sockets between two processes: records, batches, and which socket a line takes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from frontends import bind, handing
from haproxy_py import features
from haproxy_py.config.reader import load
from haproxy_py.runtime import getsocks

features.load()


def wants(tmp_path: Path, *lines: str) -> list[bind.Wanted]:
    """What a frontend with these bind lines listens on."""
    path = tmp_path / "x.cfg"
    path.write_text("frontend f\n    mode tcp\n    timeout client 1s\n" + "".join(f"    bind {line}\n" for line in lines))
    config, faults = load([str(path)], env={})
    assert not faults.fatal
    return bind.wanted(config)


def listening(family: int = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(family)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((host, 0))
    sock.listen()
    return sock


def taken(sock: socket.socket, interface: str = "", namespace: str = "") -> handing.Taken:
    return handing._taken(os.dup(sock.fileno()), namespace, interface)


def test_records_with_names() -> None:
    data = handing.record(b"") + handing.record(b"eth0") + b"\2ns\3lo0" + bytes(4)
    assert handing.records(data) == [("", ""), ("", "eth0"), ("ns", "lo0")]


@pytest.mark.parametrize("size", range(1, 6))
def test_a_record_that_is_cut_is_refused(size: int) -> None:
    with pytest.raises(handing.TakeFailure, match="Inconsistency"):
        handing.records(handing.record(b"")[:size])


def test_more_sockets_than_one_message_carries(tmp_path: Path) -> None:
    path, number = str(tmp_path / "s"), 2 * handing.BATCH + 3
    with listening() as sock, socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()

        def give() -> None:
            with door.accept()[0] as client:
                assert client.recv(100) == handing.COMMAND
                client.setblocking(False)
                asyncio.run(getsocks.send(client, [sock.fileno()] * number))

        thread = threading.Thread(target=give)
        thread.start()
        found = handing.take(path)
        thread.join()
        assert [(one.address, one.family) for one in found] == [(sock.getsockname(), socket.AF_INET)] * number
        handing.close(one.fd for one in found)


def test_a_line_takes_the_socket_of_its_address_and_no_other(tmp_path: Path) -> None:
    with listening() as one, listening() as other, listening(socket.AF_INET6, "::1") as six:
        given = [taken(one), taken(other), taken(six)]
        lines = wants(tmp_path, f"127.0.0.1:{other.getsockname()[1]}", f"[0:0::1]:{six.getsockname()[1]} backlog 7")
        found = handing.match(given, lines)
        assert found == {lines[0].key: given[1].fd, lines[1].key: given[2].fd}
        with pytest.raises(OSError):
            os.fstat(given[0].fd)  # nobody wants it
        handing.close(found.values())


def test_two_sockets_of_one_address_go_to_two_lines(tmp_path: Path) -> None:
    with listening() as sock:
        given = [taken(sock), taken(sock)]
        at = f"127.0.0.1:{sock.getsockname()[1]}"
        found = handing.match(given, wants(tmp_path, at, at))
        assert sorted(found.values()) == sorted(one.fd for one in given)
        handing.close(found.values())


@pytest.mark.parametrize("names", [("lo", ""), ("", "other")])
def test_another_interface_or_namespace_does_not_fit(tmp_path: Path, names: tuple[str, str]) -> None:
    with listening() as sock:
        assert handing.match([taken(sock, *names)], wants(tmp_path, f"127.0.0.1:{sock.getsockname()[1]}")) == {}


def test_an_option_that_cannot_be_changed_must_be_the_same(tmp_path: Path) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as sock:
        port = sock.getsockname()[1]
        assert handing.match([taken(sock)], wants(tmp_path, f":::{port} v6only")) == {}
        found = handing.match([taken(sock)], wants(tmp_path, f":::{port} v4v6"))
        assert len(found) == 1
        handing.close(found.values())


def test_what_does_not_listen_is_closed(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        given = [handing._taken(reader, "", ""), taken(sock)]
        assert handing.match(given, wants(tmp_path, f"127.0.0.1:{sock.getsockname()[1]}")) == {}
    with pytest.raises(OSError):
        os.fstat(reader)
