# SPDX-License-Identifier: GPL-2.0-or-later
"""Single instructions on silicon and on the engine: those that agree, and each known difference with both its sides.

A difference fails on the day that the engine is mended, or that a processor does otherwise than the limits page says.
Where the manuals leave it to the processor, a test says so and asserts nothing of silicon.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import pytest

from emu.cpu import registers as r
from emu.cpu.trap import Vector
from tests.silicon.instructions import ABSENT, END, LIMIT, NON_CANONICAL, READ_ONLY, XMM, Bench, Both, Instruction
from tests.silicon.library import OTHER, USER, pattern
from tests.silicon.native import IS_HERE, needs_silicon
from tests.silicon.world import PAGE, differences

pytestmark = needs_silicon

SF: Final = 0x80
PF, GP, UD, BP = Vector.PAGE_FAULT, Vector.GENERAL_PROTECTION, Vector.INVALID_OPCODE, Vector.BREAKPOINT
HAS_57_BITS: Final = IS_HERE and " la57 " in Path("/proc/cpuinfo").read_text()
"""Under a kernel with 5-level paging the lower half ends elsewhere."""

TABLE: list[Instruction] = []
BENCH: Final = Bench(TABLE)


def _put(name: str, code: str, at_end: bool = False, **registers: int) -> str:
    TABLE.append(Instruction(name, code, registers, at_end))
    return name


def _stores_and_loads() -> list[str]:
    """Moves of each width with each byte that lies in front of the page's end."""
    codes = {
        "mov [rdi], ax": "668907",
        "mov [rdi], eax": "8907",
        "mov [rdi], rax": "488907",
        "movnti [rdi], eax": "0fc307",
        "movnti [rdi], rax": "480fc307",
        "movq [rdi], xmm0": "660fd607",
        "mov ax, [rdi]": "668b07",
        "mov eax, [rdi]": "8b07",
        "mov rax, [rdi]": "488b07",
        "movq xmm0, [rdi]": "f30f7e07",
        "lock add [rdi], eax": "f00107",
        "lock cmpxchg [rdi], rcx": "f0480fb10f",
        "pop [rdi]": "8f07",
        "fstp qword [rdi]": "d9e8dd1f",
    }
    return [
        _put(f"{name} {before} before the end", code, rdi=END - before)
        for name, code in codes.items()
        for before in range(8)
    ]


def _strings() -> list[str]:
    codes = ("f3a4", "f366a5", "f3a5", "f348a5", "f3aa", "f348ab", "f3a6", "f348a7", "f2ae", "ac", "48ad", "a4", "48a5")
    away = OTHER + 0x800
    return [
        _put(
            f"{code} {before} before the end, {flags:#x}, {rdi:#x}", code, rflags=flags, rcx=40, rax=1, rdi=rdi, rsi=rsi
        )
        for code in codes
        for before in (0, 1, 3, 8, 63)
        for flags, edge in ((0, END - before), (r.FLAG_DF, USER + before))
        for rdi, rsi in ((edge, away), (away, edge))
    ]


def _read_modify_writes() -> list[str]:
    codes = (
        "0007 0807 1007 2807 48830701 fe07 ff0f f617 f617 d007 c12703 d32f 0fba2f01 0fab07 0fc007 8607 0fb00f f00fb00f"
    )
    return [
        _put(f"{code} at {address:#x}", code, rdi=address)
        for code in (*codes.split(), "0fc70f", "480fc70f")
        for address in (ABSENT, READ_ONLY, READ_ONLY + PAGE - 16)
    ]


