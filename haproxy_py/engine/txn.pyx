"""The facts of one request or TCP session, as rules and logs see them. No behaviour but the reset."""

cdef class Txn:
    """See txn.pxd. Streams inherit it; tests build one by hand (rules.testing)."""

    def __cinit__(self, *args, **kwargs):
        self.term_cause = TERM_NONE
        self.term_state = TERM_NONE
        self.cookie_state = TERM_NONE
        self.set_cookie_state = TERM_NONE
        self.status = -1

    cdef bytes id_of(self):
        return self.unique_id

    cdef void rewrite_failed(self) noexcept:
        pass

    cdef void resume(self) noexcept:
        pass
