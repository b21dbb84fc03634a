"""Types of stream.tcp for Python; the C side is in tcp.pxd."""

from haproxy_py.stream.session import Mux

class TcpMux(Mux): ...

def mux() -> TcpMux: ...