def _other_faults() -> list[str]:
    found = [
        _put("div 0", "31c9 f7f1"),
        _put("ud2", "0f0b"),
        _put("int3", "cc"),
        _put("lock nop", "f090"),
        _put("fetch of data", "ffe7", rdi=USER + 5),
        _put("fetch of nothing", "ffe7", rdi=ABSENT + 5),
        _put("prefetch of nothing", "0f180f", rdi=ABSENT),
        _put("popfq", "9d", rsp=ABSENT),
        _put("leave", "c9", rbp=ABSENT),
        _put("push straddles", "50", rsp=USER + 4),
        _put("pop straddles", "58", rsp=END - 4),
        _put("pop to nothing", "8f07", rdi=ABSENT),
        _put("push of nothing", "ff37", rdi=ABSENT),
        _put("call pushes nowhere", "ffd7", rdi=USER, rsp=USER),
        _put("cmpxchg16b misaligned", "480fc70f", rdi=USER + 8),
        _put("cmpxchg16b misaligned and absent", "480fc70f", rdi=ABSENT + 8),
    ]
    for code in ("8a07", "8807", "0007", "f3a4", "0f1007"):
        found.append(_put(f"{code} non-canonical", code, rdi=NON_CANONICAL, rsi=USER, rcx=1))
    for code in ("8a0424", "50", "58", "c3", "e800000000"):
        found.append(_put(f"{code} non-canonical through RSP", code, rsp=NON_CANONICAL))
    if not HAS_57_BITS:
        for code in ("488b07", "488907", "480107", "0f1007", "0f1107", "48a5"):
            found.append(_put(f"{code} across the limit", code, rdi=LIMIT - 4, rsi=USER))
        for code, rsp in (("58", LIMIT - 4), ("50", LIMIT + 4), ("488b0424", LIMIT - 4)):
            found.append(_put(f"{code} across the limit through RSP", code, rsp=rsp))
    for code in ("ffe7", "57c3", "57c21000", "57ff2424"):  # jmp rdi; push rdi, then ret, ret 16, jmp [rsp]
        found.append(_put(f"{code} goes nowhere", code, rdi=NON_CANONICAL))
    return found


@pytest.mark.parametrize("name", [*_stores_and_loads(), *_strings(), *_read_modify_writes(), *_other_faults()])
def test_agrees(name: str) -> None:
    both = BENCH[name]
    assert not differences(both.silicon, both.engine, BENCH.pages)


def _vectors(both: Both) -> tuple[int, int]:
    return both.silicon.vector, both.engine.vector


MOVES = {"movdqu": ("f30f6f07", "f30f7f07"), "movups": ("0f1007", "0f1107"), "movupd": ("660f1007", "660f1107")}
STRADDLES = [
    _put(f"{name} {kind} {before} before the end", code, rdi=END - before)
    for name, codes in MOVES.items()
    for kind, code in zip(("load", "store"), codes, strict=True)
    for before in (1, 7, 8, 9, 15)
]


@pytest.mark.parametrize("name", STRADDLES)
def test_16_bytes_go_in_two_halves(name: str) -> None:
    """On silicon nothing of them has gone; on the engine the first 8, where all 8 lie in front of the page."""
    both = BENCH[name]
    _, kind, before, *_ = name.split()
    at = PAGE - int(before)
    gone = 8 if int(before) >= 8 else 0
    assert (both.silicon.vector, both.silicon.address) == (both.engine.vector, both.engine.address) == (PF, END)
    assert both.silicon.xmm == XMM
    assert both.silicon.pages[0] == pattern(0)
    if kind == "store":
        assert both.engine.pages[0] == pattern(0)[:at] + XMM[:gone] + pattern(0)[at + gone :]
    else:
        assert both.engine.xmm == pattern(0)[at : at + gone] + XMM[gone:]


LONGER_STORES = [
    _put("maskmovdqu", "0f28c8660f76c9660ff7c1", rdi=END - 8),  # movaps xmm1, xmm0; pcmpeqd xmm1, xmm1
    _put("fxsave", "0fae07", rdi=END - 16),
    _put("fstp tbyte", "d9e8db3f", rdi=END - 8),
    _put("fnstenv", "d937", rdi=END - 12),
    _put("fnsave", "dd37", rdi=END - 32),
    _put("fbstp", "d9e8df37", rdi=USER - 9),  # from the top
]


@pytest.mark.parametrize("name", LONGER_STORES)
def test_a_longer_store_writes_what_comes_before_its_fault(name: str) -> None:
    """Zen 4 writes nothing; it is the processor's affair."""
    both = BENCH[name]
    assert _vectors(both) == (PF, PF)
    assert both.engine.pages[0] != pattern(0)


LONGER_LOADS = [
    _put("fldenv", "d927", rdi=END - 14),
    _put("frstor", "dd27", rdi=END - 20),
    _put("fxrstor", "0fae0f", rdi=END - 16),
]


