"""The fixed texts of errors found below the rules."""

from haproxy_py.engine.reply cimport Reply

cdef bytes raw_page(Reply page)
