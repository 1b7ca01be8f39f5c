# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers in and out, the budget, time, snapshots, code changes."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.engine import EngineError
from emu.cpu.native_core import REQUEST_FLUSH_CODE
from emu.cpu.trap import Vector
from emu.memory import page_table as pt
from tests.cpu.guest import ABSENT, CODE, DATA, READ_ONLY, STACK, USER_DATA, Guest

U64 = st.integers(0, (1 << 64) - 1)

ARITHMETIC_FLAGS = 0x8D5
"""CF, PF, AF, ZF, SF, OF."""


@pytest.fixture(scope="module")
def shared() -> Guest:
    guest = Guest()
    guest.load("f4")
    guest.load(
        "48ffc048ffc148ffc248ffc348ffc448ffc548ffc648ffc749ffc049ffc149ffc249ffc349ffc449ffc549ffc649ffc7f4", CODE + 16
    )
    return guest


@given(values=st.lists(U64, min_size=16, max_size=16))
def test_general_registers_reach_the_guest_and_come_back(shared: Guest, values: list[int]) -> None:
    registers = shared.cpu.registers
    for i, value in enumerate(values):
        registers[i] = value
    registers[r.RIP], registers[r.RFLAGS], registers[r.BUDGET] = CODE + 16, 2, 10
    assert shared.cpu.run().vector == Vector.HOST_CALL  # sixteen times inc, hlt
    assert list(registers[:16]) == [value + 1 & (1 << 64) - 1 for value in values]
    assert registers[r.RIP] == CODE + 16 + 16 * 3 + 1


@given(flags=st.integers(0, ARITHMETIC_FLAGS | r.FLAG_DF | r.FLAG_AC | r.FLAG_IF))
def test_flags_reach_the_guest_and_come_back(shared: Guest, flags: int) -> None:
    flags &= ARITHMETIC_FLAGS | r.FLAG_DF | r.FLAG_AC | r.FLAG_IF
    shared.start(flags=flags)
    assert shared["rflags"] == flags | 2


@given(content=st.binary(min_size=256, max_size=256))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_xmm_registers_reach_the_guest_and_come_back(shared: Guest, content: bytes) -> None:
    cpu = shared.cpu
    cpu.xmm[:] = content
    cpu.extended_changed()
    # movdqu [rdi+16*i], xmm_i for 0, 7, 8, 15; pxor xmm7, xmm7; hlt
    code = "f30f7f07 f30f7f7f10 f3440f7f4720 f3440f7f7f30 660fefff f4"
    shared.run(code, CODE + 0x100, rdi=DATA)
    expected = b"".join(content[i * 16 : i * 16 + 16] for i in (0, 7, 8, 15))
    assert shared.memory.read(DATA, 64) == expected
    assert bytes(cpu.xmm) == content[:112] + bytes(16) + content[128:]


@pytest.mark.parametrize(("mxcsr", "rounded"), [(0x1F80, 2), (0x3F80, 1), (0x5F80, 2), (0x7F80, 1)])
def test_mxcsr_rules_the_rounding_at_once(guest: Guest, mxcsr: int, rounded: int) -> None:
    guest.memory.write(DATA, b"\x00\x00\x00\x00\x00\x00\xf8\x3f")  # 1.5
    guest.cpu.mxcsr = mxcsr
    # cvtsd2si rax, [rdi]; stmxcsr [rdi+8]; hlt
    guest.run("f2480f2d07 0fae5f08 f4", rdi=DATA)
    assert guest["rax"] == rounded
    assert guest.memory.read(Gva(DATA + 8), 4) == mxcsr.to_bytes(4, "little")
    guest.memory.write(DATA, (0x1F80).to_bytes(4, "little"))
    guest.run("0fae17 f4", rdi=DATA)  # ldmxcsr [rdi]; hlt
    assert guest.cpu.mxcsr == 0x1F80


