"""What expressions and formats see in a health check: its backend, its server, what has been answered, its variables.

Variables of the scope `check` live as long as one check (manual 2.8).
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport Action, LogFormat
from haproxy_py.rules.sample cimport Expr, Sample, SCRATCH_SIZE, T_SINT, T_STR, page


cdef class Facts(Txn):
    """One check. `received` are the bytes of a TCP answer or of an HTTP answer's body."""

    cdef bytes kept

    def __init__(self, ServerSlot srv not None) -> None:
        self.be = srv.proxy
        self.srv = srv
        self.receive(b"")

    def receive(self, bytes received not None) -> None:
        """What has arrived so far."""
        self.kept = received
        self.payload = self.kept
        self.payload_len = <uint32_t>len(received)
        self.payload_final = True

    def answered(self, Head head) -> None:
        """The head of an HTTP answer."""
        self.http = True
        self.res = head
        self.res_seen = True

    def render(self, LogFormat format not None) -> bytes:
        """A format's bytes, at most SCRATCH_SIZE."""
        cdef char *out = page()
        cdef int n = format.render(self, out, SCRATCH_SIZE)
        return out[:n] if n > 0 else b""

    def number(self, Expr expr not None) -> int | None:
        """An expression's value as an integer; None: it has none."""
        cdef Sample s
        memset(&s, 0, sizeof(Sample))
        return s.num if expr.eval_as(self, &s, T_SINT) > 0 else None

    def text(self, Expr expr not None) -> bytes | None:
        """An expression's value as text."""
        cdef Sample s
        memset(&s, 0, sizeof(Sample))
        return s.ptr[:s.len] if expr.eval_as(self, &s, T_STR) > 0 else None

    def act(self, Action action not None) -> None:
        """set-var and its kin."""
        action.run(self)
