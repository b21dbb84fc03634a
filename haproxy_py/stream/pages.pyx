"""The fixed texts of errors found below the rules: a head that cannot be parsed, or did not come in time.

HAProxy sends these as they stand, with the field names in their written case, and closes (docs/oracle-facts.md 3).
"""

from haproxy_py.engine.reply cimport Reply

cdef dict made = {}


cdef bytes raw_page(Reply page):
    """The wire text of a built-in page. 422 says nothing of the connection; every other announces its end."""
    text = made.get(page.status)
    if text is None:
        close = b"" if page.status == 422 else b"Connection: close\r\n"
        text = (b"HTTP/1.1 %d %b\r\nContent-length: %d\r\nCache-Control: no-cache\r\n%bContent-Type: text/html\r\n\r\n%b"
                % (page.status, page.reason, len(page.body), close, page.body))
        made[page.status] = text
    return text
