# SPDX-License-Identifier: GPL-2.0-or-later
"""The accesses that instructions must make, case by case: bytes, registers, what memory holds."""

from __future__ import annotations

import pytest

from emu.trace import READ, WRITE
from emu.trace.trace import REGISTER_COLUMNS
from tests.trace.expectation import Model, compare
from tests.trace.interpreter import accesses_of
from tests.trace.operands import State

VALUES = {
    name: value
    for value, name in zip(range(0x1000, 0x1000 * 17, 0x1000), REGISTER_COLUMNS[:16], strict=True)
} | {"rip": 0x40_0000, "rflags": 0x1_0203}  # fmt: skip
"""rax 0x1000, rcx 0x2000, rdx 0x3000, rbx 0x4000, rsp 0x5000, rbp 0x6000, rsi 0x7000, rdi 0x8000, r8 0x9000; CF set."""
HELD = 0x1122_3344_5566_7788_99AA_BBCC_DDEE_FF01
"""What every read reads, its low bytes."""
TABLE = 0x10_0000
"""Address of the descriptor table."""

R, W = READ, WRITE
DESCRIPTOR = [(TABLE + 0xFF00, 4, R), (TABLE + 0xFF04, 4, R)]
"""That of a selector that has been read."""
WIDE = [(TABLE + (HELD >> 64 & 0xFFF8) + at, 4, R) for at in (0, 4)]
"""That of the selector at the end of ten bytes."""
X87_REGISTERS = [(0x100E + at, 10, R) for at in range(0, 80, 10)]


def made(code: str, vectors: dict[str, int] | None = None, **registers: int) -> list[tuple[int, ...]]:
    """Return address, size and kind of each access, with the value of a write where it is known."""
    values = VALUES | registers
    accesses = accesses_of(bytes.fromhex(code), State([values[name] for name in REGISTER_COLUMNS], vectors, TABLE))
    found: list[tuple[int, ...]] = []
    value = None
    while True:
        try:
            access = next(accesses) if value is None else accesses.send(value)
        except StopIteration:
            return found
        value = HELD & (1 << 8 * access.size) - 1
        found.append(access[:3] if access.value is None else (*access[:3], access.value))


