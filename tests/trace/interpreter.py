# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory accesses that an instruction must make, from its bytes and the registers before it.

`accesses_of` gives them in order. It knows each mnemonic that may touch memory by name and raises NotImplementedError
for one that it does not know, so that nothing is left out unseen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from capstone import x86 as cs

from tests.trace import implicit_operands as implicit
from tests.trace import saved_state
from tests.trace.operands import CARRY, QUAD, RFLAGS, Accesses, Decoded, State, decode, read, write

Rule = Callable[[Decoded, State], Accesses]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONDITIONS: Final = _words("a ae b be c e g ge l le na nae nb nbe nc ne ng nge nl nle no np ns nz o p pe po s z")

NO_ACCESS: Final = _words("lea nop prefetcht0 prefetcht1 prefetcht2 prefetchnta prefetchw prefetch clflush invlpg")
"""They name memory and do not touch it."""

READS: Final = (
    _words("cmp test mov movzx movsx movsxd movbe mul imul div idiv bsf bsr tzcnt lzcnt popcnt andn bextr blsi blsr")
    | _words("jmp adc add and or sub sbb xor crc32 sarx shlx shrx rorx mulx pdep pext adcx adox blsmsk movabs")
    | _words(
        "movups movaps movupd movapd movdqu movdqa lddqu movntdqa movss movsd movd movq movlps movhps movlpd movhpd"
    )
    | _words("addps addpd addss addsd subps subpd subss subsd mulps mulpd mulss mulsd divps divpd divss divsd sqrtsd")
    | _words("minss minsd maxss maxsd ucomiss ucomisd comiss comisd cvtsi2sd cvtsi2ss cvttsd2si cvttss2si cvtss2sd")
    | _words(
        "cvtsd2ss xorps xorpd andps andpd andnps andnpd orps orpd pxor por pand pandn paddb paddw paddd paddq psubb"
    )
    | _words("psubw psubd psubq pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd pminub pmaxub punpcklbw punpcklwd")
    | _words("punpckldq punpcklqdq punpckhqdq unpcklps unpcklpd unpckhps pshufd pshuflw pshufhw pshufb shufps shufpd")
    | _words(
        "sqrtss sqrtps sqrtpd rcpss rcpps rsqrtss rsqrtps roundss roundsd roundps roundpd dpps dppd insertps movddup"
    )
    | _words("movsldup movshdup cvtps2pd cvtpd2ps cvtdq2ps cvtdq2pd cvtps2dq cvttps2dq cvtpd2dq cvttpd2dq cvtpi2ps")
    | _words("cvtpi2pd cvtps2pi cvttps2pi cvtpd2pi cvttpd2pi cvtss2si cvtsd2si pinsrb pinsrw pinsrd pinsrq ptest")
    | _words("punpckhbw punpckhwd punpckhdq pshufw palignr mpsadbw blendps blendpd pblendw pblendvb blendvps blendvpd")
    | _words("pmulld pmuldq pminud pmaxud phaddw phaddd pclmulqdq aesenc aesenclast aesdec aesdeclast aesimc")
    | _words("aeskeygenassist pcmpistri pcmpistrm pcmpestri pcmpestrm cmpps cmppd cmpss cmpsd")
    | frozenset(f"pmov{extends}x{sizes}" for extends in "sz" for sizes in ("bw", "bd", "bq", "wd", "wq", "dq"))
    | frozenset(
        f"cmp{relation}{size}"
        for relation in ("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord")
        for size in ("ps", "pd", "ss", "sd")
    )
    | frozenset(f"cmov{condition}" for condition in CONDITIONS)
)
"""They read the operand that lies in memory, where it is not the first one or they have only one."""

READS_ONLY: Final = _words("cmp test mul imul div idiv jmp fld fild fldcw ldmxcsr lmsw") | _words(
    "fadd fsub fsubr fmul fdiv fdivr fcom fcomp fiadd fisub fisubr fimul fidiv fidivr ficom ficomp"
)
"""They read their first operand, too, and do not write it."""

STORES: Final = _words("mov movabs movnti movbe fst fstp fist fistp fisttp fnstcw fnstsw stmxcsr sldt str smsw") | (
    frozenset(f"set{condition}" for condition in CONDITIONS)
)
"""They write their first operand without having read it."""

VECTOR_STORES: Final = _words(
    "movups movaps movupd movapd movdqu movdqa movntdq movntps movntpd movntq movss movsd movd movq movlps movlpd"
    " movhps movhpd"
)
HIGH_HALVES: Final = _words("movhps movhpd")
PARTIAL_LOADS: Final = HIGH_HALVES | _words("movlps movlpd")
EXTRACTIONS: Final = _words("pextrb pextrw pextrd pextrq extractps")
SELECTORS: Final = _words("lar lsl verr verw")

