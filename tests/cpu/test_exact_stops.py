# SPDX-License-Identifier: GPL-2.0-or-later
"""Exact stops: before every instruction of a range, unseen by the guest."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import capstone
import pytest

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.trap import Trap, Vector
from emu.memory import page_table as pt
from tests.cpu.guest import ABSENT, CODE, CODE_END, DATA, USER_CODE, Guest

LOOP = "31c0 b905000000 01c8 50 5a e2fa b903000000 f3aa eb00 f4"
"""xor eax, eax; mov ecx, 5; L: add eax, ecx; push rax; pop rdx; loop L; mov ecx, 3; rep stosb; jmp +0; hlt"""

CLOCK = "0f31 4889c3 31c9 0f31 eb00 90 0f31 f4"
"""rdtsc; mov rbx, rax; xor ecx, ecx; rdtsc; jmp +0; nop; rdtsc; hlt"""

FLAGS = "6a05 58 3c05 7402 0f0b 9c 5b 83f8ff 1bc9 f5 9c 5a f4"
"""push 5; pop rax; cmp al, 5; je +2; ud2; pushfq; pop rbx; cmp eax, -1; sbb ecx, ecx; cmc; pushfq; pop rdx; hlt"""


def end_of(guest: Guest, trap: Trap, stop: Callable[[int], None] = lambda rip: None) -> Trap:
    """Go on through the exact stops to the trap behind them."""
    while trap.vector == Vector.EXACT_STOP:
        stop(trap.rip)
        trap = guest.go_on()
    return trap


def facts(guest: Guest, trap: Trap) -> tuple[object, ...]:
    cpu = guest.cpu
    counts = tuple(cpu.registers[index] for index in (r.BUDGET, r.BLOCKS, r.TIMESTAMP_READS))
    return trap, tuple(cpu.registers[:18]), counts, bytes(cpu.xmm), guest.memory.read(DATA, 64)


def both(code: str, *, flags: int = 0, budget: int = 1000, **registers: int) -> tuple[list[int], Guest]:
    """Run code without and with stops, compare all that the two leave, and return the stops."""
    whole, stepped = Guest(), Guest()
    stops: list[int] = []
    expected = facts(whole, whole.run(code, budget=budget, flags=flags, **registers))
    stepped.cpu.stop_in([(CODE, CODE_END)])
    trap = end_of(stepped, stepped.run(code, budget=budget, flags=flags, **registers), stops.append)
    assert facts(stepped, trap) == expected
    return stops, stepped


def addresses(code: str) -> list[int]:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    return [instruction.address for instruction in decoder.disasm(bytes.fromhex(code), CODE)]


def test_every_instruction_is_a_stop_before_it_runs() -> None:
    code = "b801000000 ffc0 ffc0 ffc0 f4"
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    seen: list[tuple[int, int]] = []
    trap = end_of(guest, guest.run(code, rax=9), lambda rip: seen.append((rip, guest["rax"])))
    assert trap.vector == Vector.HOST_CALL
    assert seen == list(zip(addresses(code), (9, 1, 2, 3, 4), strict=True))


def test_a_repeated_instruction_stops_at_every_iteration() -> None:
    stops, _ = both("b903000000 f3aa f4", rdi=DATA)
    first, repeated, halt = addresses("b903000000 f3aa f4")
    assert stops == [first, *[repeated] * 4, halt]


@pytest.mark.parametrize("code", [LOOP, CLOCK, FLAGS, "9090" * 100 + "f4", "f30f6f07 660fefc9 0fae5f10 f4"])
def test_the_guest_cannot_tell(code: str) -> None:
    """Registers, flags, memory, the budget and the clock are those of a run without stops."""
    stops, _ = both(code, rdi=DATA)
    assert set(stops) <= set(addresses(code))


def test_the_trap_flag_is_the_guests_own() -> None:
    """With TF set each instruction is a #DB after it, and with stops the same."""
    whole, stepped = Guest(), Guest()
    stepped.cpu.stop_in([(CODE, CODE_END)])
    code = "ffc0 ffc0 9c 5b f4"
    for guest in (whole, stepped):
        trap = end_of(guest, guest.run(code, flags=r.FLAG_TF, rax=0))
        for expected in addresses(code)[1:]:
            assert (trap.vector, trap.rip) == (Vector.DEBUG, expected)
            trap = end_of(guest, guest.go_on())
    assert facts(whole, trap) == facts(stepped, trap)


def test_the_budget_holds_wherever_it_ends() -> None:
    blocks = 1000 - both(LOOP, rdi=DATA)[1].cpu.registers[r.BUDGET]
    for budget in range(1, blocks + 1):
        both(LOOP, rdi=DATA, budget=budget)


def test_a_run_in_slices_of_the_budget_goes_on() -> None:
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    trap = guest.run(LOOP, budget=1, rdi=DATA)
    slices = 1
    while trap.vector in (Vector.EXACT_STOP, Vector.BUDGET_EXHAUSTED):
        if trap.vector == Vector.BUDGET_EXHAUSTED:
            slices += 1
            guest.cpu.registers[r.BUDGET] = 1
        trap = guest.go_on()
    whole = Guest()
    whole.run(LOOP, rdi=DATA)
    assert slices == 1000 - whole.cpu.registers[r.BUDGET]
    assert list(guest.cpu.registers[:18]) == list(whole.cpu.registers[:18])