CASES = [
    ("mov rax, [rcx+rdx*4-8]", "488b4491f8", [(0xDFF8, 8, R)]),
    ("mov eax, [rip+0x10]", "8b0510000000", [(0x40_0016, 4, R)]),
    ("mov rax, gs:[0x188]", "65488b042588010000", [(0x188, 8, R)]),
    ("mov eax, [eax]", "678b00", [(0x1000, 4, R)]),
    ("mov [rax], bh", "8838", [(0x1000, 1, W, 0x40)]),
    ("mov qword [rax], -1", "48c700ffffffff", [(0x1000, 8, W, (1 << 64) - 1)]),
    ("movnti [rax], ecx", "0fc308", [(0x1000, 4, W, 0x2000)]),
    ("push rsp", "54", [(0x4FF8, 8, W, 0x5000)]),
    ("push -128", "6a80", [(0x4FF8, 8, W, (1 << 64) - 128)]),
    ("push [rax]", "ff30", [(0x1000, 8, R), (0x4FF8, 8, W, HELD & (1 << 64) - 1)]),
    ("push ax", "6650", [(0x4FFE, 2, W, 0x1000)]),
    ("push fs", "0fa0", [(0x4FF8, 8, W)]),
    ("pop rax", "58", [(0x5000, 8, R)]),
    ("pop [rsp+8]", "8f442408", [(0x5000, 8, R), (0x5010, 8, W, HELD & (1 << 64) - 1)]),
    ("pushfq", "9c", [(0x4FF8, 8, W, 0x203)]),
    ("popfq", "9d", [(0x5000, 8, R)]),
    ("call +0", "e800000000", [(0x4FF8, 8, W, 0x40_0005)]),
    ("call [rax]", "ff10", [(0x1000, 8, R), (0x4FF8, 8, W, 0x40_0002)]),
    ("jmp [rax]", "ff20", [(0x1000, 8, R)]),
    ("ret", "c3", [(0x5000, 8, R)]),
    ("rep ret", "f3c3", [(0x5000, 8, R)]),
    ("leave", "c9", [(0x6000, 8, R)]),
    ("enter 16, 0", "c8100000", [(0x4FF8, 8, W, 0x6000)]),
    (
        "enter 16, 2",
        "c8100002",
        [(0x4FF8, 8, W, 0x6000), (0x5FF8, 8, R), (0x4FF0, 8, W, HELD & (1 << 64) - 1), (0x4FE8, 8, W, 0x4FF8)],
    ),
    ("retf", "cb", [(0x5000, 4, R), (0x5004, 4, R), *DESCRIPTOR]),
    ("retfq", "48cb", [(0x5000, 8, R), (0x5008, 8, R), *DESCRIPTOR]),
    (
        "iretq",
        "48cf",
        [(0x5000, 8, R), (0x5008, 8, R), (0x5010, 8, R), *DESCRIPTOR, (0x5018, 8, R), (0x5020, 8, R), *DESCRIPTOR],
    ),
    ("jmp far m16:16", "66ff28", [(0x1000, 2, R), (0x1002, 2, R), *DESCRIPTOR]),
    ("jmp far m16:32", "ff28", [(0x1000, 4, R), (0x1004, 2, R), *DESCRIPTOR]),
    ("jmp far m16:64", "48ff28", [(0x1000, 10, R), *WIDE]),
    (
        "call far m16:32",
        "ff18",
        [(0x1000, 4, R), (0x1004, 2, R), *DESCRIPTOR, (0x4FFC, 4, W), (0x4FF8, 4, W, 0x40_0002)],
    ),
    ("call far m16:64", "48ff18", [(0x1000, 10, R), *WIDE, (0x4FF8, 8, W), (0x4FF0, 8, W, 0x40_0003)]),
    ("lfs eax, [rax]", "0fb400", [(0x1000, 4, R), (0x1004, 2, R), *DESCRIPTOR]),
    ("mov es, [rax]", "8e00", [(0x1000, 2, R), *DESCRIPTOR]),
    ("mov es, eax", "8ec0", [(TABLE + 0x1000, 4, R), (TABLE + 0x1004, 4, R)]),
    ("lar eax, [rcx]", "0f0201", [(0x2000, 2, R), *DESCRIPTOR]),
    ("verr ax", "0f00e0", [(TABLE + 0x1000, 4, R), (TABLE + 0x1004, 4, R)]),
    ("pop fs", "0fa1", [(0x5000, 8, R), *DESCRIPTOR]),
    ("repne movsd", "f2a5", [(0x7000, 4, R), (0x8000, 4, W, 0xDDEE_FF01)]),
    ("lock neg byte [rax]", "f0f618", [(0x1000, 1, R), (0x1000, 1, R), (0x1000, 1, W, 0xFF)]),
    ("movbe [rax], ecx", "0f38f108", [(0x1000, 4, W, 0x0020_0000)]),
    ("pextrw [rax], xmm1, 9", "660f3a150809", [(0x1000, 2, W, HELD >> 16 & 0xFFFF)]),
    ("extractps [rax], xmm1, 3", "660f3a170803", [(0x1000, 4, W, HELD >> 96)]),
    ("pinsrb xmm1, [rax], 1", "660f3a200801", [(0x1000, 1, R)]),
    ("maskmovdqu xmm1, xmm2", "660ff7ca", [(0x8001, 1, W, 0xFF), (0x800F, 1, W, 0x11)]),
    ("fnstenv [rax]", "d930", [(0x1000 + at, 4, W) for at in range(0, 28, 4)]),
    ("frstor [rax], 16-bit", "66dd20", [(0x1000 + at, 2, R) for at in (0, 2, 4)] + X87_REGISTERS),
    ("fbld [rax]", "df20", [(0x1000 + at, 1, R) for at in (8, 7, 6, 5, 4, 3, 2, 1, 0, 9)]),
    ("ficomp word [rax]", "de18", [(0x1000, 2, R)]),
    ("movsb", "a4", [(0x7000, 1, R), (0x8000, 1, W, 1)]),
    ("movsd", "a5", [(0x7000, 4, R), (0x8000, 4, W, 0xDDEE_FF01)]),
    ("rep movsq", "f348a5", [(0x7000, 8, R), (0x8000, 8, W, HELD & (1 << 64) - 1)]),
    ("stosw", "66ab", [(0x8000, 2, W, 0x1000)]),
    ("lodsb", "ac", [(0x7000, 1, R)]),
    ("repne scasb", "f2ae", [(0x8000, 1, R)]),
    ("cmpsb", "a6", [(0x8000, 1, R), (0x7000, 1, R)]),
    ("xlatb", "d7", [(0x4000, 1, R)]),
    ("add [rax], ecx", "0108", [(0x1000, 4, R), (0x1000, 4, W, 0xDDEF_1F01)]),
    ("adc byte [rax], 1", "801001", [(0x1000, 1, R), (0x1000, 1, W, 3)]),
    ("lock dec dword [rax]", "f0ff08", [(0x1000, 4, R), (0x1000, 4, W, 0xDDEE_FF00)]),
    ("not byte [rax]", "f610", [(0x1000, 1, R), (0x1000, 1, W, 0xFE)]),
    ("shl dword [rax], 1", "d120", [(0x1000, 4, R), (0x1000, 4, W)]),
    ("cmp [rax], ecx", "3908", [(0x1000, 4, R)]),
    ("cmove eax, [rcx]", "0f4401", [(0x2000, 4, R)]),
    ("sete [rax]", "0f9400", [(0x1000, 1, W)]),
    ("xchg [rax], ecx", "8708", [(0x1000, 4, R), (0x1000, 4, W, 0x2000)]),
    ("lock xadd [rax], ecx", "f00fc108", [(0x1000, 4, R), (0x1000, 4, W, 0xDDEF_1F01)]),
    ("cmpxchg [rcx], edx, unequal", "0fb111", [(0x2000, 4, R), (0x2000, 4, W, 0xDDEE_FF01)]),
    ("cmpxchg16b [rsi]", "480fc70e", [(0x7000, 16, R), (0x7000, 16, W, HELD)]),
    ("bt [rax], ecx", "0fa308", [(0x1400, 4, R)]),
    ("bts [rax], ecx", "0fab08", [(0x1400, 4, R), (0x1400, 4, W, 0xDDEE_FF01)]),
    ("btr dword [rax], 32", "0fba3020", [(0x1000, 4, R), (0x1000, 4, W, 0xDDEE_FF00)]),
    ("movups xmm0, [rax]", "0f1000", [(0x1000, 16, R)]),
    ("movups [rax], xmm1", "0f1108", [(0x1000, 16, W, HELD)]),
    ("movhps [rax], xmm1", "0f1708", [(0x1000, 8, W, HELD >> 64)]),
    ("movsd [rax], xmm1", "f20f1108", [(0x1000, 8, W, HELD & (1 << 64) - 1)]),
    ("movd [rax], xmm1", "660f7e08", [(0x1000, 4, W, 0xDDEE_FF01)]),
    ("movntdq [rax], xmm1", "660fe708", [(0x1000, 16, W, HELD)]),
    ("fld tword [rax]", "db28", [(0x1000, 10, R)]),
    ("fstp tword [rax]", "db38", [(0x1000, 10, W)]),
    ("fstp qword [rax]", "dd18", [(0x1000, 8, W)]),
    ("sgdt [rax]", "0f0100", [(0x1000, 2, W), (0x1002, 8, W)]),
    ("ldmxcsr [rax]", "0fae10", [(0x1000, 4, R)]),
    ("lea rax, [rcx]", "488d01", []),
    ("nop [rax]", "0f1f00", []),
    ("prefetcht0 [rax]", "0f1808", []),
    ("add eax, ecx", "01c8", []),
]


