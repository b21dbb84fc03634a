"""A pool of servers without sockets, for tests of balancers and of what uses them."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, Segment, SRV_RUNNING, SRV_STOPPED
from balancers.base cimport Balancer, nbsrv, recount


cdef class Pool:
    """Args: make: a Balancer class; weights: user weights 0..256, one a server; backups: numbers of backup servers."""
    cdef readonly Segment segment
    cdef readonly ProxySlot proxy
    cdef readonly Balancer balancer
    cdef readonly list servers

    def __init__(self, make, weights, *, backups=(), bint allbackups=False, int workers=1):
        cdef ServerSlot slot
        self.balancer = make()
        self.segment = Segment(workers, proxies=1, servers=len(weights), extra_bytes=self.balancer.state_size(len(weights)) + 64)
        self.proxy = self.segment.proxy("b")
        self.servers = []
        for i, weight in enumerate(weights):
            slot = self.segment.server(self.proxy, f"s{i}", i + 1)
            slot.shared.state = SRV_RUNNING
            slot.shared.uweight = weight
            slot.shared.iweight = weight
            slot.shared.eweight = weight * 16
            slot.shared.backup = i in backups
            self.servers.append(slot)
        self.balancer.attach(self.proxy, self.servers, allbackups=allbackups)

    def pick(self) -> int | None:
        """Number of the chosen server, from 0."""
        cdef ServerSlot slot = self.balancer.pick(None)
        return None if slot is None else slot.puid - 1

    def picks(self, int n) -> list:
        return [self.pick() for _ in range(n)]

    def weight(self, int i, uint32_t weight) -> None:
        """`set server b/sI weight N`."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.uweight = weight
        slot.shared.eweight = weight * 16
        self.moved()

    def up(self, int i, bint up=True) -> None:
        cdef ServerSlot slot = self.servers[i]
        slot.shared.state = SRV_RUNNING if up else SRV_STOPPED
        self.moved()

    def down(self, int i) -> None:
        self.up(i, False)

    def limit(self, int i, uint32_t maxconn, uint32_t scur) -> None:
        """Server `i` takes maxconn streams and has scur."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.maxconn = maxconn
        slot.shared.scur = scur

    cdef void moved(self) noexcept:
        recount(self.proxy)
        self.proxy.shared.generation += 1

    @property
    def nbsrv(self) -> int:
        return nbsrv(self.proxy, self.balancer.allbackups)

    @property
    def tot_weight(self) -> int:
        """Sum of the effective weights in use, scaled by 16."""
        return self.proxy.shared.tot_weight