@pytest.mark.parametrize("name", LONGER_LOADS)
def test_the_state_of_the_x87_is_read_in_part(name: str) -> None:
    """The engine reads neither the pointers of the last instruction nor what else it does not keep.

    Silicon faults, at which byte of the page is the processor's affair.
    """
    both = BENCH[name]
    assert both.silicon.vector == PF
    assert both.silicon.address & -PAGE == END
    assert (both.engine.vector, both.engine.address) != (PF, both.silicon.address)


ALIGNED = {
    "movaps load": "0f2807",
    "movaps store": "0f2907",
    "movdqa load": "660f6f07",
    "movdqa store": "660f7f07",
    "movntdq": "660fe707",
    "movntps": "0f2b07",
    "addps": "0f5807",
    "pxor": "660fef07",
}
MISALIGNED = [_put(name, code, rdi=USER + 1) for name, code in ALIGNED.items()]
MISALIGNED_AND_ABSENT = [_put(f"{name} of nothing", code, rdi=ABSENT + 1) for name, code in ALIGNED.items()]


@pytest.mark.parametrize("name", MISALIGNED)
def test_alignment_is_not_asked_for(name: str) -> None:
    """Silicon refuses the instruction, with #GP; the engine executes it."""
    both = BENCH[name]
    assert _vectors(both) == (GP, BP)
    assert both.silicon.pages[0] == pattern(0)


@pytest.mark.parametrize("name", MISALIGNED_AND_ABSENT)
def test_misaligned_and_absent(name: str) -> None:
    """On silicon the alignment comes first."""
    assert _vectors(BENCH[name]) == (GP, PF)


CALL = _put("call goes nowhere", "ffd7", rdi=NON_CANONICAL)


def test_a_call_to_a_non_canonical_address_has_pushed() -> None:
    """Silicon has not. It is the only difference."""
    both = BENCH[CALL]
    assert both.silicon.general == both.engine.general
    assert both.silicon.pages[2] == pattern(2)
    assert both.engine.pages[2] != pattern(2)


IRETQ = _put("iretq", "48cf", rsp=ABSENT)


def test_iretq_reads_its_frame_from_the_bottom() -> None:
    """In which order it is read is the processor's affair: Zen 4 begins at RSP+16."""
    both = BENCH[IRETQ]
    assert _vectors(both) == (PF, PF)
    assert 0 <= both.silicon.address - ABSENT < 40
    assert both.engine.address == ABSENT


LOCKED = [_put("lock mov", "f08b07", rdi=USER), _put("lock mov of registers", "f04889c8")]


@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_prefix_out_of_place_is_taken(name: str) -> None:
    assert _vectors(BENCH[name]) == (UD, BP)


NARROW = [
    _put("roundss", "660f3a0a0700", rdi=END - 4),
    _put("roundsd", "660f3a0b0700", rdi=END - 8),
    _put("cvtps2pd", "0f5a07", rdi=END - 8),
    _put("cvtdq2pd", "f30fe607", rdi=END - 8),
    _put("cvtps2pi", "0f2d07", rdi=END - 8),
    _put("punpcklbw", "0f6007", rdi=END - 4),
]


@pytest.mark.parametrize("name", NARROW)
def test_more_is_read_than_the_instruction_needs(name: str) -> None:
    """Silicon reads the 4 or 8 bytes in front of the page and goes on; the engine goes into it."""
    assert _vectors(BENCH[name]) == (BP, PF)


RUNS_ON = _put("code runs on", "ffc0ffc0", at_end=True)


def test_code_that_runs_on_into_an_absent_page() -> None:
    """What is there is executed."""
    both = BENCH[RUNS_ON]
    assert _vectors(both) == (PF, PF)
    assert both.engine.address == both.engine.general[r.RIP] == both.silicon.address == both.silicon.general[r.RIP]
    assert both.engine.general[r.RAX] == both.silicon.general[r.RAX] == 2


CLFLUSH = _put("clflush", "0fae3f", rdi=ABSENT)