@pytest.mark.parametrize(("code", "accesses"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_an_instruction(code: str, accesses: list[tuple[int, ...]]) -> None:
    assert made(code, {"xmm1": HELD, "xmm2": 0x80 << 120 | 0x80 << 8 | 0x7F}) == accesses


def test_a_compare_exchange_that_finds_what_it_expects_writes_the_new_value() -> None:
    assert made("0fb111", rax=0xDDEE_FF01) == [(0x2000, 4, R), (0x2000, 4, W, 0x3000)]


def test_a_bit_before_the_operand() -> None:
    assert made("480fa308", rcx=(1 << 64) - 1) == [(0xFF8, 8, R)]


def test_a_repeat_that_is_done_makes_none() -> None:
    assert made("f3a4", rcx=0) == []
    assert made("a4", rcx=0) == [(0x7000, 1, R), (0x8000, 1, W, 1)]


def test_a_saved_state_covers_what_the_processor_has() -> None:
    accesses = made("480fae00", {"xmm1": HELD})
    assert sum(access[1] for access in accesses) == 2 * 3 + 8 * 2 + 10 * 8 + 4 * 2 + 16 * 16
    assert (0x10B8, 8, W, HELD >> 64) in accesses


@pytest.mark.parametrize(
    "code", ["c4e37d190001", "660ff7c1", "06", "c5f81000", "0f00d0", "480fb400", "66c3", "cf", "0f01c8", "0fae20"]
)
def test_an_unknown_instruction_is_an_error(code: str) -> None:
    with pytest.raises(NotImplementedError):
        made(code)


LOAD = bytes.fromhex("488b00")
ROW = [VALUES[name] for name in REGISTER_COLUMNS]


@pytest.mark.parametrize(
    ("recorded", "wrong"),
    [
        ([(0, 0x1000, 8, R, 7, 0)], ""),
        ([], "no access"),
        ([(0, 0x1001, 8, R, 7, 0)], "is due"),
        ([(0, 0x1000, 4, R, 7, 0)], "is due"),
        ([(0, 0x1000, 8, W, 7, 0)], "is due"),
        ([(0, 0x1000, 8, R, 8, 0)], "something else was"),
        ([(0, 0x1000, 8, R, 7, 0), (0, 0x1000, 8, R, 7, 0)], "more accesses"),
    ],
)
def test_what_is_wrong(recorded: list[tuple[int, int, int, int, int, int]], wrong: str) -> None:
    model = Model()
    model.begin_call({0x1000: bytes([7, 0, 0, 0, 0, 0, 0, 0])})
    found = compare(LOAD, ROW, recorded, False, model)
    assert wrong in found
    assert bool(found) is bool(wrong)


def test_a_wrong_value_written() -> None:
    store = bytes.fromhex("488908")
    assert not compare(store, ROW, [(0, 0x1000, 8, W, 0x2000, 0)], False, Model())
    assert "instead of 0x2000" in compare(store, ROW, [(0, 0x1000, 8, W, 0x2001, 0)], False, Model())


def test_an_instruction_that_trapped_may_have_made_fewer_accesses_and_no_write() -> None:
    move, model = bytes.fromhex("a4"), Model()
    assert not compare(move, ROW, [], True, model)
    assert not compare(b"\x0f\xff", ROW, [], True, model)
    assert not compare(move, ROW, [(0, 0x7000, 1, R, 9, 1)], True, model)
    assert "is due" in compare(move, ROW, [(0, 0x8000, 1, W, 9, 1)], True, model)
    wide = bytes.fromhex("0f1000")
    assert not compare(wide, ROW, [(0, 0x1000, 8, R, 9, 1)], True, model)
    assert "is due" in compare(wide, ROW, [(0, 0x1008, 8, R, 9, 1)], True, model)
    assert not model.memory


WIDE_LOAD, WIDE_STORE, ADD = (bytes.fromhex(code) for code in ("0f1000", "0f1100", "480108"))


@pytest.mark.parametrize(
    ("code", "faulting", "reported"),
    [
        (LOAD, 0x1000, []),
        (LOAD, 0x1004, []),
        (WIDE_LOAD, 0x1004, []),
        (WIDE_LOAD, 0x1008, [(0x1000, 8, R)]),
        (WIDE_LOAD, 0x100C, [(0x1000, 8, R)]),
        (WIDE_STORE, 0x1004, [(0x1000, 8, W)]),
        (WIDE_STORE, 0x1008, [(0x1000, 8, W)]),
        (WIDE_STORE, 0x100C, [(0x1000, 16, W)]),
    ],
)
def test_what_is_reported_before_a_fault_on_a_page(
    code: bytes, faulting: int, reported: list[tuple[int, int, int]]
) -> None:
    model = Model(faults=lambda address, _: address >= faulting)
    recorded = [(0, *access, 9, 1) for access in reported]
    assert not compare(code, ROW, recorded, True, model)
    assert compare(code, ROW, [*recorded, (0, 0x1000, 8, R, 9, 1)], True, model)
    if recorded:
        assert compare(code, ROW, recorded[:-1], True, model)


def test_what_a_write_is_to_write_is_compared_before_its_fault() -> None:
    model = Model(faults=lambda _, kind: kind == W)
    read = (0, 0x1000, 8, R, 9, 1)
    assert not compare(ADD, ROW, [read], True, model)
    assert "is due" in compare(ADD, ROW, [], True, model)
    assert "before the fault" in compare(ADD, ROW, [read, (0, 0x1000, 8, W, 0x2009, 1)], True, model)
    model.faults = lambda address, _: address >= 0x1004
    store = bytes.fromhex("488908")
    assert not compare(store, ROW, [(0, 0x1000, 8, W, 0x2000, 1)], True, model)
    assert "instead of 0x2000" in compare(store, ROW, [(0, 0x1000, 8, W, 0x2001, 1)], True, model)


def test_an_instruction_that_trapped_must_have_a_reason() -> None:
    model = Model(faults=lambda _address, _kind: False)
    assert "nothing that it accesses faults" in compare(LOAD, ROW, [(0, 0x1000, 8, R, 9, 1)], True, model)


def test_an_event_makes_kernel_memory_unknown() -> None:
    model = Model()
    model.begin_call({0x1000: b"u", 1 << 63: b"k"})
    model.pass_event()
    assert model.memory == {0x1000: ord("u")}
