"""Leftist heaps over an array of records: insert, first and removal of any one in O(log n), no memory of their own.

The top of a heap is what is served next. `all[0]` is nobody: numbers count from 1.
"""

from libc.stdint cimport uint32_t


cdef inline uint32_t rank(Waiter *all, uint32_t n) noexcept nogil:
    return all[n].rank if n else 0


cdef inline bint settle(Waiter *all, uint32_t n) noexcept nogil:
    """Make `n` leftist again when its children are; whether its rank has changed."""
    cdef Waiter *w = &all[n]
    cdef uint32_t child, before = w.rank
    if rank(all, w.left) < rank(all, w.right):
        child = w.left
        w.left = w.right
        w.right = child
    w.rank = rank(all, w.right) + 1
    return w.rank != before


cdef uint32_t merge(Waiter *all, uint32_t a, uint32_t b) noexcept nogil:
    """One heap of two (0: empty); its top, whose parent the caller sets."""
    cdef uint32_t top = 0, last = 0, other
    while a and b:
        if goes_before(&all[b], &all[a]):
            other = a
            a = b
            b = other
        if last:
            all[last].right = a
            all[a].parent = last
        else:
            top = a
        last = a
        a = all[a].right
    a = a or b
    if not last:
        return a
    all[last].right = a
    if a:
        all[a].parent = last
    while last != top:
        settle(all, last)
        last = all[last].parent
    settle(all, top)
    return top


cdef void heap_insert(Waiter *all, uint32_t *root, uint32_t n) noexcept nogil:
    """Put record `n`, whose keys are set, into the heap."""
    all[n].left = all[n].right = all[n].parent = 0
    all[n].rank = 1
    root[0] = merge(all, root[0], n)
    all[root[0]].parent = 0


cdef void heap_remove(Waiter *all, uint32_t *root, uint32_t n) noexcept nogil:
    """Take record `n`, wherever it stands, out of the heap."""
    cdef uint32_t parent = all[n].parent
    cdef uint32_t rest = merge(all, all[n].left, all[n].right)
    if rest:
        all[rest].parent = parent
    if not parent:
        root[0] = rest
        return
    if all[parent].left == n:
        all[parent].left = rest
    else:
        all[parent].right = rest
    while parent and settle(all, parent):
        parent = all[parent].parent
