# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong in the processor or in a byte: instructions skipped, bits of registers and code flipped, the IRQL."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from emu import Bugchecked, Machine, Raised, Returned, TimedOut
from emu.cpu import registers as r
from emu.events import FaultStruck
from emu.faults.fault import REGISTERS
from emu.nt.status import NtStatus
from emu.outcome import Outcome
from tests.conformance.machines import boot, code

COUNT = "31c0 b905000000 ffc0 ffc9 75fa c3"
"""xor eax, eax; mov ecx, 5; L: inc eax; dec ecx; jnz L; ret"""

NOTHING = "90 90 90 c3"


class Upset(NamedTuple):
    outcome: Outcome
    machine: Machine
    struck: list[int]
    """RIP, from the begin of the code."""

    @property
    def value(self) -> int:
        assert isinstance(self.outcome, Returned), self.outcome
        return self.outcome.value


def places(text: str, profile: str = "skylake-server") -> list[int]:
    """Return where each instruction of a call of some code lies, from its begin; by its number in a trace."""
    machine = boot(profile)
    begin = code(machine, text)
    with machine.trace() as trace:
        machine.call(begin)
    return [int(rip) - begin for rip in trace.instructions["rip"]]


def run(text: str, fault: str, offset: int, nth: int = 0, profile: str = "skylake-server") -> Upset:
    """Call code with a fault before the nth execution of the instruction at an offset."""
    number = [index for index, place in enumerate(places(text, profile)) if place == offset][nth]
    machine = boot(profile)
    begin = code(machine, text)
    machine.inject(f"{fault},insn={number}")
    outcome = machine.call(begin, budget=10_000)
    return Upset(outcome, machine, [each.rip - begin for each in machine.events if isinstance(each, FaultStruck)])


@pytest.mark.parametrize(
    ("offset", "nth", "value"),
    [(7, 0, 4), (7, 4, 4), (9, 0, 6), (9, 4, 6), (11, 0, 1), (11, 3, 4)],
)
def test_an_instruction_is_skipped_once(offset: int, nth: int, value: int) -> None:
    result = run(COUNT, "skip@cpu", offset, nth)
    assert result.struck == [offset]
    assert result.value == value


def test_a_skipped_return_runs_on_into_what_follows() -> None:
    assert run("b801000000 c3 ffc0 c3", "skip@cpu", 5).value == 2


def test_a_skipped_instruction_that_would_have_faulted_does_not() -> None:
    """mov eax, 7; mov al, [0]; ret"""
    text = "b807000000 8a042500000000 c3"
    assert isinstance(boot().call(code(boot(), text)), Raised)
    assert run(text, "skip@cpu", 5).value == 7


@pytest.mark.parametrize("prefixed", ["f3480fb8c1", "66450f1f840000000000", "48b80102030405060708"])
def test_a_skipped_instruction_is_skipped_whole(prefixed: str) -> None:
    """popcnt, a nop of ten bytes, mov rax, imm64"""
    result = run(f"b807000000 {prefixed} c3", "skip@cpu", 5)
    assert result.value == 7


def test_bytes_that_are_no_instruction_are_not_skipped() -> None:
    assert isinstance(run("90 0f0b c3", "skip@cpu", 1).outcome, Returned), "ud2 is one"
    result = run("90 06 c3", "skip@cpu", 1).outcome
    assert isinstance(result, Raised)
    assert result.record.code == NtStatus.ILLEGAL_INSTRUCTION


def returning(register: str) -> str:
    """Return the code of `mov rax, register`."""
    number = r.GPR_NAMES.index(register)
    return f"{0x4C if number >= 8 else 0x48:02x}89{0xC0 | (number & 7) << 3:02x}"


@pytest.mark.parametrize("register", [name for name in REGISTERS if name not in ("rsp", "rflags")])
@pytest.mark.parametrize("mask", [0x1, 0x8000_0000_0000_0000, 0x1234_5678_9ABC_DEF0])
def test_bits_of_a_register_flip(register: str, mask: int) -> None:
    text = f"90 {returning(register)} c3"
    machine = boot()
    begin = code(machine, text)
    clean = machine.call(begin)
    assert isinstance(clean, Returned)
    result = run(text, f"flip={mask:#x}@{register}", 1)
    assert result.struck == [1]
    assert result.value == clean.value ^ mask


@pytest.mark.parametrize(("bit", "jump"), [(0x1, "72"), (0x4, "7a"), (0x40, "74"), (0x80, "78"), (0x800, "70")])
@pytest.mark.parametrize("before", [0, 1])
def test_an_arithmetic_flag_flips(bit: int, jump: str, before: int) -> None:
    """push 2 or 2 | bit; popfq; mov eax, 1; jcc over xor eax, eax; ret"""
    text = f"68{(2 | bit * before).to_bytes(4, 'little').hex()} 9d b801000000 {jump}02 31c0 c3"
    machine = boot()
    assert machine.call(code(machine, text)) == Returned(before)
    assert run(text, f"flip={bit:#x}@rflags", 11).value == 1 - before


