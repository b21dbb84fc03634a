"""Types of stream.view."""

from typing import Any

from backends.server import Server
from haproxy_py.engine.worker import Worker

def table(worker: Worker) -> list[dict[str, Any]]: ...
def kill(worker: Worker, number: int) -> bool: ...
def kill_on(worker: Worker, server: Server) -> int: ...
