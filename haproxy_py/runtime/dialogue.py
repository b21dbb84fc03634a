"""A conversation on the runtime socket without its socket: which bytes answer which command (management manual 9.3).

The shells (asyncio in a worker, poll in the master) feed bytes, take commands out one by one and send what comes back.
"""

from __future__ import annotations

from collections.abc import Callable

from haproxy_py.engine import clock
from haproxy_py.runtime.call import Call, Client
from haproxy_py.runtime.help import no_such_command
from haproxy_py.runtime.home import Home
from haproxy_py.runtime.reader import TOO_BIG, Reader, Request, TooBig
from haproxy_py.runtime.registry import ERR, Answer, Command, Output, find

EXPERT_ONLY = "This command is restricted to expert mode only.\n"
EXPERIMENTAL_ONLY = "This command is restricted to experimental mode only.\n"


class Dialogue:
    """Args: service: what commands work on. client: its state. limit: the most bytes of one command. table: its commands."""

    def __init__(self, service: Home, client: Client, limit: int, table: dict[tuple[str, ...], Command]) -> None:
        self.service = service
        self.client = client
        self.table = table
        self.reader = Reader(limit)
        self.wake: Callable[[], bool] = lambda: False

    def next(self) -> Request | None:
        """The next command. None: more bytes are needed, or the end of it (client.closing)."""
        try:
            return self.reader.next()
        except TooBig:
            self.client.closing = True
            self.client.tags["last words"] = self.client.message(Answer(TOO_BIG)) + "\n"
            return None

    def run(self, request: Request) -> Output:
        """Start a command. What it raises is text of the answer already."""
        if not request.words:
            return None
        row = find(request.words, self.table)
        client = self.client
        if row is None:
            return no_such_command(request.words, self.table, client)
        call = Call(request.words, request.words[len(row.words) :], request.payload, client, self.service, self.table, row, self.wake)
        try:
            if row.experimental and not client.experimental:
                raise Answer(EXPERIMENTAL_ONLY, ERR)
            if row.expert and not client.expert:
                raise Answer(EXPERT_ONLY, ERR)
            call.need(row.level)
            return row.run(call)
        except Answer as answer:
            return client.message(answer)

    def behind(self, request: Request) -> str:
        """What follows the answer: an empty line and, with a prompt, the prompt. Closes a connection that has had its line."""
        client = self.client
        if client.closing:
            return ""
        if client.prompt:
            return "\n" + self.prompt()
        if request.last and not client.interactive and not self.reader.pending:
            client.closing = True
        return "\n"

    def prompt(self) -> str:
        """`> `, with the uptime when asked for; `+ ` inside of a payload."""
        if self.reader.in_payload:
            return "+ "
        if not self.client.timed:
            return "> "
        seconds = max(0, int(clock.now() - self.service.started_at))
        days, rest = divmod(seconds, 86400)
        return f"[{days}:{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}]> "