_BINARY: Final[dict[str, Callable[[int, int, int], int]]] = {
    "add": lambda old, other, _: old + other,
    "adc": lambda old, other, carry: old + other + carry,
    "sub": lambda old, other, _: old - other,
    "sbb": lambda old, other, carry: old - other - carry,
    "and": lambda old, other, _: old & other,
    "or": lambda old, other, _: old | other,
    "xor": lambda old, other, _: old ^ other,
    "xadd": lambda old, other, _: old + other,
    "xchg": lambda _, other, __: other,
}
_UNARY: Final[dict[str, Callable[[int], int]]] = {
    "inc": lambda old: old + 1,
    "dec": lambda old: old - 1,
    "not": lambda old: ~old,
    "neg": lambda old: -old,
}
_SHIFTS: Final = _words("rol ror rcl rcr shl sal shr sar shld shrd")
_BITS: Final = _words("bt bts btr btc")
_STRINGS: Final = frozenset(f"{kind}{size}" for kind in ("movs", "stos", "lods", "scas", "cmps") for size in "bwdq")

_IMPLICIT: Final[dict[str, Rule]] = {
    "push": implicit.push,
    "pop": implicit.pop,
    "pushf": implicit.push_flags,
    "pushfq": implicit.push_flags,
    "popf": implicit.pop_flags,
    "popfq": implicit.pop_flags,
    "call": implicit.call,
    "ret": implicit.near_return,
    "retf": implicit.far_return,
    "retfq": implicit.far_return,
    "iretq": implicit.interrupt_return,
    "enter": implicit.enter,
    "leave": implicit.leave,
    "xlatb": implicit.translate,
    "maskmovdqu": implicit.store_masked,
    "maskmovq": implicit.store_masked,
    "ljmp": implicit.far_branch,
    "lcall": implicit.far_branch,
    "lfs": implicit.load_pointer,
    "lgs": implicit.load_pointer,
    "lss": implicit.load_pointer,
    "fxsave": saved_state.save_state,
    "fxsave64": saved_state.save_state,
    "fxrstor": saved_state.restore_state,
    "fxrstor64": saved_state.restore_state,
    "fnstenv": saved_state.store_environment,
    "fnsave": saved_state.store_environment,
    "fldenv": saved_state.load_environment,
    "frstor": saved_state.load_environment,
    "fbld": saved_state.load_decimal,
    "fbstp": saved_state.store_decimal,
}
_UNKNOWN: Final = _words("iret iretd insb insd insw outsb outsw outsd monitor monitorx clzero umonitor lldt ltr")
"""They touch memory that they do not name, and have no rule."""
_FAR: Final = ("call ptr", "jmp ptr")
"""How capstone writes far calls and jumps, but those with REX.W or an operand-size prefix."""


def _nothing(_code: Decoded, _state: State) -> Accesses:
    return
    yield


_ENGINE_READS: Final = {
    **dict.fromkeys((("punpcklbw", 4), ("punpcklwd", 4), ("punpckldq", 4)), 8),
    **dict.fromkeys((("roundss", 4), ("roundsd", 8), ("cvtps2pd", 8), ("cvtdq2pd", 8)), 16),
    **dict.fromkeys((("cvtps2pi", 8), ("cvttps2pi", 8)), 16),
}
"""Mnemonic and size of an operand of which the engine reads more than a processor does, so many bytes."""


def loads_vector(code: Decoded) -> bool:
    """Whether an instruction gives the whole of a vector register what it reads."""
    named = code.name in VECTOR_STORES | {"lddqu", "movntdqa"} and code.name not in PARTIAL_LOADS
    return named and bool(code.memory) and code.operands[0].is_vector


def _load(code: Decoded, state: State) -> Accesses:
    operand, target = code.memory[0], code.operands[0]
    value = yield read(state.address(code, operand), _ENGINE_READS.get((code.name, operand.size), operand.size))
    if loads_vector(code):
        state.vectors[target.register] = value


def _store(code: Decoded, state: State) -> Accesses:
    operand = code.operands[0]
    value = None
    if code.name in ("mov", "movabs", "movnti"):
        value = state.value(code.operands[1], operand.size)
    elif code.name == "movbe":
        size = operand.size
        value = int.from_bytes(state.general(code.operands[1].register).to_bytes(size, "little"), "big")
    yield write(state.address(code, operand), operand.size, value)


def _store_vector(code: Decoded, state: State) -> Accesses:
    operand, source = code.operands
    value = state.register(source.register)
    if value is not None and code.name in HIGH_HALVES:
        value >>= 64
    yield write(state.address(code, operand), operand.size, value)


