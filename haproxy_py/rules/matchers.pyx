"""Pattern matching methods (manual 7.1): one class each, the table METHODS gives the class behind a `-m` word.

Many exact strings, prefixes and suffixes are looked up by hash, addresses by binary search per prefix length, so that a
file of a hundred thousand patterns costs the same few steps as ten do. A matcher is filled at parse time, then only read.
"""

import socket

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stdlib cimport malloc, calloc, free, realloc
from libc.string cimport memcmp, memcpy, memchr
from haproxy_py.engine.sys cimport memmem
from haproxy_py.rules.sample cimport (
    Sample, scratch, SCRATCH_SIZE, T_ANY, T_BOOL, T_SINT, T_ADDR, T_IPV4, T_IPV6, T_STR, T_BIN, T_METH)
from haproxy_py.rules.regex cimport Regex, MAX_GROUPS

cdef extern from *:
    """
    #include <stddef.h>
    static const unsigned char ha_fold[256] = {
    #define R4(x) (x), (x)+1, (x)+2, (x)+3
    #define R16(x) R4(x), R4((x)+4), R4((x)+8), R4((x)+12)
    R16(0), R16(16), R16(32), R16(48),
    64, 97,98,99,100,101,102,103,104,105,106,107,108,109,110,111,
    112,113,114,115,116,117,118,119,120,121,122, 91,92,93,94,95,
    R16(96), R16(112), R16(128), R16(144), R16(160), R16(176), R16(192), R16(208), R16(224), R16(240) };
    static void ha_lower(char *out, const char *p, size_t n) { for (size_t i = 0; i < n; i++) out[i] = (char)ha_fold[(unsigned char)p[i]]; }
    """
    void ha_lower(char *out, const char *p, size_t n) noexcept nogil


class PatternError(ValueError):
    """A pattern that its method cannot take; str() is HAProxy's complaint."""


cdef bytes _raw(str word):
    return word.encode("utf-8", "surrogateescape")


cdef uint64_t _hash(const char *p, uint32_t n) noexcept nogil:
    """FNV-1a, 64 bits."""
    cdef uint64_t h = 14695981039346656037u
    cdef uint32_t i
    for i in range(n):
        h = (h ^ <uint8_t>p[i]) * 1099511628211u
    return h


