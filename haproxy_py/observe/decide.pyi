"""Types of observe.decide for Python."""

def should_log(
    cause: str,
    *,
    retries: int = 0,
    redispatched: bool = False,
    status: int = -1,
    null: bool = False,
    dontlognull: bool = False,
    dontlog_normal: bool = False,
    separate_errors: bool = False,
) -> int | None: ...
