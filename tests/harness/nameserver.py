"""A scripted nameserver on UDP and TCP: `answer` decides about every question, and may be changed at any time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import dns.message
import dns.rrset

Rows = Sequence[tuple[str, str, str]]
Answer = Callable[[dns.message.Message, str, str], dns.message.Message | bytes | None]


def reply(query: dns.message.Message, *records: tuple[str, str, str], more: Rows = (), code: int = 0) -> dns.message.Message:
    """An answer. records, more: (name, type, text) of the answer and the additional section."""
    made = dns.message.make_response(query)
    made.set_rcode(code)
    made.answer += [dns.rrset.from_text(name, 5, "IN", kind, text) for name, kind, text in records]
    made.additional += [dns.rrset.from_text(name, 5, "IN", kind, text) for name, kind, text in more]
    return made


def zone(records: dict[tuple[str, str], Sequence[str]], code: int = 0) -> Answer:
    """An answer out of a table: (name, type) to texts. code: of everything that is not in it."""

    def answer(query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        found = records.get((name, kind), ())
        return reply(query, *((name, kind, text) for text in found), code=0 if found else code)

    return answer


class Nameserver:
    """Use as a context manager. asked: (name, type) of every question so far; port: the same of UDP and TCP."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._tcp.getsockname()[1])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        for work in (self._datagrams, self._streams):
            threading.Thread(target=work, daemon=True).start()

    def _reply(self, data: bytes) -> bytes | None:
        query = dns.message.from_wire(data)
        name, kind = str(query.question[0].name), query.question[0].rdtype.name
        self.asked.append((name, kind))
        made = self.answer(query, name, kind)
        return made.to_wire(max_size=65535) if isinstance(made, dns.message.Message) else made

    def _datagrams(self) -> None:
        while True:
            try:
                data, peer = self._udp.recvfrom(65535)
            except OSError:
                return
            if not data:
                return
            told = self._reply(data)
            if told is not None:
                with contextlib.suppress(OSError):  # closed meanwhile
                    self._udp.sendto(told, peer)

    def _streams(self) -> None:
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(sock,), daemon=True).start()

    def _stream(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as stream:
            while len(size := stream.read(2)) == 2:
                told = self._reply(stream.read(int.from_bytes(size, "big")))
                if told is not None:
                    sock.sendall(len(told).to_bytes(2, "big") + told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", ("127.0.0.1", self.port))
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._tcp.close()
        self._udp.close()