def test_the_direction_flag_and_the_trap_flag_flip() -> None:
    assert run(NOTHING, "flip=0x400@rflags", 1).machine.registers["rflags"] & 0x400
    trapped = run(NOTHING, "flip=0x100@rflags", 1).outcome
    assert isinstance(trapped, Raised)
    assert trapped.record.code == NtStatus.SINGLE_STEP


@pytest.mark.parametrize("bit", range(64))
def test_no_bit_of_the_flags_brings_the_emulator_down(bit: int) -> None:
    result = run(COUNT, f"flip={1 << bit:#x}@rflags", 7)
    assert result.struck == [7]
    assert isinstance(result.outcome, Raised if bit == 8 else Returned | TimedOut)


def test_the_stack_pointer_flips() -> None:
    """mov rdx, rsp; push rbx; push rcx; nop; pop rax, of another place; mov rsp, rdx; ret"""
    text = "4889e2 53 51 90 58 4889d4 c3"
    clean, flipped = (run(text, fault, 5) for fault in ("flip=1@r15", "flip=8@rsp"))
    assert clean.struck == flipped.struck == [5]
    assert clean.value != flipped.value


def test_a_stack_pointer_that_is_nowhere_ends_in_a_double_fault() -> None:
    result = run("50 58 c3", "flip=0xff00000000000000@rsp", 0)
    assert isinstance(result.outcome, Bugchecked)


@pytest.mark.parametrize("level", [1, 2, 15])
def test_the_irql_is_raised_and_stays(level: int) -> None:
    result = run(NOTHING, f"irql={level}@cpu", 1)
    assert isinstance(result.outcome, Returned)
    assert result.machine.irql == level


def test_the_irql_is_lowered() -> None:
    machine = boot()
    begin = code(machine, NOTHING)
    machine.inject(f"irql=0@cpu,insn={places(NOTHING).index(1)}")
    assert isinstance(machine.call(begin, irql=2), Returned)
    assert machine.irql == 0


@pytest.mark.parametrize(("level", "code_of_stop"), [(1, None), (2, 0xD1)])
def test_an_irql_that_is_raised_before_a_page_in_stops_the_machine(level: int, code_of_stop: int | None) -> None:
    machine = boot()
    source, target = machine.user.alloc(bytes(range(64))), machine.kernel.alloc(64)
    with machine.trace() as trace:
        machine.call("CopyFromUser", target, source, 64)
    first = trace.where(address=source.address, kind="read")[0]
    machine.inject("paged-out@src+0", src=source)
    machine.inject(f"irql={level}@cpu,insn={first}")
    outcome = machine.call("CopyFromUser", target, source, 64)
    if code_of_stop is None:
        assert isinstance(outcome, Returned)
    else:
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[1]) == (code_of_stop, level)


def copy(machine: Machine) -> tuple[Outcome, bytes]:
    """Copy, and return what has arrived, too."""
    source, target = machine.user.alloc(bytes(range(64))), machine.kernel.alloc(64)
    return machine.call("CopyFromUser", target, source, 64, budget=20_000), target.read()


def test_a_bit_of_code_flips_and_reset_brings_it_back() -> None:
    machine = boot()
    begin = machine.resolve("CopyFromUser")
    pristine = machine.system.memory.read(begin, 32)
    at = pristine.index(0x9C)
    # `pushfq`, 9C, becomes `popfq`, 9D, which pops flags with a trap flag among them.
    machine.inject(f"flip=1@CopyFromUser+{at}")
    assert machine.system.memory.read(begin, 32)[at] == 0x9D
    outcome, _ = copy(machine)
    assert isinstance(outcome, Bugchecked)
    assert outcome.parameters[0] == NtStatus.SINGLE_STEP
    machine.reset()
    assert machine.system.memory.read(begin, 32) == pristine
    outcome, arrived = copy(machine)
    assert isinstance(outcome, Returned)
    assert arrived == bytes(range(64))


def test_a_bit_of_code_that_runs_flips_in_mid_run() -> None:
    """`inc eax`, FFC0, becomes `dec eax`, FFC8, in the third round of five."""
    begin = code(boot(), COUNT)
    number = [index for index, place in enumerate(places(COUNT)) if place == 7][2]
    machine = boot()
    assert code(machine, COUNT) == begin
    machine.inject(f"flip=8@{begin + 8:#x},insn={number}")
    outcome = machine.call(begin)
    assert outcome == Returned(0xFFFF_FFFF)
    assert machine.call(begin) == Returned(2**32 - 5)


@pytest.mark.parametrize("offset", range(0, 60, 7))
@pytest.mark.parametrize("bit", [1, 0x20, 0x80])
def test_any_bit_of_the_copy_may_flip(offset: int, bit: int) -> None:
    machine = boot()
    machine.inject(f"flip={bit:#x}@CopyFromUser+{offset}")
    copy(machine)
    machine.reset()
    outcome, arrived = copy(machine)
    assert isinstance(outcome, Returned)
    assert arrived == bytes(range(64))
