# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions with memory operands that hardly any guest code has, in families, and the assembly source of them all.

Each is a function of its own: the operand lies at RSI (of `stack` instructions: at RSP), another one at RDI, RDX holds
a pattern. `behind` is the label behind the instruction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple


class Rare(NamedTuple):
    """An instruction."""

    text: str
    size: int
    """Bytes of its operand; of a string instruction those of one element."""
    registers: str = ""
    """Instructions before it that put registers right."""
    memory: str = ""
    """Instructions that put its operand right, in a call of their own."""
    alignment: int = 1


_NAMES: Final = {1: "byte", 2: "word", 4: "dword", 8: "qword", 10: "tbyte"}
_RDX: Final = {1: "dl", 2: "dx", 4: "edx", 8: "rdx"}
_RAX: Final = {1: "al", 2: "ax", 4: "eax", 8: "rax"}


def _place(size: int) -> str:
    return f"{_NAMES[size]} ptr [rsi]"


def _x87() -> Iterable[Rare]:
    for size in (4, 8, 10):
        yield Rare(f"fld {_place(size)}", size)
        yield Rare(f"fstp {_place(size)}", size, "fldpi")
    for size in (4, 8):
        for name in ("fst", "fadd", "fsub", "fsubr", "fmul", "fdiv", "fdivr", "fcom", "fcomp"):
            yield Rare(f"{name} {_place(size)}", size, "fldpi")
    for size in (2, 4, 8):
        yield Rare(f"fild {_place(size)}", size)
        yield Rare(f"fistp {_place(size)}", size, "fldpi")
        yield Rare(f"fisttp {_place(size)}", size, "fldpi")
    for size in (2, 4):
        for name in ("fist", "fiadd", "fisub", "fisubr", "fimul", "fidiv", "fidivr", "ficom", "ficomp"):
            yield Rare(f"{name} {_place(size)}", size, "fldpi")
    yield Rare("fbld tbyte ptr [rsi]", 10)
    yield Rare("fbstp tbyte ptr [rsi]", 10, "fldpi")


def _saved_state() -> Iterable[Rare]:
    yield Rare("fnstcw word ptr [rsi]", 2)
    yield Rare("fldcw word ptr [rsi]", 2, "", "fnstcw word ptr [rsi]")
    yield Rare("fnstsw word ptr [rsi]", 2)
    yield Rare("stmxcsr dword ptr [rsi]", 4)
    yield Rare("ldmxcsr dword ptr [rsi]", 4, "", "stmxcsr dword ptr [rsi]")
    for prefix, environment, state in (("", 28, 108), (".byte 0x66;", 14, 94)):
        yield Rare(f"{prefix} fnstenv [rsi]", environment, "fldpi")
        yield Rare(f"{prefix} fldenv [rsi]", environment, "", f"fldpi; {prefix} fnstenv [rsi]")
        yield Rare(f"{prefix} fnsave [rsi]", state, "fldpi; fld1")
        yield Rare(f"{prefix} frstor [rsi]", state, "", f"fldpi; {prefix} fnsave [rsi]")
    for wide in ("", "64"):
        yield Rare(f"fxsave{wide} [rsi]", 512, "fldpi; movups xmm1, [rdi]", alignment=16)
        yield Rare(f"fxrstor{wide} [rsi]", 512, "", f"fldpi; fxsave{wide} [rsi]", alignment=16)


def _exchanges() -> Iterable[Rare]:
    for lock in ("", "lock "):
        for size, register in _RDX.items():
            accumulator = _RAX[size]
            yield Rare(f"{lock}cmpxchg [rsi], {register}", size, f"mov {accumulator}, [rdi]")
            yield Rare(f"{lock}cmpxchg [rsi], {register}", size, f"mov {accumulator}, [rdi]; inc {accumulator}")
            yield Rare(f"{lock}xadd [rsi], {register}", size)
            yield Rare(f"{lock}xchg [rsi], {register}", size)
            for name in ("inc", "dec", "not", "neg"):
                yield Rare(f"{lock}{name} {_place(size)}", size)
            for name in ("add", "adc", "sub", "sbb", "and", "or", "xor"):
                yield Rare(f"{lock}{name} [rsi], {register}", size, "stc")
        for change in ("", "; inc edx"):
            yield Rare(f"{lock}cmpxchg8b [rsi]", 8, f"mov eax, [rdi]; mov edx, [rdi+4]{change}")
            yield Rare(f"{lock}cmpxchg16b [rsi]", 16, f"mov rax, [rdi]; mov rdx, [rdi+8]{change}", alignment=16)
    for size in _NAMES.keys() - {10}:
        for name in ("rol", "rcr", "shl", "sar"):
            for count in (0, 3):
                yield Rare(f"{name} {_place(size)}, cl", size, f"mov cl, {count}")