@pytest.mark.parametrize("level", [0, 1, 2, 15])
def test_irql_is_cr8(guest: Guest, level: int) -> None:
    guest.cpu.irql = level
    guest.run("440f20c0 f4")  # mov rax, cr8; hlt
    assert guest["rax"] == level
    guest.run("440f22c1 f4", rcx=15 - level)  # mov cr8, rcx; hlt
    assert guest.cpu.irql == 15 - level
    guest.run("440f20c0 f4")
    assert guest["rax"] == 15 - level


def test_a_fresh_processor_has_the_windows_defaults(guest: Guest) -> None:
    assert (guest.cpu.irql, guest.cpu.mxcsr) == (0, 0x1F80)
    guest.run("0f20c0 f4")  # mov rax, cr0; hlt
    assert guest["rax"] == r.CR0_KERNEL
    assert guest["cr3"] == guest.memory.root


# xor eax, eax; mov ecx, 5; L: add eax, ecx; push rax; pop rdx; loop L; mov ecx, 3; rep stosb; jmp +0; hlt
PROGRAM = "31c0 b905000000 01c8 50 5a e2fa b903000000 f3aa eb00 f4"


def run_in_slices(guest: Guest, sizes: Iterator[int]) -> tuple[int, list[int], bytes]:
    guest.memory.write(DATA, bytes(16))
    stops = 0
    trap = guest.start(budget=next(sizes), rdi=DATA)
    while trap.vector == Vector.BUDGET_EXHAUSTED:
        stops += 1
        trap = guest.go_on(next(sizes))
    assert trap.vector == Vector.HOST_CALL
    return stops, list(guest.cpu.registers[:18]), guest.memory.read(DATA, 16)