def test_a_fault_arrives_after_the_stop_before_it_and_the_retry_stops_again() -> None:
    code = "b801000000 8907 ffc0 f4"  # mov eax, 1; mov [rdi], eax; inc eax; hlt
    first, store, increment, halt = addresses(code)
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    stops: list[int] = []
    trap = end_of(guest, guest.run(code, rdi=ABSENT), stops.append)
    assert (trap.vector, trap.rip, trap.address, trap.error_code) == (Vector.PAGE_FAULT, store, ABSENT, 2)
    assert stops == [first, store]
    guest._map(ABSENT, "rw")
    assert end_of(guest, guest.go_on(), stops.append).vector == Vector.HOST_CALL
    assert stops == [first, store, store, increment, halt]


def test_faults_and_retries_count_as_many_blocks_as_without_stops() -> None:
    counts = []
    for ranges in ([], [(CODE, CODE_END)]):
        guest = Guest()
        guest.cpu.stop_in(ranges)
        trap = end_of(guest, guest.run("ffc0 8907 ffc0 894608 eb00 f4", rdi=ABSENT, rsi=ABSENT + 0x1000))
        guest._map(ABSENT, "rw")
        guest._map(ABSENT + 0x1000, "rw")
        trap = end_of(guest, guest.go_on())
        assert trap.vector == Vector.HOST_CALL
        counts.append((guest.cpu.registers[r.BUDGET], guest.cpu.registers[r.BLOCKS]))
    assert counts[0] == counts[1]


def test_a_store_into_the_code_ahead_is_obeyed() -> None:
    """mov byte ptr [rdi], 3: the immediate of the mov al behind it, on a page that may be written."""
    results = []
    for ranges in ([], [(CODE, CODE_END)]):
        guest = Guest()
        guest.memory.set_entry(CODE, guest.memory.entry(CODE) | pt.WRITABLE)
        guest.cpu.stop_in(ranges)
        trap = end_of(guest, guest.run("c60703 b001 f4", rdi=CODE + 4))
        assert trap.vector == Vector.HOST_CALL
        results.append(guest["rax"] & 0xFF)
    assert results == [3, 3]


@pytest.mark.parametrize(
    ("code", "vector"),
    [("90 0f0b", Vector.INVALID_OPCODE), ("90 cc", Vector.BREAKPOINT), ("90 cd2c", Vector.ASSERTION),
     ("90 31c9 f7f1", Vector.DIVIDE_ERROR), ("90 ec", Vector.ENGINE_STOPPED), ("90 0f32", Vector.ENGINE_STOPPED)],
)  # fmt: skip
def test_other_stops_come_through(code: str, vector: Vector) -> None:
    """int3, ud2, an interrupt, a division by zero, `in`, rdmsr of an unknown register."""
    both(code, rcx=0x12345, rdx=0)
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    assert end_of(guest, guest.run(code, rcx=0x12345, rdx=0)).vector == vector


def test_code_outside_the_ranges_runs_through() -> None:
    """call f; inc eax; hlt, with stops in f alone; and nowhere once they are taken back."""
    guest = Guest()
    function = Gva(CODE + 0x100)
    guest.load("ffc3 ffc3 c3", function)
    guest.cpu.stop_in([(function, Gva(function + 5))])
    for expected in ([function, function + 2, function + 4], []):
        stops: list[int] = []
        assert end_of(guest, guest.run("e8fb000000 ffc0 f4"), stops.append).vector == Vector.HOST_CALL
        assert stops == expected
        guest.cpu.stop_in([])


def test_ranges_that_touch_or_overlap_stop_once() -> None:
    guest = Guest()
    guest.cpu.stop_in([(Gva(CODE + 2), Gva(CODE + 4)), (CODE, Gva(CODE + 3)), (Gva(CODE + 4), CODE_END)])
    stops: list[int] = []
    end_of(guest, guest.run("ffc0 ffc0 ffc0 f4"), stops.append)
    assert stops == [CODE, CODE + 2, CODE + 4, CODE + 6]


def test_user_mode_stops_too() -> None:
    guest = Guest()
    guest.load("ffc0 ffc0 cc", USER_CODE)
    guest.enter_user_mode()
    guest.cpu.stop_in([(USER_CODE, Gva(USER_CODE + 0x1000))])
    stops: list[int] = []
    trap = end_of(guest, guest.go_on(100), stops.append)
    assert trap.vector == Vector.BREAKPOINT
    assert stops == [USER_CODE, USER_CODE + 2, USER_CODE + 4]


def test_registers_changed_at_a_stop_are_taken_over() -> None:
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    trap = guest.run("ffc0 ffc0 f4", rax=0)
    for value in itertools.count(10, 10):
        if trap.vector != Vector.EXACT_STOP:
            break
        guest.cpu.registers[r.RAX] = value
        trap = guest.go_on()
    assert guest["rax"] == 30
    trap = guest.run("ffc0 ffc0 f4", rax=0)
    guest.cpu.registers[r.RIP] = CODE + 2  # elsewhere: it stops there
    assert guest.go_on() == Trap(Vector.EXACT_STOP, 0, Gva(0), Gva(CODE + 2))


def test_a_restored_snapshot_stops_at_its_first_instruction() -> None:
    guest = Guest()
    guest.cpu.stop_in([(CODE, CODE_END)])
    guest.run("ffc0 ffc0 f4", rax=0)
    snapshot = guest.cpu.snapshot()
    guest.go_on()
    guest.cpu.restore(snapshot)
    assert guest.go_on() == Trap(Vector.EXACT_STOP, 0, Gva(0), CODE)