def _bits() -> Iterable[Rare]:
    """A number in a register is signed and reaches beyond the operand."""
    for size in (2, 4, 8):
        for name in ("bt", "bts", "btr", "btc"):
            for number in (0, 5, -1, -100, 100, 1000):
                yield Rare(f"{name} [rsi], {_RDX[size]}", size, f"mov rdx, {number}")
            yield Rare(f"{name} {_place(size)}, 77", size)
            if name != "bt":
                yield Rare(f"lock {name} [rsi], {_RDX[size]}", size, "mov rdx, -3")


def _general() -> Iterable[Rare]:
    for size, register in _RDX.items():
        yield Rare(f"crc32 {'rax' if size == 8 else 'eax'}, {_place(size)}", size)
        if size > 1:
            yield Rare(f"movbe [rsi], {register}", size)
            yield Rare(f"movbe {register}, [rsi]", size)
            yield Rare(f"shld [rsi], {register}, 3", size)
            yield Rare(f"cmove {register}, [rsi]", size, "or eax, 1")
            for name in ("bsf", "bsr", "tzcnt", "lzcnt", "popcnt", "imul"):
                yield Rare(f"{name} {register}, [rsi]", size)
        if size > 2:
            yield Rare(f"movnti [rsi], {register}", size)
            yield Rare(f"rorx {register}, [rsi], 3", size)
            for name in ("andn", "mulx", "pdep", "pext"):
                yield Rare(f"{name} {register}, {_RAX[size]}, [rsi]", size)
            for name in ("sarx", "shlx", "shrx", "bextr"):
                yield Rare(f"{name} {register}, [rsi], {_RAX[size]}", size)
            for name in ("blsi", "blsr", "blsmsk", "adcx", "adox"):
                yield Rare(f"{name} {register}, [rsi]", size)
    yield Rare("sete byte ptr [rsi]", 1)
    yield Rare("xlatb", 1, "mov rbx, rsi; xor eax, eax")
    yield Rare("lahf", 1)
    for name in ("clflush", "prefetchw", "invlpg"):
        yield Rare(f"{name} [rsi]", 1)


def _stack() -> Iterable[Rare]:
    """The operand lies where they push or pop."""
    for text, size in (
        *(("push qword ptr [rdi]", 8), ("push word ptr [rdi]", 2), ("push rdx", 8), ("push -5", 8)),
        *((".byte 0x0f, 0xa0", 8), ("push qword ptr [rsp]", 8), ("pushfq", 8), ("pushf", 2), ("call behind", 8)),
    ):
        yield Rare(text, size, f"lea rsp, [rsi+{size}]")
    yield Rare("call rax", 8, "lea rax, [rip+behind]; lea rsp, [rsi+8]")
    yield Rare("call qword ptr [rdi]", 8, "lea rax, [rip+behind]; mov [rdi], rax; lea rsp, [rsi+8]")
    for text, size, memory in (
        *(("pop qword ptr [rdi]", 8, ""), ("pop word ptr [rdi]", 2, ""), ("pop rdx", 8, ""), ("pop rsp", 8, "")),
        *(("pop qword ptr [rsp+16]", 32, ""), ("popfq", 8, "pushfq; pop [rsi]"), ("popf", 2, "pushfq; pop [rsi]")),
        *((".byte 0x0f, 0xa1", 8, f"mov qword ptr [rsi], {selector}") for selector in (0, 0x18)),
        *((text, 8, "lea rax, [rip+behind]; mov [rsi], rax") for text in ("ret", "ret 24")),
    ):
        yield Rare(text, size, "mov rsp, rsi", memory)
    yield Rare("push qword ptr [rsi]", 8)
    yield Rare("pop qword ptr [rsi]", 8, "push rdx")
    for text in ("call qword ptr [rsi]", "jmp qword ptr [rsi]"):
        yield Rare(text, 8, "", "lea rax, [rip+behind]; mov [rsi], rax")
    for level in (0, 1, 2, 3, 31, 33):
        size = 8 * (1 + level % 32)
        yield Rare(f"enter 16, {level}", size, f"lea rbp, [rdi+256]; lea rsp, [rsi+{size}]")
    yield Rare("leave", 8, "mov rbp, rsi")
    yield Rare(".byte 0x66; leave", 2, "mov rbp, rsi")


_FRAME: Final = "mov [rsi+8], rax; pushfq; pop [rsi+16]; mov [rsi+24], rsp; mov eax, ss; mov [rsi+32], rax"


