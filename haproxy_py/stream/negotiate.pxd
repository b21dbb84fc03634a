from haproxy_py.engine.message cimport Head

cdef bint negotiates(Head h) noexcept        # a 401 or 407 that begins NTLM or Negotiate