cdef class TextSet:
    """See matchers.pxd. add() while loading; has() afterwards."""

    def __cinit__(self) -> None:
        self.kept = []
        self.seen = {}

    def __dealloc__(self) -> None:
        free(self.slots)
        free(self.lengths)

    def add(self, bytes text) -> None:
        """Put a string in; doubles are ignored."""
        if text in self.seen:
            return
        self.seen[text] = True
        self.kept.append(text)
        if (self.count + 1) * 2 > (self.mask + 1 if self.slots != NULL else 0):
            self._grow()
        self._place(text, len(text))
        self.count += 1
        self._note_length(len(text))

    def _grow(self) -> None:
        cdef uint32_t size = (self.mask + 1) * 2 if self.slots != NULL else 16
        free(self.slots)
        self.slots = <Slot *>calloc(size, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError
        self.mask = size - 1
        for text in self.kept[:self.count]:
            self._place(text, len(text))

    cdef void _place(self, const char *text, uint32_t n) noexcept:
        cdef uint64_t h = _hash(text, n)
        cdef uint32_t i = h & self.mask
        while self.slots[i].text != NULL:
            i = (i + 1) & self.mask
        self.slots[i].hash = h
        self.slots[i].text = text
        self.slots[i].length = n

    def _note_length(self, uint32_t n) -> None:
        cdef uint32_t i, k
        cdef uint32_t *bigger
        for i in range(self.lengths_n):
            if self.lengths[i] == n:
                return
        bigger = <uint32_t *>realloc(self.lengths, (self.lengths_n + 1) * sizeof(uint32_t))
        if bigger == NULL:
            raise MemoryError
        self.lengths = bigger
        k = self.lengths_n
        while k and self.lengths[k - 1] > n:
            self.lengths[k] = self.lengths[k - 1]
            k -= 1
        self.lengths[k] = n
        self.lengths_n += 1

    cdef bint has(self, const char *p, uint32_t n) noexcept:
        cdef uint64_t h
        cdef uint32_t i
        if self.slots == NULL:
            return False
        h = _hash(p, n)
        i = h & self.mask
        while self.slots[i].text != NULL:
            if self.slots[i].hash == h and self.slots[i].length == n and memcmp(self.slots[i].text, p, n) == 0:
                return True
            i = (i + 1) & self.mask
        return False


cdef class Matcher:
    """Base. add() takes one pattern word; `match` gets a sample already cast to `want`."""

    want_type = T_ANY

    def __init__(self, str method, bint fold=False) -> None:
        self.method = method
        self.fold = fold
        self.want = type(self).want_type

    def add(self, str word) -> None:
        """Take one pattern. Raises PatternError."""
        raise PatternError(f"'{word}' is not expected: this method takes no pattern.")

    def add_words(self, list words) -> None:
        """Take the patterns of a line in order."""
        for word in words:
            self.add(word)

    cdef int match(self, Sample *s) noexcept:
        return 0


cdef class Found(Matcher):
    """-m found: any sample matches."""

    def add(self, str word) -> None:
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        return 1


cdef class Bool(Matcher):
    """-m bool: true matches; patterns are not looked at."""

    want_type = T_BOOL

    def add(self, str word) -> None:
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        return s.num != 0


cdef struct Range:
    int64_t low
    int64_t high


_NO_LOW = -(2 ** 63)
_NO_HIGH = 2 ** 63 - 1
_OPERATORS = ("eq", "ge", "gt", "le", "lt")


def _number(str text, str word) -> int:
    """A decimal number with an optional sign."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits or any(c not in "0123456789" for c in digits):
        raise PatternError(f"'{word}' is not a number.")
    return max(_NO_LOW, min(_NO_HIGH, -int(digits) if text[0] == "-" else int(digits)))


def _dotted(str text, str word) -> int:
    """A version such as 3.1: 16 bits before the point, 16 behind it."""
    major, _, minor = text.partition(".")
    return (_number(major, word) << 16) + (_number(minor, word) if minor else 0)


cdef class Int(Matcher):
    """-m int, -m len: values, ranges `1:9`, `:9`, `1:`; an operator (eq ge gt le lt) applies to all values behind it."""

    cdef Range *ranges
    cdef object read
    want_type = T_SINT

    def __init__(self, str method, bint fold=False) -> None:
        Matcher.__init__(self, method, fold)
        self.read = _number
        if method == "len":
            self.want = T_STR
        elif method == "dotted_ver":
            self.read = _dotted

    def __dealloc__(self) -> None:
        free(self.ranges)

    def add(self, str word) -> None:
        self._range(*self._bounds(word))

    def add_words(self, list words) -> None:
        operator = "eq"
        for i, word in enumerate(words):
            if word in _OPERATORS:
                operator = word
                if i + 1 == len(words):
                    raise PatternError(f"operator '{word}' without a number behind it.")
                continue
            low, high = self._bounds(word)
            if operator != "eq" and low != high:
                raise PatternError(f"cannot apply '{operator}' to a range : '{word}'.")
            self._range(*self._compare(operator, low, high))

    def _compare(self, str operator, object low, object high) -> tuple:
        """The range that `operator number` means."""
        return {"eq": (low, high), "ge": (low, _NO_HIGH), "gt": (min(low + 1, _NO_HIGH), _NO_HIGH),
                "le": (_NO_LOW, high), "lt": (_NO_LOW, max(high - 1, _NO_LOW))}[operator]

    def _bounds(self, str word) -> tuple:
        """(low, high) of a number or a range."""
        first, colon, last = word.partition(":")
        if not colon:
            value = self.read(word, word)
            return value, value
        low = self.read(first, word) if first else _NO_LOW
        high = self.read(last, word) if last else _NO_HIGH
        if low > high:
            raise PatternError(f"'{word}' is not a valid number range.")
        return low, high

    def _range(self, int64_t low, int64_t high) -> None:
        cdef Range *bigger = <Range *>realloc(self.ranges, (self.size + 1) * sizeof(Range))
        if bigger == NULL:
            raise MemoryError
        self.ranges = bigger
        self.ranges[self.size] = Range(low, high)
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        cdef int64_t v = s.len if self.want == T_STR else s.num
        cdef int i
        for i in range(self.size):
            if self.ranges[i].low <= v <= self.ranges[i].high:
                return 1
        return 0


cdef class Text(Matcher):
    """Base of the methods on text: keeps patterns, folds case on both sides for -i."""

    cdef TextSet texts
    cdef list kept
    want_type = T_STR

    def __init__(self, str method, bint fold=False) -> None:
        Matcher.__init__(self, method, fold)
        self.texts = TextSet()
        self.kept = []

    def add(self, str word) -> None:
        raw = _raw(word).lower() if self.fold else _raw(word)
        self.texts.add(raw)
        self.kept.append(raw)
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        cdef char *out
        cdef uint32_t n = s.len
        if not self.fold:
            return self.test(s.ptr, n)
        if n > SCRATCH_SIZE:
            n = SCRATCH_SIZE
        out = scratch()
        ha_lower(out, s.ptr, n)
        return self.test(out, n)

    cdef int test(self, const char *p, uint32_t n) noexcept:
        return self.texts.has(p, n)


cdef class Beg(Text):
    """-m beg."""

    cdef int test(self, const char *p, uint32_t n) noexcept:
        cdef uint32_t i, length
        cdef bytes one
        if self.size == 1:
            one = <bytes>self.kept[0]
            length = <uint32_t>len(one)
            return length <= n and memcmp(p, <const char *>one, length) == 0
        for i in range(self.texts.lengths_n):
            length = self.texts.lengths[i]
            if length > n:
                break
            if self.texts.has(p, length):
                return 1
        return 0


cdef class End(Text):
    """-m end."""

    cdef int test(self, const char *p, uint32_t n) noexcept:
        cdef uint32_t i, length
        for i in range(self.texts.lengths_n):
            length = self.texts.lengths[i]
            if length > n:
                break
            if self.texts.has(p + n - length, length):
                return 1
        return 0


cdef class Sub(Text):
    """-m sub."""

    cdef int test(self, const char *p, uint32_t n) noexcept:
        cdef bytes one
        for one in self.kept:
            if memmem(p, n, <const char *>one, len(one)) != NULL:
                return 1
        return 0


cdef bint _is_mark(char c, const char *marks) noexcept nogil:
    while marks[0]:
        if c == marks[0]:
            return True
        marks += 1
    return False


cdef class Words(Text):
    """-m dir, -m dom: the pattern stands in the value between delimiters (or its ends); its own outer ones are dropped."""

    cdef const char *marks

    def __init__(self, str method, bint fold=False) -> None:
        Text.__init__(self, method, fold)
        self.marks = b"/?" if method == "dir" else b"/?.:"

    def add(self, str word) -> None:
        Text.add(self, word)
        raw = self.kept.pop().strip(<bytes>self.marks)
        self.kept.append(raw)

    cdef int test(self, const char *p, uint32_t n) noexcept:
        cdef bytes one
        for one in self.kept:
            if len(one) <= <Py_ssize_t>n and self.stands(p, n, one, <uint32_t>len(one)):
                return 1
        return 0

    cdef bint stands(self, const char *p, uint32_t n, const char *word, uint32_t wn) noexcept:
        cdef uint32_t i = 0
        cdef bint may = True
        while i + wn <= n:
            if _is_mark(p[i], self.marks):
                may = True
            elif may:
                may = False
                if memcmp(p + i, word, wn) == 0 and (i + wn == n or _is_mark(p[i + wn], self.marks)):
                    return True
            i += 1
        return False


cdef class Reg(Matcher):
    """-m reg: PCRE, tried in order."""

    cdef list patterns
    want_type = T_STR

    def __init__(self, str method, bint fold=False) -> None:
        Matcher.__init__(self, method, fold)
        self.patterns = []

    def add(self, str word) -> None:
        try:
            self.patterns.append(Regex(word, self.fold))
        except ValueError as error:
            raise PatternError(f"{error}.") from None
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        cdef int groups[2 * MAX_GROUPS]
        cdef Regex one
        for one in self.patterns:
            if one.search(s.ptr, s.len, groups):
                return 1
        return 0


cdef class Bin(Text):
    """-m bin: patterns are hexadecimal; the value is equal to one."""

    want_type = T_BIN

    def add(self, str word) -> None:
        if len(word) % 2 or any(c not in "0123456789abcdefABCDEF" for c in word):
            raise PatternError(f"an even number of hex digits is expected, '{word}' found.")
        raw = bytes.fromhex(word)
        self.texts.add(raw)
        self.kept.append(raw)
        self.size += 1

    cdef int match(self, Sample *s) noexcept:
        return self.texts.has(s.ptr, s.len)


cdef class Meth(Text):
    """The `method` keyword's own: GET and its like, exact."""

    want_type = T_METH

    cdef int match(self, Sample *s) noexcept:
        return Text.match(self, s)


cdef class IpSet:
    """Networks of one address size, by prefix length: sorted keys, binary search; the longest first."""

    cdef uint64_t *high[129]
    cdef uint64_t *low[129]
    cdef uint32_t count[129]
    cdef int lengths[129]
    cdef int lengths_n
    cdef dict building

    def __cinit__(self) -> None:
        self.building = {}

    def __dealloc__(self) -> None:
        cdef int i
        for i in range(129):
            free(self.high[i])
            free(self.low[i])

    def add(self, object value, int bits) -> None:
        """A network: `value` is the masked 128-bit number."""
        self.building.setdefault(bits, set()).add(value)

    def build(self) -> None:
        """Lay the networks out for has(); may be called again after more add()."""
        cdef int bits
        self.lengths_n = 0
        for bits in sorted(self.building, reverse=True):
            self._fill(bits, sorted(self.building[bits]))
            self.lengths[self.lengths_n] = bits
            self.lengths_n += 1

    def _fill(self, int bits, list values) -> None:
        cdef uint32_t i, n = len(values)
        free(self.high[bits])
        free(self.low[bits])
        self.high[bits] = <uint64_t *>malloc(n * 8)
        self.low[bits] = <uint64_t *>malloc(n * 8)
        if self.high[bits] == NULL or self.low[bits] == NULL:
            raise MemoryError
        for i in range(n):
            self.high[bits][i] = values[i] >> 64
            self.low[bits][i] = values[i] & 0xffffffffffffffff
        self.count[bits] = n

    cdef bint has(self, uint64_t high, uint64_t low) noexcept:
        cdef int i, bits
        cdef uint64_t h, l
        for i in range(self.lengths_n):
            bits = self.lengths[i]
            h = high if bits >= 64 else (high & ~(<uint64_t>0xffffffffffffffffu >> bits) if bits else 0)
            l = low if bits == 128 else (low & ~(<uint64_t>0xffffffffffffffffu >> (bits - 64)) if bits > 64 else 0)
            if self.find(bits, h, l):
                return True
        return False

    cdef bint find(self, int bits, uint64_t h, uint64_t l) noexcept:
        cdef uint32_t a = 0, b = self.count[bits], m
        while a < b:
            m = (a + b) // 2
            if self.high[bits][m] == h and self.low[bits][m] == l:
                return True
            if self.high[bits][m] < h or (self.high[bits][m] == h and self.low[bits][m] < l):
                a = m + 1
            else:
                b = m
        return False


cdef uint64_t _be64(uint8_t *p) noexcept nogil:
    cdef uint64_t v = 0
    cdef int i
    for i in range(8):
        v = (v << 8) | p[i]
    return v


def _network(str word) -> tuple:
    """(family, address as a number, mask as a number) of an address, network or name. Raises PatternError."""
    text, slash, mask = word.partition("/")
    complaint = f"'{word}' is not a valid IPv4 or IPv6 address."
    for family, width in ((socket.AF_INET, 32), (socket.AF_INET6, 128)):
        try:
            value = int.from_bytes(socket.inet_pton(family, text), "big")
            return family, value, _mask(mask, family, width) if slash else (1 << width) - 1
        except (OSError, ValueError):
            continue
    if slash and not mask or not text or not any(c.isalpha() for c in text):
        raise PatternError(complaint)
    try:
        found = socket.getaddrinfo(text, None, socket.AF_INET)[0][4][0]
        value = int.from_bytes(socket.inet_pton(socket.AF_INET, found), "big")
        return socket.AF_INET, value, _mask(mask, socket.AF_INET, 32) if slash else 0xffffffff
    except (OSError, ValueError, UnicodeError):
        raise PatternError(complaint) from None


def _mask(str text, int family, int width) -> int:
    """Bits or a dotted mask as a number. Raises ValueError."""
    if not text or any(c not in "0123456789" for c in text):
        return int.from_bytes(socket.inet_pton(family, text), "big")
    bits = int(text)
    if bits > width:
        raise ValueError(text)
    return ((1 << bits) - 1) << (width - bits)


def _prefix(object mask, int width) -> int | None:
    """Number of bits of a contiguous mask, else None."""
    bits = bin(mask).count("1")
    return bits if mask == ((1 << bits) - 1) << (width - bits) else None


cdef struct Masked:
    uint32_t value
    uint32_t mask


cdef class Ip(Matcher):
    """-m ip: addresses and networks of both families; an IPv4 sample also matches as ::ffff:a.b.c.d, and back."""

    cdef IpSet v4
    cdef IpSet v6
    cdef Masked *odd
    cdef int odd_n
    cdef bint no_dns
    want_type = T_ADDR

    def __init__(self, str method, bint fold=False) -> None:
        Matcher.__init__(self, method, fold)
        self.v4 = IpSet()
        self.v6 = IpSet()

    def __dealloc__(self) -> None:
        free(self.odd)

    def add(self, str word) -> None:
        self.add_words([word])

    def add_words(self, list words) -> None:
        for word in words:
            self._add(*_network(word), word)
        self.v4.build()
        self.v6.build()

    def _add(self, int family, object value, object mask, str word) -> None:
        cdef int width = 32 if family == socket.AF_INET else 128
        bits = _prefix(mask, width)
        self.size += 1
        if bits is not None and width == 32:
            self.v4.add((value & mask) << 96, bits)
        elif bits is not None:
            self.v6.add(value & mask, bits)
        elif width == 32:
            self._add_odd(value & mask, mask)
        else:
            raise PatternError(f"'{word}' is not a valid IPv4 or IPv6 address.")

    def _add_odd(self, uint32_t value, uint32_t mask) -> None:
        cdef Masked *bigger = <Masked *>realloc(self.odd, (self.odd_n + 1) * sizeof(Masked))
        if bigger == NULL:
            raise MemoryError
        self.odd = bigger
        self.odd[self.odd_n] = Masked(value, mask)
        self.odd_n += 1

    cdef bint has_v4(self, uint32_t v) noexcept:
        cdef int i
        if self.v4.has(<uint64_t>v << 32, 0):
            return True
        for i in range(self.odd_n):
            if (v & self.odd[i].mask) == self.odd[i].value:
                return True
        return False

    cdef int match(self, Sample *s) noexcept:
        cdef uint64_t high, low
        if s.type == T_IPV4:
            high = _be64(s.ip) >> 32
            return self.has_v4(<uint32_t>high) or self.v6.has(0, (<uint64_t>0xffff << 32) | high)
        high = _be64(s.ip)
        low = _be64(s.ip + 8)
        if self.v6.has(high, low):
            return 1
        if high == 0 and (low >> 32 == 0xffff or low >> 32 == 0):
            return self.has_v4(<uint32_t>low)
        if high >> 48 == 0x2002:
            return self.has_v4(<uint32_t>(high >> 16))
        return 0


METHODS: dict = {
    "found": Found, "bool": Bool, "int": Int, "ip": Ip, "str": Text, "beg": Beg, "end": End, "sub": Sub, "dir": Words,
    "dom": Words, "reg": Reg, "len": Int, "bin": Bin, "meth": Meth, "dotted_ver": Int,
}
# The method of a sample type when nothing is said (manual 7.1).
BY_TYPE: dict = {"bool": "bool", "sint": "int", "addr": "ip", "ipv4": "ip", "ipv6": "ip", "str": "str", "bin": "bin",
                 "meth": "meth"}


def matcher(str method, bint fold=False) -> Matcher:
    """A new empty matcher. Raises KeyError for an unknown method."""
    return METHODS[method](method, fold)
