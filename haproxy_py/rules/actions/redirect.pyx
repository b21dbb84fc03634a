"""redirect, as an action and as a keyword (manual 4.2 redirect)."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.message cimport H_HOST, HF_CHUNKED
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_REPLY
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE
from haproxy_py.rules.actionset import HTTP_REQUEST, HTTP_RESPONSE, ActionError, action, format_of, is_condition
from haproxy_py.rules.reasons import reason

_KINDS = ("prefix", "location", "scheme")
_WORDS = "'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query', 'ignore-empty' or 'append-slash'"


cdef uint32_t _put(char *out, uint32_t k, const char *p, uint32_t n) noexcept nogil:
    """Copy behind out[k], as much as fits."""
    if n > SCRATCH_SIZE - k:
        n = SCRATCH_SIZE - k
    memcpy(out + k, p, n)
    return k + n


cdef class Redirect(Action):
    """Answers with a location; goes on with the next rule when that is empty and ignore-empty is set."""

    cdef str kind
    cdef Format format
    cdef int code
    cdef bytes phrase
    cdef bytes cookie            # value of set-cookie; None: none
    cdef bint drop_query
    cdef bint append_slash
    cdef bint ignore_empty

    def __init__(self, str kind, Format format, dict options) -> None:
        self.kind = kind
        self.format = format
        self.code = options.get("code", 302)
        self.phrase = reason(self.code)
        self.cookie = options.get("cookie")
        self.drop_query = "drop-query" in options
        self.append_slash = "append-slash" in options
        self.ignore_empty = "ignore-empty" in options

    cdef int run(self, Txn t) noexcept:
        cdef char *out = page()
        cdef uint32_t k = 0, n
        n = <uint32_t>self.format.render(t, out, SCRATCH_SIZE)
        if n == 0 and self.ignore_empty:
            return V_CONTINUE
        if self.kind == "location":
            k = n
        elif self.kind == "prefix":
            k = 0 if n == 1 and out[0] == c'/' else n
            k = self.target(t, out, k)
        else:
            k = self.host(t, out, _put(out, n, b"://", 3))
            k = self.target(t, out, k)
        self.answer(t, out[:k])
        return V_REPLY

    cdef uint32_t host(self, Txn t, char *out, uint32_t k) noexcept:
        """The first Host field."""
        cdef int i = t.req.find_id(H_HOST, 0)
        if i < 0:
            return k
        return _put(out, k, t.req.fields[i].value, t.req.fields[i].value_len)

    cdef uint32_t target(self, Txn t, char *out, uint32_t k) noexcept:
        """Path and query of the request; without query (drop-query), then perhaps a slash (append-slash)."""
        cdef const char *p
        cdef uint32_t n
        t.req.path(&p, &n)
        if n == 0:
            return _put(out, k, b"/", 1)
        if not self.drop_query:
            n = <uint32_t>(t.req.target + t.req.target_len - p)
        k = _put(out, k, p, n)
        if self.append_slash and p[n - 1] != c'/':
            k = _put(out, k, b"/", 1)
        return k

    cdef void answer(self, Txn t, bytes location) noexcept:
        """As HAProxy, the client of a request with a body is told to close: the body is not read."""
        cdef Reply reply
        cdef list fields = [(b"content-length", b"0"), (b"location", location)]
        if self.code in (302, 303, 307):
            fields.append((b"cache-control", b"no-cache"))
        if self.cookie is not None:
            fields.append((b"set-cookie", self.cookie))
        reply = Reply.__new__(Reply)
        reply.status = reply.logged = self.code
        reply.version = 11
        reply.reason = self.phrase
        reply.body = b""
        reply.fields = fields
        t.reply = reply
        t.reply_status = self.code
        if t.req.flags & HF_CHUNKED or t.req.content_length:
            t.reply_close = True


def _cookie(word: str, value: str) -> bytes:
    """Value of the set-cookie field."""
    raw = value.encode("utf-8", "surrogateescape")
    return raw + (b"; path=/; Max-Age=0;" if word == "clear-cookie" else b"; path=/;")


def _code(text: str) -> int:
    if text not in ("301", "302", "303", "307", "308"):
        raise ActionError(f"'code': unsupported HTTP code '{text}' (must be one of 301, 302, 303, 307 or 308)")
    return int(text)


def parse_redirect(words: list, i: int, scope: object, rules: str, bint literal=False) -> tuple:
    """redirect location|prefix|scheme <format> [code n] [options]. literal: the text stands for itself. Raises ActionError."""
    kind = text = None
    options: dict = {}
    while i < len(words) and not is_condition(words[i]):
        word = words[i]
        if word in _KINDS or word in ("code", "set-cookie", "clear-cookie"):
            i += 1
            if i >= len(words) or not words[i]:
                raise ActionError(f"missing argument for '{word}'")
            if word in _KINDS:
                kind, text = word, words[i]
            elif word == "code":
                options["code"] = _code(words[i])
            else:
                options["cookie"] = _cookie(word, words[i])
        elif word in ("drop-query", "append-slash", "ignore-empty"):
            options[word] = True
        else:
            raise ActionError(f"expects {_WORDS} (was '{word}')")
        i += 1
    if kind is None:
        raise ActionError("redirection type expected ('prefix', 'location', or 'scheme')")
    return Redirect(kind, format_of(text.replace("%", "%%") if literal else text, scope), options), i


action("redirect", rules=(HTTP_REQUEST, HTTP_RESPONSE), source="manual 4.2 redirect")(parse_redirect)
