"""source, uri, url_param, hdr, rdp-cookie, hash: a key of the request decides (manual 4.2, balance and hash-type).

The same key finds the same server as in HAProxy, as long as the servers are the same. The server found is meant: if it has
no free slot the stream waits for it. Without a key those with a free slot take turns, in the order of the table or ring.
"""

from collections.abc import Sequence

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport ServerSlot
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer, StateHead, begin, finish, nbsrv
from balancers.hashing import numbered
from balancers.keys cimport KeySource
from balancers.keys import HeaderKey, ParamKey, SourceKey, UriKey
from balancers.layout cimport Layout
from balancers.map cimport Map
from balancers.registry import balancer
from balancers.ring cimport Ring, AFFINITY_ALWAYS, AFFINITY_MAXCONN, AFFINITY_MAXQUEUE, KEY_ADDR, KEY_ADDR_PORT, KEY_ID

cdef enum:
    HEAD = 64            # StateHead, rounded up to a cache line

AFFINITIES = {"always": AFFINITY_ALWAYS, "maxconn": AFFINITY_MAXCONN, "maxqueue": AFFINITY_MAXQUEUE}
HASH_KEYS = {"id": KEY_ID, "addr": KEY_ADDR, "addr-port": KEY_ADDR_PORT}


cdef class Hashed(Balancer):
    """Life: made, configure()d with the words of the `balance` line, hash_type() and what else the backend says, attach()ed."""

    def __cinit__(self, *args, **kwargs):
        self.holds = True
        self.one_is_keyed = True
        self.source = KeySource()
        self.layout = Map()

    def hash_type(self, str method not None, str function not None, str modifier not None, *, int factor=0,
                  str affinity not None="always") -> None:
        """hash-type METHOD FUNCTION MODIFIER; for consistent hashing also hash-balance-factor and hash-preserve-affinity.

        Raises: ValueError, KeyError: a word that is none of the manual's.
        """
        cdef Ring ring
        self.source.function = numbered(function)
        self.source.scattered = modifier == "avalanche"
        self.dynamic = method == "consistent"
        self.layout = Map()
        if self.dynamic:
            ring = Ring()
            ring.factor = factor
            ring.affinity = AFFINITIES[affinity]
            self.by_load = factor > 0
            self.layout = ring

    def hash_keys(self, keys: Sequence[str]) -> None:
        """hash-key of each server, in order; a map has no use for them. Raises: KeyError: none of the manual's words."""
        if isinstance(self.layout, Ring):
            self.layout.hash_keys = {i: HASH_KEYS[key] for i, key in enumerate(keys) if key != "id"}

    def hash_key(self, ServerSlot server not None, str key not None) -> None:
        """hash-key of one server that was added at run time: in every worker, before it is enabled. Raises: KeyError."""
        if isinstance(self.layout, Ring):
            (<Ring>self.layout).hash_keys[server.place] = HASH_KEYS[key]

    cdef size_t state_bytes(self, uint32_t servers) noexcept:
        return HEAD + self.layout.block_bytes(servers)

    cdef void init_state(self) noexcept:
        self.layout.start(self, <char *>self.state + HEAD)

    cdef void sync(self) noexcept:
        self.layout.sync()

    cdef void repair(self) noexcept:
        self.layout.repair()

    cdef void load_changed(self, ServerSlot server) noexcept:
        begin(self)
        self.layout.note_load(server.place)
        finish(self)

    cdef bint digest(self, Txn t) noexcept:
        return t is not None and self.source.digest(t, &self.hash)

    cdef ServerSlot pick_other(self, Txn t, ServerSlot avoid):
        self.keyed = self.digest(t)
        return Balancer.pick_other(self, t, avoid)

    cdef int choose(self, Txn t) noexcept:
        if self.keyed:
            return self.layout.find(self.hash, self.avoid)
        if self.one_is_keyed and nbsrv(self.proxy, self.allbackups) == 1:
            return self.layout.find(0, self.avoid)
        return self.layout.turn(self.avoid)

    def server_of(self, uint32_t hash) -> ServerSlot | None:
        """Whom a number belongs to now; nothing is picked."""
        cdef StateHead *head = <StateHead *>self.state
        cdef int i
        begin(self)
        if head.generation != self.proxy.shared.generation:
            head.generation = self.proxy.shared.generation
            self.sync()
        i = self.layout.find(hash, -1)
        finish(self)
        return None if i < 0 else self.servers[i]


cdef class Source(Hashed):
    def configure(self, words: Sequence[str]) -> None:
        self.source = SourceKey()


cdef class Uri(Hashed):
    def configure(self, words: Sequence[str]) -> None:
        given = dict(zip(words, [*words[1:], ""]))
        self.source = UriKey(whole="whole" in words, path_only="path-only" in words,
                             length=int(given.get("len", 0)), depth=int(given.get("depth", 0)))


cdef class UrlParam(Hashed):
    def configure(self, words: Sequence[str]) -> None:
        self.one_is_keyed = False
        self.source = ParamKey(encoded(words[0]))


cdef class Header(Hashed):
    def configure(self, words: Sequence[str]) -> None:
        self.source = HeaderKey(encoded(words[0]), domain="use_domain_only" in words[1:])


cdef class Computed(Hashed):
    """hash, rdp-cookie: whoever compiles rules gives the source."""

    def computed_by(self, KeySource source not None) -> None:
        """Take the keys from here. Call it before hash_type()."""
        self.source = source


def encoded(text: str) -> bytes:
    """A word of the configuration as bytes."""
    return text.encode("utf-8", "surrogateescape")


for _name, _class in (("source", Source), ("uri", Uri), ("url_param", UrlParam), ("hdr", Header), ("hash", Computed),
                      ("rdp-cookie", Computed)):
    balancer(_name, dynamic=False, source="manual 4.2", argument="hash")(_class)