def test_the_budget_is_exact_and_every_stop_can_be_resumed(guest: Guest) -> None:
    guest.load(PROGRAM)
    _, *whole = run_in_slices(guest, itertools.repeat(1000))
    blocks = 1000 - guest.cpu.registers[r.BUDGET]
    for size in range(1, blocks + 1):
        stops, *sliced = run_in_slices(guest, itertools.repeat(size))
        assert sliced == whole
        assert stops == -(-blocks // size) - 1
    for first in range(blocks):
        assert guest.start(budget=first, rdi=DATA).vector == Vector.BUDGET_EXHAUSTED
        assert guest.cpu.registers[r.BUDGET] == 0
        assert guest.go_on(blocks - first).vector == Vector.HOST_CALL
    assert guest.start(budget=blocks, rdi=DATA).vector == Vector.HOST_CALL


def test_a_budget_of_nothing_runs_nothing(guest: Guest) -> None:
    assert guest.run("ffc0 f4", budget=0, rax=1).vector == Vector.BUDGET_EXHAUSTED  # inc eax; hlt
    assert (guest["rax"], guest["rip"]) == (1, CODE)
    assert guest.go_on(1).vector == Vector.HOST_CALL
    assert guest["rax"] == 2


@pytest.mark.parametrize("code", ["f3a4", "f3a5", "f348ab", "f2ae"])  # rep movsb, movsd, stosq; repne scasb
def test_a_rep_iteration_counts_one(guest: Guest, code: str) -> None:
    guest.load(f"{code} f4")
    used = []
    for count in (10, 11, 30):
        guest.start(rcx=count, rsi=DATA, rdi=DATA + 0x800, rax=0x55)
        used.append(1000 - guest.cpu.registers[r.BUDGET])
    assert [used[1] - used[0], used[2] - used[0]] == [1, 20]


@pytest.mark.parametrize("code", ["ebfe", "f390 ebfc", "eb00 ebfc"])  # jmp $; pause, jmp; two blocks
def test_an_endless_loop_ends(guest: Guest, code: str) -> None:
    trap = guest.run(code, budget=50_000)
    assert trap.vector == Vector.BUDGET_EXHAUSTED
    assert CODE <= trap.rip < CODE + 4


def test_endless_recursion_ends_in_a_page_fault_below_the_stack(guest: Guest) -> None:
    trap = guest.run("e8fbffffff", budget=100_000)  # call $
    assert (trap.vector, trap.error_code, trap.address) == (Vector.PAGE_FAULT, 2, STACK - 8)
    assert guest["rsp"] == STACK


def test_time_depends_on_the_guest_alone() -> None:
    # rdtsc; mov ebx, eax; mov ecx, 100; L: loop L; rdtsc; hlt
    def measure() -> tuple[int, int]:
        guest = Guest()
        guest.run("0f31 89c3 b964000000 e2fe 0f31 f4")
        return guest["rbx"], guest["rax"] | guest["rdx"] << 32

    first, second = measure()
    assert 0 < first < second
    assert measure() == (first, second)


def test_rdtscp_gives_time_and_the_processor_number(guest: Guest) -> None:
    # mov ecx, IA32_TSC_AUX; mov eax, 7; xor edx, edx; wrmsr; or ecx, -1; rdtscp; hlt
    guest.run("b9030100c0 b807000000 31d2 0f30 83c9ff 0f01f9 f4", rdx=1 << 63)
    assert guest["rcx"] == 7
    assert guest["rax"] > 0
    assert guest["rdx"] == 0


def test_ten_thousand_faults_give_the_answers_of_the_first(guest: Guest) -> None:
    guest.load("8a07 f4")  # mov al, [rdi]
    guest.load("8807 f4", CODE + 0x10)  # mov [rdi], al
    guest.load("31c9f7f1", CODE + 0x20)  # xor ecx, ecx; div ecx
    guest.load("0f0b", CODE + 0x30)
    cases = [(CODE, ABSENT), (CODE + 0x10, READ_ONLY), (CODE + 0x20, 0), (CODE, USER_DATA), (CODE + 0x30, 0)]
    cases += [(CODE, 1 << 63), (CODE + 0x10, ABSENT)]
    first = [guest.start(at, rdi=address) for at, address in cases]
    assert len({trap[:3] for trap in first}) == len(cases)
    for _ in range(10_000 // len(cases)):
        assert [guest.start(at, rdi=address) for at, address in cases] == first


def test_a_fault_is_resumed_at_the_instruction(guest: Guest) -> None:
    memory = guest.memory
    memory.set_state(Gva(DATA + 0x1000), pt.PageState.PAGED_OUT)
    memory.write(DATA, bytes(range(256)) * 16)
    # rep movsb; hlt
    trap = guest.run("f3a4 f4", budget=5000, rsi=DATA, rdi=DATA + 0xF80, rcx=0x100)
    assert (trap.vector, trap.error_code, trap.address, trap.rip) == (Vector.PAGE_FAULT, 2, DATA + 0x1000, CODE)
    assert (guest["rcx"], guest["rdi"], guest["rsi"]) == (0x80, DATA + 0x1000, DATA + 0x80)
    memory.set_state(Gva(DATA + 0x1000), pt.PageState.RESIDENT)
    assert guest.go_on().vector == Vector.HOST_CALL
    assert memory.read(Gva(DATA + 0xF80), 0x100) == bytes(range(256))


class TestSnapshot:
    def test_registers_come_back(self, guest: Guest) -> None:
        cpu = guest.cpu
        cpu.irql, cpu.mxcsr = 2, 0x3F80
        cpu.xmm[:] = bytes(range(256))
        cpu.extended_changed()
        guest.run("f4", rax=1, rbx=2)
        before, snapshot = (list(cpu.registers[:18]), bytes(cpu.xmm), cpu.irql, cpu.mxcsr), cpu.snapshot()
        # mov cr8, rcx; ldmxcsr [rdi]; pxor xmm0, xmm0; rdtsc; div cl
        guest.memory.write(DATA, (0x7F80).to_bytes(4, "little"))
        guest.run("440f22c1 0fae17 660fefc0 0f31 f6f1", rcx=0, rdi=DATA)
        assert list(cpu.registers[:18]) != before[0]
        cpu.restore(snapshot)
        assert (list(cpu.registers[:18]), bytes(cpu.xmm), cpu.irql, cpu.mxcsr) == before
        guest.memory.write(DATA, b"\x00\x00\x00\x00\x00\x00\xf8\x3f")  # 1.5
        # mov rax, cr8; cvtsd2si rbx, [rdi]; movdqu [rdi+16], xmm0; hlt
        guest.run("440f20c0 f2480f2d1f f30f7f4710 f4", rdi=DATA)
        assert (guest["rax"], guest["rbx"]) == (2, 1)
        assert guest.memory.read(Gva(DATA + 16), 16) == bytes(range(16))

    def test_write_protection_comes_back(self, guest: Guest) -> None:
        snapshot = guest.cpu.snapshot()
        # mov rax, cr0; btr rax, 16; mov cr0, rax; mov [rdi], cl; hlt
        assert guest.run("0f20c0 480fbaf010 0f22c0 880f f4", rdi=READ_ONLY).vector == Vector.HOST_CALL
        guest.cpu.restore(snapshot)
        trap = guest.run("880f f4", rdi=READ_ONLY)
        assert (trap.vector, trap.error_code) == (Vector.PAGE_FAULT, 3)

    def test_smap_comes_back(self, guest: Guest) -> None:
        snapshot = guest.cpu.snapshot()
        # mov rax, cr4; btr rax, 21; mov cr4, rax; mov cl, [rdi]; hlt
        assert guest.run("0f20e0 480fbaf015 0f22e0 8a0f f4", rdi=USER_DATA).vector == Vector.HOST_CALL
        guest.cpu.restore(snapshot)
        assert guest.run("8a0f f4", rdi=USER_DATA).error_code == 1

    def test_model_specific_registers_come_back(self, guest: Guest) -> None:
        # mov ecx, IA32_GS_BASE; wrmsr; swapgs; hlt
        guest.run("b9010100c0 0f30 0f01f8 f4", rax=0x1234, rdx=0)
        snapshot = guest.cpu.snapshot()
        guest.run("b9010100c0 0f30 0f01f8 f4", rax=0x5678, rdx=0)
        guest.cpu.restore(snapshot)
        # swapgs; mov ecx, IA32_GS_BASE; rdmsr; hlt
        guest.run("0f01f8 b9010100c0 0f32 f4")
        assert guest["rax"] == 0x1234

    def test_the_page_table_root_comes_back(self, guest: Guest) -> None:
        snapshot, root = guest.cpu.snapshot(), guest.memory.root
        copy = guest.memory._frames.allocate() << 12
        guest.ram.bytes[copy : copy + 0x1000] = guest.ram.bytes[root : root + 0x1000]
        guest.run("0f22d8 f4", rax=copy)  # mov cr3, rax; hlt
        assert guest["cr3"] == copy
        guest.cpu.flush_tlb()
        guest.run("0f20d8 f4")  # mov rax, cr3; hlt
        assert guest["rax"] == copy
        guest.cpu.restore(snapshot)
        guest.run("0f20d8 f4")
        assert guest["rax"] == root

    def test_paging_switched_off_by_the_guest_comes_back(self, guest: Guest) -> None:
        snapshot = guest.cpu.snapshot()
        guest.run("0f20c0 480fbaf01f 0f22c0 f4")  # mov rax, cr0; btr rax, 31; mov cr0, rax; hlt
        guest.cpu.restore(snapshot)
        assert guest.run("8a07 f4", rdi=ABSENT).address == ABSENT
        assert guest.run("8a07 f4", rdi=DATA).vector == Vector.HOST_CALL

    def test_time_and_what_was_asked_for_come_back(self, guest: Guest) -> None:
        guest.load("0f31 f4")
        guest.start()
        snapshot = guest.cpu.snapshot()
        guest.start()
        first = guest["rax"]
        guest.memory.set_state(DATA, pt.PageState.UNMAPPED)  # asks for a flush, which the restore must not lose
        guest.cpu.restore(snapshot)
        guest.start()
        assert guest["rax"] == first
        assert guest.run("8a07 f4", rdi=DATA).vector == Vector.PAGE_FAULT

    def test_a_restore_is_seen_by_the_tlb(self, guest: Guest) -> None:
        guest.run("8a07 f4", rdi=DATA)
        snapshot = guest.cpu.snapshot()
        index = guest.memory.entry_address(DATA) >> 3
        guest.ram.quadwords[index] &= ~pt.PRESENT
        guest.cpu.restore(snapshot)
        assert guest.start(rdi=DATA).vector == Vector.PAGE_FAULT

    def test_what_a_snapshot_was_asked_is_done_once(self, guest: Guest) -> None:
        """Else every restore would drop all translated code, if code was loaded before the snapshot."""
        guest.cpu.drop_all_translations()
        snapshot = guest.cpu.snapshot()
        guest.run("f4")
        guest.cpu.restore(snapshot)
        assert not guest.cpu._words[r.REQUEST] & REQUEST_FLUSH_CODE
        guest.cpu.drop_all_translations()
        guest.cpu.restore(snapshot)
        assert guest.cpu._words[r.REQUEST] & REQUEST_FLUSH_CODE, "not done yet"

    def test_many_snapshots_do_not_pile_up(self, guest: Guest) -> None:
        for _ in range(2000):
            guest.cpu.restore(guest.cpu.snapshot())
        assert guest.run("f4").vector == Vector.HOST_CALL


class TestChangedCode:
    def test_code_written_by_the_host_runs_at_once(self, guest: Guest) -> None:
        for value in range(5):
            guest.run(f"b8{value:02x}000000 f4")  # mov eax, value; hlt
            assert guest["rax"] == value

    def test_a_range_of_translations_is_dropped(self, guest: Guest) -> None:
        start = guest.memory.translate(Gva(CODE + 0x1000))
        for at in (CODE + 0x1000, CODE + 0x2000):
            guest.run("b801000000 f4", at)
        for page in (0, 0x1000):
            guest.ram.bytes[start + page + 1] = 2
        guest.cpu.drop_translations(Gva(CODE + 0x1000), Gva(CODE + 0x2001))
        for at in (CODE + 0x1000, CODE + 0x2000):
            guest.start(at)
            assert guest["rax"] == 2

    def test_dropping_what_cannot_be_fetched_drops_everything_and_no_fault(self, guest: Guest) -> None:
        page = Gva(CODE + 0x1000)
        guest.run("b801000000 f4", page)
        guest.memory.set_state(page, pt.PageState.PAGED_OUT)
        assert guest.run("8a07", rdi=ABSENT + 8).address == ABSENT + 8
        guest.ram.bytes[guest.memory.translate(page) + 1] = 2
        guest.cpu.drop_translations(page, Gva(page + 8))
        guest.run("0f20d0 f4")  # mov rax, cr2; hlt
        assert guest["rax"] == ABSENT + 8
        assert guest.start(page).vector == Vector.PAGE_FAULT
        guest.memory.set_state(page, pt.PageState.RESIDENT)
        guest.go_on()
        assert guest["rax"] == 2

    def test_code_that_the_guest_changes_runs_at_once(self, guest: Guest) -> None:
        page = Gva(CODE + 0x1000)
        guest.run("b801000000 f4", page)
        for protection, value in (("rwx", 2), ("rw", 3), ("rwx", 4)):
            entry = guest.memory.entry(page)
            guest.memory.set_entry(page, pt.with_protection(entry, pt.PROTECTIONS[protection]))
            guest.run(f"c607{value:02x} f4", rdi=page + 1)  # mov byte ptr [rdi], value; hlt
            guest.memory.set_entry(page, pt.with_protection(entry, pt.PROTECTIONS["rx"]))
            guest.start(page)
            assert guest["rax"] == value


def test_two_processors_are_apart(guest: Guest) -> None:
    other = Guest("nehalem")
    guest.run("8a07 f4", rdi=ABSENT)
    assert other.run("b807000000 f4").vector == Vector.HOST_CALL
    assert other["rax"] == 7
    assert guest["cr2"] == ABSENT


def test_a_closed_processor_refuses_to_run(guest: Guest) -> None:
    guest.cpu.close()
    guest.cpu.close()
    with pytest.raises(EngineError, match="the processor is closed"):
        guest.cpu.run()