def test_clflush_of_an_absent_page_is_nothing() -> None:
    """On silicon it is a read (Intel SDM Vol. 2, CLFLUSH)."""
    assert _vectors(BENCH[CLFLUSH]) == (PF, BP)


ENTER = _put("enter", "c8000100", rsp=USER + 0x80)


def test_enter_does_not_look_where_rsp_will_be() -> None:
    """Silicon faults where a write at the new RSP would (Intel SDM Vol. 2, ENTER)."""
    both = BENCH[ENTER]
    assert _vectors(both) == (PF, BP)
    assert both.silicon.general[r.RSP] == USER + 0x80


SAME_REGISTER = [
    _put(f"{name} of one register", f"660f38{opcode}c0")
    for name, opcode in (("phaddw", "01"), ("phaddd", "02"), ("phaddsw", "03"), ("phsubw", "05"), ("phsubd", "06"))
]


@pytest.mark.parametrize("name", SAME_REGISTER)
def test_horizontal_sums_of_one_register(name: str) -> None:
    """Silicon has the low half twice; the engine takes sums for its source when it comes to the high half."""
    both = BENCH[name]
    assert both.silicon.xmm[:8] == both.silicon.xmm[8:16] == both.engine.xmm[:8]
    assert both.engine.xmm[8:16] != both.silicon.xmm[8:16]


BEHIND_RIP = [
    _put("shld [rip+X], eax, 1", "0fa405 00000010 01"),
    _put("shrd [rip+X], eax, 1", "0fac05 00000010 01"),
]


@pytest.mark.parametrize("name", BEHIND_RIP)
def test_a_double_shift_behind_rip_is_one_byte_off(name: str) -> None:
    """The engine forgets that the immediate byte is a part of the instruction."""
    both = BENCH[name]
    assert _vectors(both) == (PF, PF)
    assert both.engine.address == both.silicon.address - 1


CMPXCHG = _put("cmpxchg edx, ecx", "0fb1ca", rdx=0x1234_5678_9ABC_DEF0, rax=1)


def test_cmpxchg_that_exchanges_nothing_clears_the_high_half_of_its_register() -> None:
    both = BENCH[CMPXCHG]
    assert both.silicon.general[r.RDX] == 0x1234_5678_9ABC_DEF0
    assert both.engine.general[r.RDX] == 0x9ABC_DEF0


UNUSUAL = [
    _put("test by its other opcode", "f6c801"),
    _put("mov byte [r9], 1 with REX.R", "4dc60101", r9=USER),
    _put("cmpps with bits above the predicate", "0fc2c108"),
]


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_encodings_are_refused(name: str) -> None:
    """No assembler writes them; silicon takes them."""
    assert _vectors(BENCH[name]) == (BP, UD)


LAHF = _put("lahf with REX", "409f", rflags=r.FLAGS_ARITHMETIC)


def test_lahf_with_a_rex_prefix_loads_spl() -> None:
    """No assembler writes it; silicon loads AH."""
    both = BENCH[LAHF]
    assert both.silicon.general[r.RSP] & 0xFF == 0
    assert both.engine.general[r.RSP] & 0xFF == 0xD7


APPROXIMATIONS = [
    _put("rcpps", "0f53c0"),
    _put("rcpss", "f30f53c0"),
    _put("rsqrtps", "0f52c0"),
    _put("rsqrtss", "f30f52c0"),
]


@pytest.mark.parametrize("name", APPROXIMATIONS)
def test_approximations_are_exact(name: str) -> None:
    """Of a processor's own, 12 bits are right (Intel SDM Vol. 2, RCPPS)."""
    both = BENCH[name]
    silicon, engine = (struct.unpack_from("<f", stop.xmm)[0] for stop in both)
    assert silicon != engine
    assert silicon == pytest.approx(engine, rel=1.5 * 2**-12)


LOCK_NEG = _put("lock neg", "f0f61f", rdi=USER)


def test_lock_neg_leaves_the_flags_of_what_it_negates() -> None:
    """Silicon leaves those of the result; the operand is 1."""
    both = BENCH[LOCK_NEG]
    assert both.silicon.pages == both.engine.pages
    assert (both.silicon.general[r.RFLAGS] & SF, both.engine.general[r.RFLAGS] & SF) == (SF, 0)
