"""HTTP authentication against userlists (manual 7.3.6 http_auth and its kin, 12.2; RFC 7617, RFC 6750).

Hashed passwords go through crypt(3) of the system's libcrypt, which is looked for when the first one is checked: a
configuration without hashes runs on systems that have none.
"""

from binascii import Error as Base64Error, a2b_base64
from libc.stdint cimport uint32_t
from libc.string cimport memcmp, strlen
from haproxy_py.engine.message cimport Head, H_AUTHORIZATION
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.heads cimport request_head
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_text, S_MORE
from haproxy_py.config.keywords.userlist import GROUPS, USERS
from haproxy_py.rules.registry import acl_keyword, fetch

cdef extern from "dlfcn.h" nogil:
    void *dlopen(const char *name, int flags)
    void *dlsym(void *handle, const char *symbol)
    int RTLD_NOW

_SOURCE = "manual 7.3.6"
_SCHEMES = {b"basic": b"Basic", b"bearer": b"Bearer"}
_LIBRARIES = (b"libcrypt.so.1", b"libcrypt.so.2", b"libcrypt.so")

ctypedef char *(*Crypt)(const char *, const char *) noexcept nogil

cdef Crypt _crypt = NULL
cdef bint _looked = False


cdef Crypt find_crypt() noexcept:
    """crypt(3), NULL when the system has none. One thread runs rules, so its static result is safe."""
    global _crypt, _looked
    cdef bytes name
    cdef void *library
    if not _looked:
        _looked = True
        for name in _LIBRARIES:
            library = dlopen(name, RTLD_NOW)
            if library != NULL:
                _crypt = <Crypt>dlsym(library, "crypt")
                break
    return _crypt


cpdef bint crypt_matches(bytes password, bytes hashed) noexcept:
    """Whether a password gives this crypt(3) hash. False as well for a hash of an unknown kind."""
    cdef Crypt crypt = find_crypt()
    cdef char *got
    if crypt == NULL or not hashed:
        return False
    got = crypt(password, hashed)
    return got != NULL and strlen(got) == <size_t>len(hashed) and memcmp(got, <const char *>hashed, len(hashed)) == 0


cdef class Users:
    """One userlist, ready to be asked."""

    cdef dict passwords          # name -> (password or None, plain)
    cdef dict groups             # name -> [group]

    def __init__(self, section) -> None:
        self.passwords = {}
        self.groups = {}
        for user in section[USERS].values():
            name = _raw(user.name)
            self.passwords[name] = (None if user.password is None else _raw(user.password), user.plain)
            own = list(user.groups) + [group for group, members in section[GROUPS].items() if user.name in members]
            self.groups[name] = [_raw(group) for group in dict.fromkeys(own)]

    cdef bint knows(self, bytes name, bytes password) noexcept:
        known = self.passwords.get(name)
        if known is None or known[0] is None:
            return False
        if known[1]:
            return <bint>(known[0] == password)
        return crypt_matches(password, known[0])


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


cdef tuple split_field(Txn t, bytes field, int *rc):
    """(scheme, rest) of the authorization field, or of another one of that name. None: none; then *rc is 0 or -1."""
    cdef Head head = request_head(t, rc)
    cdef int i
    cdef bytes value, scheme
    if head is None:
        return None
    rc[0] = 0
    i = head.find_id(H_AUTHORIZATION, 0) if field is None else head.find(field, <uint32_t>len(field), 0)
    if i < 0:
        return None
    value = head.fields[i].value[:head.fields[i].value_len]
    scheme, blank, rest = value.partition(b" ")
    if not scheme or not blank:
        return None
    rc[0] = 1
    return scheme, rest.lstrip(b" ")


cdef tuple credentials(Txn t, int *rc):
    """(user, password) of a Basic authorization field, else None."""
    cdef tuple found = split_field(t, None, rc)
    if found is None:
        return None
    rc[0] = 0
    if found[0].lower() != b"basic":
        return None
    try:
        text = a2b_base64(found[1], strict_mode=True)
    except Base64Error:
        return None
    name, colon, password = text.partition(b":")
    if not colon:
        return None
    rc[0] = 1
    return name, password


cdef class HttpAuth(Fetch):
    """http_auth(<userlist>), http_auth_group(<userlist>). For an ACL the latter gives the user's groups one by one,
    elsewhere the user's name."""

    cdef str listed
    cdef bint group
    cdef Users users
    cdef bytes held

    def setup(self, list args, group=False) -> None:
        self.listed = args[0]
        self.group = group

    def resolve(self, world) -> None:
        """Find the userlist."""
        self.users = Users(world.userlist(self.listed))

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef tuple who = credentials(t, &rc)
        cdef bint known
        if rc < 0:
            return rc
        if who is None:
            return 0
        known = self.users is not None and (s.cursor > 0 or self.users.knows(who[0], who[1]))
        if not self.group:
            set_bool(s, known)
            return 1
        if not known:
            return 0
        if not s.iterate:
            return self.give(who[0], s)
        return self.next_group(self.users.groups[who[0]], s)

    cdef int next_group(self, list groups, Sample *s) noexcept:
        if s.cursor >= len(groups):
            s.flags &= ~S_MORE
            return 0
        self.give(groups[s.cursor], s)
        s.cursor += 1
        if s.cursor < len(groups):
            s.flags |= S_MORE
        else:
            s.flags &= ~S_MORE
        return 1

    cdef int give(self, bytes text, Sample *s) noexcept:
        self.held = text
        set_text(s, <const char *>self.held, <uint32_t>len(self.held))
        return 1


cdef class HttpAuthPart(Fetch):
    """http_auth_user, http_auth_pass, http_auth_type, http_auth_bearer([<field>])."""

    cdef str part
    cdef bytes field
    cdef bytes held

    def setup(self, list args, part="user") -> None:
        self.part = part
        self.field = _raw(args[0]).lower() if args and args[0] else None

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef tuple found
        if self.part == "bearer":
            found = split_field(t, self.field, &rc)
            if found is None or found[0].lower() != b"bearer":
                return rc if rc < 0 else 0
            return self.give(found[1], s)
        if self.part == "type":
            found = split_field(t, None, &rc)
            known = None if found is None else _SCHEMES.get(found[0].lower())
            return self.give(known, s) if known is not None else rc if rc < 0 else 0
        found = credentials(t, &rc)
        if found is None:
            return rc
        return self.give(found[0] if self.part == "user" else found[1], s)

    cdef int give(self, bytes text, Sample *s) noexcept:
        self.held = text
        set_text(s, <const char *>self.held, <uint32_t>len(self.held))
        return 1


fetch("http_auth", args="usr?", type="bool", needs="hrqhv", source=_SOURCE)(HttpAuth)
fetch("http_auth_group", args="usr?", type="str", needs="hrqhv", source=_SOURCE, group=True)(HttpAuth)
fetch("http_auth_user", type="str", needs="hrqhv", source=_SOURCE, part="user")(HttpAuthPart)
fetch("http_auth_pass", type="str", needs="hrqhv", source=_SOURCE, part="pass")(HttpAuthPart)
fetch("http_auth_type", type="str", needs="hrqhv", source=_SOURCE, part="type")(HttpAuthPart)
fetch("http_auth_bearer", args="str?", type="str", needs="hrqhv", source=_SOURCE, part="bearer")(HttpAuthPart)
acl_keyword("http_auth_group", fetch="http_auth_group", match="str", source=_SOURCE)
