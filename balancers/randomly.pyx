"""balance random[(DRAWS)]: the least loaded of some servers drawn from the ring (manual 4.2, balance; hash-balance-factor).

A random number belongs to a server as a key does in consistent hashing, so weights are followed as closely as points on a
circle do it. Of the DRAWS (2 by default) servers the one with the least streams for its weight is taken, of equals the one
drawn last. When it is full the stream waits in the backend's queue.
"""

from collections.abc import Sequence
from os import urandom

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ServerShared
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport StateHead, server_full
from balancers.hashed cimport Hashed
from balancers.registry import balancer

cdef struct DiceHead:        # in the cache line of balancers.base.StateHead, before the ring
    StateHead head
    uint64_t dice            # state of the random numbers, never 0


cdef class Randomly(Hashed):
    cdef uint32_t draws

    def __cinit__(self):
        self.holds = False
        self.overtakes = True
        self.draws = 2
        Hashed.hash_type(self, "consistent", "sdbm", "")

    def configure(self, words: Sequence[str]) -> None:
        """words: how many draws, if it is said."""
        if words:
            self.draws = int(words[0])

    def hash_type(self, str method not None, str function not None, str modifier not None, *, int factor=0,
                  str affinity not None="always") -> None:
        """Of all that is said about hashing only hash-balance-factor counts; the ring is used whatever the method is."""
        Hashed.hash_type(self, "consistent", function, modifier, factor=factor)

    cdef void init_state(self) noexcept:
        self.seed(int.from_bytes(urandom(8), "little"))
        Hashed.init_state(self)

    def seed(self, uint64_t number) -> None:
        """Make the draws repeatable."""
        (<DiceHead *>self.state).dice = number | 1

    cdef uint32_t draw(self) noexcept:
        """A random number of xorshift64*."""
        cdef DiceHead *head = <DiceHead *>self.state
        cdef uint64_t x = head.dice | (head.dice == 0)
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        head.dice = x
        return <uint32_t>((x * <uint64_t>0x2545F4914F6CDD1D) >> 32)

    cdef int choose(self, Txn t) noexcept:
        cdef uint32_t n
        cdef int found, best = -1
        for n in range(self.draws):
            found = self.layout.find(self.draw(), self.avoid)
            if found < 0:
                return -1
            if best < 0 or not self.busier(found, best):
                best = found
        return -1 if server_full(self.shared[best], self.proxy.shared.scur, self.fullconn) else best

    cdef bint busier(self, int i, int than) noexcept:
        cdef ServerShared *a = self.shared[i]
        cdef ServerShared *b = self.shared[than]
        return <uint64_t>a.scur * b.eweight > <uint64_t>b.scur * a.eweight


balancer("random", dynamic=True, source="manual 4.2", argument="hash")(Randomly)