def _privileged() -> Iterable[Rare]:
    """Far transfers, selectors and descriptor tables."""
    frame = f"lea rax, [rip+behind]; mov [rsi], rax; mov eax, cs; {_FRAME}"
    yield Rare("iretq", 40, "mov rsp, rsi", frame)
    yield Rare("rex64 retf", 16, "mov rsp, rsi", frame)
    yield Rare("rex64 retf 8", 16, "mov rsp, rsi", frame)
    yield Rare("rex64 ljmp [rsi]", 10, "", frame)
    pointer = "lea rax, [rip+behind]; mov [rdi], rax; mov eax, cs; mov [rdi+8], ax"
    yield Rare("rex64 lcall [rdi]", 16, f"{pointer}; lea rsp, [rsi+16]")
    for selector in (0, 0x18):
        for text in ("lar eax, [rsi]", "lsl eax, [rsi]", "verr [rsi]", "verw [rsi]", "mov es, [rsi]"):
            yield Rare(text, 2, "", f"mov word ptr [rsi], {selector}")
        for text in ("lar eax, cx", "lsl eax, cx", "verr cx", "mov es, ecx"):
            yield Rare(text, 1, f"mov ecx, {selector}")
        yield Rare("lfs eax, [rsi]", 6, "", f"mov word ptr [rsi+4], {selector}")
        yield Rare("lgs ax, [rsi]", 4, "", f"mov word ptr [rsi+2], {selector}")
    for name in ("sgdt", "sidt"):
        yield Rare(f"{name} [rsi]", 10)
        yield Rare(f"l{name[1:]} [rsi]", 10, "", f"{name} [rsi]")
    for text in ("sldt word ptr [rsi]", "str word ptr [rsi]", "smsw word ptr [rsi]", "mov word ptr [rsi], ds"):
        yield Rare(text, 2)
    yield Rare("lmsw word ptr [rsi]", 2, "", "smsw word ptr [rsi]")


def _strings() -> Iterable[Rare]:
    exchanged = "xchg rsi, rdi; mov rax, [rsi]"
    for name in ("movs", "stos", "lods", "scas", "cmps"):
        for suffix, size in (("b", 1), ("w", 2), ("d", 4), ("q", 8)):
            for repeat in ("", "rep ", "repne "):
                text = f"{repeat}{name}{suffix}"
                for registers in {"", exchanged if name in ("movs", "stos", "scas", "cmps") else ""}:
                    yield Rare(text, size, f"{registers}; mov ecx, 3")
                yield Rare(text, size, f"{exchanged if name in ('stos', 'scas') else ''}; mov ecx, 3; std")
                if repeat:
                    yield Rare(text, size, "xor ecx, ecx")


