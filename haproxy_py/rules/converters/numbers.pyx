"""Converters on integers (manual 7.3.1). The operand is a number or a variable; results stay within 64 bits."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, sample_cast, set_bool, set_int, T_SINT
from haproxy_py.rules.vars cimport Var, var_find
from haproxy_py.rules.vars import variable

_SOURCE = "manual 7.3.1"

cdef extern from *:
    bint __builtin_add_overflow(int64_t a, int64_t b, int64_t *r) nogil
    bint __builtin_sub_overflow(int64_t a, int64_t b, int64_t *r) nogil
    bint __builtin_mul_overflow(int64_t a, int64_t b, int64_t *r) nogil

cdef enum:
    LOW_BIT = 1

cdef int64_t _TOP = 9223372036854775807
cdef int64_t _BOTTOM = -_TOP - 1

cdef enum Operation:
    ADD
    SUB
    MUL
    DIV
    MOD
    AND
    OR
    XOR

_OPERATIONS = {"add": ADD, "sub": SUB, "mul": MUL, "div": DIV, "mod": MOD, "and": AND, "or": OR, "xor": XOR}


cdef int64_t _compute(int op, int64_t a, int64_t b) noexcept nogil:
    """One step; overflow ends at the nearest value, division by 0 gives the largest, a remainder by 0 gives 0."""
    cdef int64_t r = 0
    if op == ADD:
        return (_BOTTOM if a < 0 else _TOP) if __builtin_add_overflow(a, b, &r) else r
    if op == SUB:
        return (_BOTTOM if a < 0 else _TOP) if __builtin_sub_overflow(a, b, &r) else r
    if op == MUL:
        return (_BOTTOM if (a < 0) != (b < 0) else _TOP) if __builtin_mul_overflow(a, b, &r) else r
    if op == DIV:
        return _TOP if b == 0 or (a == _BOTTOM and b == -1) else a // b
    if op == MOD:
        return 0 if b == 0 or b == -1 else a % b
    if op == AND:
        return a & b
    return a | b if op == OR else a ^ b


cdef class Arithmetic(Converter):
    """add sub mul div mod and or xor."""

    cdef int op
    cdef int64_t operand
    cdef int scope
    cdef uint32_t index

    def setup(self, list args, op="add") -> None:
        self.op = _OPERATIONS[op]
        self.scope = -1
        text = args[0]
        digits = text[1:] if text[:1] in ("-", "+") else text
        if digits and all(c in "0123456789" for c in digits):
            if not -2**63 <= int(text) < 2**63:
                raise ValueError(f"'{text}' does not fit in 64 bits")
            self.operand = int(text)
        else:
            self.scope, self.index = variable(text)

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef Var *v
        cdef Sample value
        cdef int64_t operand = self.operand
        if self.scope >= 0:
            v = var_find(t, self.scope, self.index)
            if v == NULL:
                return 0
            value = v.value
            if not sample_cast(&value, T_SINT):
                return 0
            operand = value.num
        s.num = _compute(self.op, s.num, operand)
        return 1


cdef class Negative(Converter):
    """neg."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        s.num = _TOP if s.num == _BOTTOM else -s.num
        return 1


cdef class Complement(Converter):
    """cpl: every bit inverted."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        s.num = ~s.num
        return 1


cdef class Test(Converter):
    """bool, not, even, odd."""

    cdef str what

    def setup(self, list args, what="bool") -> None:
        self.what = what

    cdef int apply(self, Txn t, Sample *s) noexcept:
        if self.what == "bool":
            set_bool(s, s.num != 0)
        elif self.what == "not":
            set_bool(s, s.num == 0)
        else:
            set_bool(s, (s.num & LOW_BIT) == (1 if self.what == "odd" else 0))
        return 1


for _name in _OPERATIONS:
    converter(_name, args="str", takes="sint", gives="sint", source=_SOURCE, op=_name)(Arithmetic)
converter("neg", takes="sint", gives="sint", source=_SOURCE)(Negative)
converter("cpl", takes="sint", gives="sint", source=_SOURCE)(Complement)
for _name in ("bool", "not", "even", "odd"):
    converter(_name, takes="sint", gives="bool", source=_SOURCE, what=_name)(Test)