def _extract(code: Decoded, state: State) -> Accesses:
    operand, source, number = code.operands
    value = state.register(source.register)
    lane = number.immediate % (16 // operand.size) * 8 * operand.size
    yield write(state.address(code, operand), operand.size, None if value is None else value >> lane)


def _modify(code: Decoded, state: State) -> Accesses:
    operand = code.operands[0]
    address, size = state.address(code, operand), operand.size
    old = yield read(address, size)
    # The engine's lock neg reads, and compares and exchanges until that was right.
    if code.name == "neg" and 0xF0 in code.prefixes:
        old = yield read(address, size)
    value = None
    if code.name in _UNARY:
        value = _UNARY[code.name](old)
    elif code.name in _BINARY:
        other = state.value(code.operands[1], size)
        value = None if other is None else _BINARY[code.name](old, other, state.row[RFLAGS] & CARRY)
    yield write(address, size, value)


def _exchange(code: Decoded, state: State) -> Accesses:
    memory = code.memory[0]
    other = next(operand for operand in code.operands if not operand.is_memory)
    address = state.address(code, memory)
    old = yield read(address, memory.size)
    value = state.general(other.register)
    yield write(address, memory.size, value + old if code.name == "xadd" else value)


def _compare_exchange(code: Decoded, state: State) -> Accesses:
    """`cmpxchg` writes in any case: what was there, if it is not what was expected."""
    operand = code.operands[0]
    address, size = state.address(code, operand), operand.size
    if code.name == "cmpxchg":
        expected, new = state.general("rax") & (1 << 8 * size) - 1, state.value(code.operands[1], size)
    else:
        half = 4 * size
        mask = (1 << half) - 1
        expected = state.general("rdx") % (mask + 1) << half | state.general("rax") & mask
        new = state.general("rcx") % (mask + 1) << half | state.general("rbx") & mask
    old = yield read(address, size)
    yield write(address, size, new if old == expected else old)


def _bit(code: Decoded, state: State) -> Accesses:
    """A bit of a string of bits: a register's number is signed and may lie outside the operand."""
    operand, number = code.operands
    address, bits = state.address(code, operand), 8 * operand.size
    if number.type == cs.X86_OP_REG:
        value = state.general(number.register)
        value -= (value >> bits - 1) << bits
        address += (value // bits) * operand.size
        bit = value % bits
    else:
        bit = number.immediate % bits
    address &= QUAD
    old = yield read(address, operand.size)
    if code.name != "bt":
        changed = {"bts": old | 1 << bit, "btr": old & ~(1 << bit), "btc": old ^ 1 << bit}
        yield write(address, operand.size, changed[code.name])


def _table_register(code: Decoded, state: State) -> Accesses:
    """`lgdt`, `lidt`, `sgdt`, `sidt`: a limit of two bytes and a base of eight."""
    address = state.address(code, code.memory[0])
    for offset, size in ((0, 2), (2, 8)):
        yield write(address + offset, size, None) if code.name[0] == "s" else read(address + offset, size)


@functools.cache
def rule_of(code: Decoded) -> Rule:
    """Return what knows an instruction's accesses. Raises NotImplementedError where nothing does."""
    name, memory = code.name, code.memory
    if name in _UNKNOWN:
        raise NotImplementedError(code.text)
    if code.text.startswith(_FAR):
        return implicit.far_branch
    if name in _STRINGS and memory and not any(each.is_vector for each in code.operands):
        return implicit.string
    if name in SELECTORS or (name == "mov" and code.operands[0].is_segment):
        return implicit.select
    if name in _IMPLICIT:
        return _IMPLICIT[name]
    if name in NO_ACCESS:
        return _nothing
    if not memory:
        if not code.implicit.isdisjoint(("rsp", "esp")):
            raise NotImplementedError(code.text)
        return _nothing
    return _rule_of_memory(code)


def _rule_of_memory(code: Decoded) -> Rule:
    name, first = code.name, code.operands[0].is_memory
    if name in ("xchg", "xadd"):
        return _exchange
    if name in ("cmpxchg", "cmpxchg8b", "cmpxchg16b"):
        return _compare_exchange
    if name in _BITS:
        return _bit
    if name in ("lgdt", "lidt", "sgdt", "sidt"):
        return _table_register
    if first and name in VECTOR_STORES:
        return _store_vector
    if first and name in EXTRACTIONS:
        return _extract
    if first and name in STORES:
        return _store
    if first and (name in _BINARY or name in _UNARY or name in _SHIFTS):
        return _modify
    if name in READS_ONLY or (not first and name in READS):
        return _load
    raise NotImplementedError(code.text)


def accesses_of(code: bytes, state: State) -> Accesses:
    """Give the accesses of an instruction, in order; each takes the value that was read or written.

    Raises NotImplementedError for an instruction without a rule, and for bytes that are none.
    """
    decoded = decode(code)
    if decoded is None:
        raise NotImplementedError(code.hex())
    return rule_of(decoded)(decoded, state)