def _vector_moves() -> Iterable[Rare]:
    filled = "movups xmm1, [rdi]"
    for name in ("movups", "movaps", "movupd", "movapd", "movdqu", "movdqa"):
        yield Rare(f"{name} xmm1, [rsi]", 16)
        yield Rare(f"{name} [rsi], xmm1", 16, filled)
    for name in ("lddqu", "movntdqa", "movsldup", "movshdup"):
        yield Rare(f"{name} xmm1, [rsi]", 16)
    for name in ("movntdq", "movntps", "movntpd"):
        yield Rare(f"{name} [rsi], xmm1", 16, filled)
    for name, size in (("movhps", 8), ("movlps", 8), ("movhpd", 8), ("movlpd", 8), ("movss", 4), ("movsd", 8)):
        yield Rare(f"{name} xmm1, {_place(size)}", size)
        yield Rare(f"{name} {_place(size)}, xmm1", size, filled)
    for name, size in (("movd", 4), ("movq", 8)):
        yield Rare(f"{name} xmm1, {_place(size)}", size)
        yield Rare(f"{name} {_place(size)}, xmm1", size, filled)
        yield Rare(f"{name} mm1, {_place(size)}", size)
        yield Rare(f"{name} {_place(size)}, mm1", size, "movq mm1, [rdi]")
    yield Rare("movntq [rsi], mm1", 8, "movq mm1, [rdi]")
    for mask in ("[rdi+16]", "[rip+all_ones]", "[rip+all_zeroes]"):
        yield Rare("maskmovdqu xmm1, xmm2", 16, f"{filled}; movups xmm2, {mask}; mov rdi, rsi")
        yield Rare("maskmovq mm1, mm2", 8, f"movq mm1, [rdi]; movq mm2, {mask}; mov rdi, rsi")
    for suffix, size in (("b", 1), ("w", 2), ("d", 4), ("q", 8)):
        for lane in (0, 16 // size - 1, 16 // size + 1):
            yield Rare(f"pextr{suffix} {_place(size)}, xmm1, {lane}", size, filled)
            yield Rare(f"pinsr{suffix} xmm1, {_place(size)}, {lane}", size)
    yield Rare("extractps dword ptr [rsi], xmm1, 2", 4, filled)
    yield Rare("insertps xmm1, dword ptr [rsi], 0x10", 4)
    yield Rare("pinsrw mm1, word ptr [rsi], 1", 2)


def _vector_arithmetic() -> Iterable[Rare]:
    for name in (
        *("addps", "mulpd", "pxor", "paddb", "pmulld", "pminud", "pshufb", "phaddd", "unpcklps", "punpcklbw", "ptest"),
        *("sqrtps", "rcpps", "cvtdq2ps", "cvtps2dq", "cvttpd2dq", "cvtpd2ps", "aesenc"),
    ):
        yield Rare(f"{name} xmm1, [rsi]", 16)
    for name in (
        *(
            "pcmpistri",
            "pcmpestrm",
            "dpps",
            "pclmulqdq",
            "roundps",
            "blendps",
            "mpsadbw",
            "palignr",
            "shufps",
            "pshufd",
        ),
        "cmpps",
    ):
        yield Rare(f"{name} xmm1, [rsi], 1", 16)
    for name in ("pblendvb", "blendvps"):
        yield Rare(f"{name} xmm1, [rsi], xmm0", 16)
    for name in ("addss", "cmpltss", "rcpss", "sqrtss", "comiss", "cvtss2sd"):
        yield Rare(f"{name} xmm1, dword ptr [rsi]", 4)
    for name in ("addsd", "cmpltsd", "cvtsd2ss", "movddup", "cvtpi2ps", "cvtpi2pd", "cvtps2pd", "cvtdq2pd"):
        yield Rare(f"{name} xmm1, qword ptr [rsi]", 8)
    yield Rare("roundss xmm1, dword ptr [rsi], 1", 4)
    yield Rare("roundsd xmm1, qword ptr [rsi], 1", 8)
    for sizes, size in (("bw", 8), ("bd", 4), ("bq", 2), ("wd", 8), ("wq", 4), ("dq", 8)):
        yield Rare(f"pmovzx{sizes} xmm1, [rsi]", size)
        yield Rare(f"pmovsx{sizes} xmm1, [rsi]", size)
    for name, size in (("cvtsd2si", 8), ("cvttsd2si", 8), ("cvtss2si", 4), ("cvttss2si", 4)):
        yield Rare(f"{name} eax, [rsi]", size)
        yield Rare(f"{name} rax, [rsi]", size)
    for size in (4, 8):
        yield Rare(f"cvtsi2sd xmm1, {_place(size)}", size)
        yield Rare(f"cvtsi2ss xmm1, {_place(size)}", size)
    for name, size in (
        *(("cvtps2pi", 8), ("cvttps2pi", 8), ("cvtpd2pi", 16), ("paddb", 8), ("punpckhbw", 8)),
        *(("punpcklbw", 4), ("punpcklwd", 4), ("punpckldq", 4)),
    ):
        yield Rare(f"{name} mm1, [rsi]", size)
    yield Rare("pshufw mm1, [rsi], 3", 8)


FAMILIES: Final[dict[str, tuple[Rare, ...]]] = {
    "x87": tuple(_x87()),
    "saved_state": tuple(_saved_state()),
    "exchanges": tuple(_exchanges()),
    "bits": tuple(_bits()),
    "general": tuple(_general()),
    "stack": tuple(_stack()),
    "privileged": tuple(_privileged()),
    "strings": tuple(_strings()),
    "vector_moves": tuple(_vector_moves()),
    "vector_arithmetic": tuple(_vector_arithmetic()),
}

_HEAD: Final = """\
// SPDX-License-Identifier: MIT
    .intel_syntax noprefix
    .section .rdata, "dr"
all_ones:
    .fill 16, 1, 255
all_zeroes:
    .fill 16, 1, 0
    .text
"""


def function_of(family: str, number: int) -> str:
    """Return the name of an instruction's function; that of what it needs in memory has `_memory` behind it."""
    return f"{family}_{number}"


def _function(name: str, body: str, behind: str) -> str:
    body = body.replace("behind", behind)
    return f"""\
    .globl {name}
{name}:
    mov r14, rbp
    mov r15, rsp
    mov rsi, rcx
    mov rdi, rdx
    mov rdx, r8
{body}
    mov rsp, r15
    mov rbp, r14
    cld
    ret
"""


def assembly(family: str) -> str:
    """Return the source of a family: `void NAME(void *operand, void *other, unsigned long long pattern)` for each."""
    functions = [_HEAD]
    for number, rare in enumerate(FAMILIES[family]):
        name = function_of(family, number)
        functions.append(_function(name, f"{rare.registers}\n{rare.text}\nbehind:", f"{name}_behind"))
        if rare.memory:
            functions.append(_function(f"{name}_memory", rare.memory, f"{name}_behind"))
    return "".join(functions)
