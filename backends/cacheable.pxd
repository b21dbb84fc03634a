from haproxy_py.engine.txn cimport Txn

cdef bint cacheable(Txn t) noexcept        # whether a cache may keep this response
