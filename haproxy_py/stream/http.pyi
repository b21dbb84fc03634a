"""Types of stream.http for Python; the C side is in http.pxd."""

from haproxy_py.stream.session import Mux

class HttpMux(Mux): ...

def mux() -> HttpMux: ...
