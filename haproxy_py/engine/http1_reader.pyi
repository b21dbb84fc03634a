from haproxy_py.engine.message import Head

BAD: int
TOO_LARGE: int
TOO_MANY: int
BAD_VERSION: int
UNSUPPORTED_TE: int
BODY_NONE: int
BODY_LENGTH: int
BODY_CHUNKED: int
BODY_UNTIL_CLOSE: int
BODY_TUNNEL: int

class Refused(ValueError):
    code: int
    position: int
    def __init__(self, code: int, position: int) -> None: ...

class HeadReader:
    @property
    def head(self) -> Head: ...
    def __init__(
        self, *, response: bool = False, max_fields: int = 101, size: int = 15360, lenient: bool = False
    ) -> None: ...
    def feed(self, data: bytes) -> int: ...

class BodyReader:
    def __init__(self, mode: int, length: int = 0, *, strip: bool = False) -> None: ...
    @property
    def done(self) -> bool: ...
    @property
    def payload(self) -> int: ...
    def feed(self, data: bytes) -> tuple[bytes, bytes]: ...

def parse_request(data: bytes, *, max_fields: int = 101, lenient: bool = False) -> Head | None: ...
def parse_response(data: bytes, *, max_fields: int = 101, lenient: bool = False) -> Head | None: ...
def time_head(data: bytes, rounds: int) -> float: ...
