"""Types of backends.state for Python."""

from typing import Any

from haproxy_py.engine.shm import ProxySlot, ServerSlot

STOPPED: int
STARTING: int
RUNNING: int
STOPPING: int
CHECK_IN_PROGRESS: int
CHECK_CONFIGURED: int
CHECK_ENABLED: int
CHECK_PAUSED: int

def set_state(slot: ServerSlot, state: int, now: int) -> tuple[int, int, int, int]: ...
def refresh(proxy: ProxySlot) -> tuple[int, int]: ...
def set_check(
    slot: ServerSlot, status: int, code: int, duration_ms: int, text: bytes, health: int, failed: bool
) -> None: ...
def set_check_state(slot: ServerSlot, bits: int) -> None: ...
def check_state(slot: ServerSlot) -> int: ...
def facts(slot: ServerSlot) -> dict[str, Any]: ...
def address(slot: ServerSlot) -> tuple[str, int]: ...
