# SPDX-License-Identifier: GPL-2.0-or-later
"""Every exception that kernel code can meet, from the instruction to the record (facts/seh.md, section 15)."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned, Unmodelled
from emu.address import Gva
from emu.cpu.registers import FLAG_TF
from emu.events import ExceptionRaised, FrameSearched, StackGrown, TrapTaken
from emu.memory.half import STATUS_DEVICE_DATA_ERROR
from emu.nt.bugcheck import BugCheck
from emu.nt.exception_record import EXCEPTION_NONCONTINUABLE, EXCEPTION_RECORD_SIZE, unpack_exception_record
from emu.outcome import ExceptionRecord
from tests.conformance.machines import boot, code
from tests.conformance.observer import LANDED, Observer

EVERYWHERE = (1 << 64) - 1

READ, WRITE, JUMP = "0f01cb 0fb601 0f01ca c3", "0f01cb c6015a 0f01ca c3", "ffe1"
"""stac; movzx eax, [rcx]; clac; ret · the same with a store · jmp rcx"""


def record(outcome: object) -> ExceptionRecord:
    assert isinstance(outcome, Raised), outcome
    return outcome.record


class TestAccessViolation:
    @pytest.mark.parametrize("state", ["unmapped", "none", "never allocated"])
    @pytest.mark.parametrize(
        ("instructions", "operation", "name", "offset"),
        [(READ, 0, "read", 3), (WRITE, 1, "write", 3), (JUMP, 8, "execute", None)],
    )
    def test_operation_and_address(
        self, machine: Machine, state: str, instructions: str, operation: int, name: str, offset: int | None
    ) -> None:
        buffer = machine.user.alloc(64)
        address = buffer.address + 9
        if state == "unmapped":
            machine.user.unmap(buffer)
        elif state == "none":
            machine.user.protect(buffer, "none")
        else:
            address = 0x7000_0000_0123
        routine = code(machine, instructions)
        found = record(machine.call(routine, address))
        assert found.code == NtStatus.ACCESS_VIOLATION
        assert found.information == (operation, address)
        assert found.operation == name
        assert found.fault_address == address
        assert found.exception_address == (address if offset is None else routine + offset)
        assert found.flags == 0

    def test_write_to_a_read_only_page(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"constant")
        machine.user.protect(buffer, "ro")
        assert record(machine.call(code(machine, WRITE), buffer)).information == (1, buffer.address)
        assert machine.call(code(machine, READ), buffer) == Returned(ord("c"))

    def test_read_modify_write_counts_as_a_write(self, machine: Machine) -> None:
        """lock inc byte [rcx] on an absent page."""
        buffer = machine.user.alloc(16)
        machine.user.unmap(buffer)
        assert record(machine.call(code(machine, "f0fe01c3"), buffer)).information == (1, buffer.address)

    def test_address_is_the_first_byte_that_is_bad(self, machine: Machine) -> None:
        buffer = machine.user.alloc(64, offset=0xFE0)
        machine.user.unmap(buffer.address + 0x20)
        assert record(machine.call(code(machine, "0f01cb 488b01 c3"), buffer.address + 0x1C)).information == (
            0,
            buffer.address + 0x20,
        )

    @pytest.mark.parametrize("address", [0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 0xDEAD_BEEF_DEAD_BEEF])
    @pytest.mark.parametrize("instructions", [READ, WRITE])
    def test_non_canonical_is_a_read_of_minus_one(self, machine: Machine, address: int, instructions: str) -> None:
        routine = code(machine, instructions)
        found = record(machine.call(routine, address))
        assert found.code == NtStatus.ACCESS_VIOLATION
        assert found.information == (0, EVERYWHERE)
        assert found.exception_address == routine + 3

    @pytest.mark.parametrize("address", [0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF])
    def test_jump_to_no_address(self, machine: Machine, address: int) -> None:
        """The engine reports it behind the jump: the silicon at it."""
        assert record(machine.call(code(machine, JUMP), address)).information == (0, EVERYWHERE)


class TestGuardPage:
    @pytest.mark.parametrize(("instructions", "operation"), [(READ, 0), (WRITE, 1)])
    def test_once(self, machine: Machine, instructions: str, operation: int) -> None:
        buffer = machine.user.alloc(b"\x2a")
        machine.user.guard(buffer)
        routine = code(machine, instructions)
        found = record(machine.call(routine, buffer))
        assert found.code == NtStatus.GUARD_PAGE_VIOLATION
        assert found.information == (operation, buffer.address)
        assert machine.user.state(buffer) == "resident, rw"
        assert isinstance(machine.call(routine, buffer), Returned)

    def test_each_page_by_itself(self, machine: Machine) -> None:
        buffer = machine.user.alloc(0x3000)
        machine.user.guard(buffer)
        routine = code(machine, READ)
        for page in range(3):
            assert record(machine.call(routine, buffer.address + page * 0x1000)).code == NtStatus.GUARD_PAGE_VIOLATION
        for page in range(3):
            assert isinstance(machine.call(routine, buffer.address + page * 0x1000), Returned)

    def test_keeps_the_protection_under_it(self, machine: Machine) -> None:
        buffer = machine.user.alloc(8)
        machine.user.protect(buffer, "ro")
        machine.user.guard(buffer)
        routine = code(machine, WRITE)
        assert record(machine.call(routine, buffer)).code == NtStatus.GUARD_PAGE_VIOLATION
        assert record(machine.call(routine, buffer)).code == NtStatus.ACCESS_VIOLATION

    def test_reset_arms_it_again(self, machine: Machine) -> None:
        with Machine() as other:
            buffer = other.user.alloc(8)
            other.user.guard(buffer)
            routine = code(other, READ)
            other.checkpoint()
            for _ in range(3):
                assert record(other.call(routine, buffer)).code == NtStatus.GUARD_PAGE_VIOLATION
                assert isinstance(other.call(routine, buffer), Returned)
                other.reset()


class TestInPageError:
    @pytest.mark.parametrize("status", [STATUS_DEVICE_DATA_ERROR, 0xC000_009D, 0xC000_0185])
    @pytest.mark.parametrize(("instructions", "operation"), [(READ, 0), (WRITE, 1)])
    def test_three_parameters(self, machine: Machine, instructions: str, operation: int, status: int) -> None:
        buffer = machine.user.alloc(16)
        machine.user.fail_page_in(buffer, status)
        found = record(machine.call(code(machine, instructions), buffer.address + 2))
        assert found.code == NtStatus.IN_PAGE_ERROR
        assert found.information == (operation, buffer.address + 2, status)
        assert found.fault_address == buffer.address + 2
        assert machine.user.state(buffer) == "in-page-error"

    def test_it_stays(self, machine: Machine) -> None:
        buffer = machine.user.alloc(16)
        machine.user.fail_page_in(buffer)
        routine = code(machine, READ)
        outcomes = [machine.call(routine, buffer) for _ in range(3)]
        assert outcomes[0] == outcomes[1] == outcomes[2]


class TestUserStack:
    """The guard page of a user stack moves when kernel code touches it, too."""

    def test_grows_downwards_without_an_exception(self, machine: Machine) -> None:
        stack, routine = machine.user_stack, code(machine, WRITE)
        base, guard = stack.base, stack.guard
        assert stack.limit == guard + 0x1000
        grown = 0
        while True:
            outcome = machine.call(routine, stack.guard + 0xFF8)
            if isinstance(outcome, Raised):
                break
            grown += 1
            assert machine.events[-1] == StackGrown(Gva(guard + 0xFF8), Gva(guard - 0x1000))
            guard = stack.guard
        assert grown == 5, "of eight pages two are committed, one is the guard, and below the last there is none"
        assert outcome.record.code == NtStatus.STACK_OVERFLOW
        assert outcome.record.information == (1, guard + 0xFF8)
        assert stack.base == base
        machine.reset()
        assert stack.guard > guard

    def test_below_the_guard_is_an_access_violation(self, machine: Machine) -> None:
        stack = machine.user_stack
        found = record(machine.call(code(machine, WRITE), stack.guard - 8))
        assert (found.code, found.information) == (NtStatus.ACCESS_VIOLATION, (1, stack.guard - 8))

    def test_copy_from_the_guard_page(self, machine: Machine) -> None:
        stack, target = machine.user_stack, machine.kernel.alloc(64)
        guard = stack.guard
        assert isinstance(machine.call("CopyFromUser", target, guard + 0x10, 64), Returned)
        assert stack.guard == guard - 0x1000

    def test_at_dispatch_level_nothing_grows(self, machine: Machine) -> None:
        guard = machine.user_stack.guard
        outcome = machine.call(code(machine, READ), guard, irql=2)
        assert isinstance(outcome, Bugchecked)
        assert machine.user_stack.guard == guard


class TestArithmetic:
    @pytest.mark.parametrize(
        ("instructions", "status"),
        [
            ("31d2 b801000000 31c9 f7f1", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # div ecx
            ("31d2 b801000000 31c9 f7f9", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # idiv ecx
            ("31c9 48f7f1", NtStatus.INTEGER_DIVIDE_BY_ZERO),
            ("31c0 30c9 f6f1", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # div cl
            ("66b80100 30ed f6f5", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # div ch
            ("ba01000000 31c0 b901000000 f7f1", NtStatus.INTEGER_OVERFLOW),
            ("99 b800000080 99 83c9ff f7f9", NtStatus.INTEGER_OVERFLOW),  # INT_MIN / -1
            ("66b8ff7f b101 f6f1", NtStatus.INTEGER_OVERFLOW),
            ("4531c0 41f7f0", NtStatus.INTEGER_DIVIDE_BY_ZERO),  # div r8d
        ],
    )
    def test_division(self, machine: Machine, instructions: str, status: int) -> None:
        data = bytes.fromhex(instructions)
        length = 3 if data[-3] in (0x48, 0x41) and data[-2] == 0xF7 else 2
        routine = code(machine, data + b"\xc3")
        found = record(machine.call(routine, 5))
        assert (found.code, found.information) == (status, ())
        assert found.exception_address == routine + len(data) - length

    @pytest.mark.parametrize(
        ("value", "status"), [(0, NtStatus.INTEGER_DIVIDE_BY_ZERO), (2, NtStatus.INTEGER_OVERFLOW)]
    )
    def test_division_by_memory(self, machine: Machine, value: int, status: int) -> None:
        """2 << 32 by div dword [rcx + rdx * 4 + 4]."""
        divisor = machine.kernel.alloc(b"\xff" * 12 + value.to_bytes(4, "little"))
        routine = code(machine, "b802000000 4889c2 b800000000 f7749104 c3")
        assert record(machine.call(routine, divisor)).code == status

    def test_division_by_memory_that_only_the_processor_finds(self, machine: Machine) -> None:
        """Relative to GS, whose base the host does not ask for: the divisor counts as not zero."""
        data = machine.kernel.alloc(bytes(16))
        base = data.address.to_bytes(8, "little").hex()
        routine = code(machine, f"48b8{base} f3480faed8 31d2 31c0 65f7342508000000 c3")
        assert record(machine.call(routine)).code in (NtStatus.INTEGER_OVERFLOW, NtStatus.INTEGER_DIVIDE_BY_ZERO)


class TestInstructions:
    @pytest.mark.parametrize("instructions", ["0f0b", "0fff", "06", "0fb9c0"])
    def test_illegal(self, machine: Machine, instructions: str) -> None:
        routine = code(machine, instructions)
        found = record(machine.call(routine))
        assert (found.code, found.information) == (NtStatus.ILLEGAL_INSTRUCTION, ())
        assert found.exception_address == routine

    @pytest.mark.parametrize("instructions", ["f090", "66f090"])
    def test_lock_where_it_cannot_be(self, machine: Machine, instructions: str) -> None:
        routine = code(machine, instructions)
        found = record(machine.call(routine, machine.kernel.alloc(8)))
        assert (found.code, found.exception_address) == (NtStatus.INVALID_LOCK_SEQUENCE, routine)

    def test_breakpoint(self, machine: Machine) -> None:
        routine = code(machine, "90ccc3")
        found = record(machine.call(routine))
        assert (found.code, found.information) == (NtStatus.BREAKPOINT, (0,))
        assert found.exception_address == routine + 1

    def test_breakpoint_in_its_long_form(self, machine: Machine) -> None:
        """int 3 as CD 03 is reported a byte before its end, as Windows does, which takes every int3 for one byte."""
        routine = code(machine, "90cd03c3")
        assert record(machine.call(routine)).exception_address == routine + 2

    def test_single_step(self, machine: Machine) -> None:
        """pushfq; or [rsp], TF; popfq; nop; ret: the trap is behind the instruction that follows popfq."""
        routine = code(machine, "9c 48810c2400010000 9d 90 c3")
        found = record(machine.call(routine))
        assert (found.code, found.information) == (NtStatus.SINGLE_STEP, ())
        assert found.exception_address in (routine + 10, routine + 11)
        assert not machine.registers["rflags"] & FLAG_TF, "handlers and the landing are not stepped"

    def test_single_step_is_reported_to_the_filter(self, machine: Machine) -> None:
        observer = Observer(machine)
        routine = code(machine, "9c 48810c2400010000 9d 90 c3")
        assert observer.run(routine, 0, answers=(1, 1)) == Returned(LANDED)
        assert observer.report.context.EFlags & FLAG_TF

    def test_icebp(self, machine: Machine) -> None:
        routine = code(machine, "90f190c3")
        found = record(machine.call(routine))
        assert (found.code, found.exception_address) == (NtStatus.SINGLE_STEP, routine + 2)

    @pytest.mark.parametrize(
        "instructions", ["0f20c0", "0f20d8", "0f20e0", "440f20c0", "0f09", "0f0139", "fa", "fb", "9c9d", "0f01f8"]
    )
    def test_privileged_instructions_just_run_at_cpl_0(self, machine: Machine, instructions: str) -> None:
        buffer = machine.kernel.alloc(16)
        assert isinstance(machine.call(code(machine, instructions + "c3"), buffer), Returned)

    @pytest.mark.parametrize(
        ("instructions", "word"),
        [
            ("c5fc58c0", "AVX"),
            ("c5fd6f01", "AVX"),
            ("c4e27d5801", "AVX"),
            ("e460", "in al"),
            ("ee", "out dx"),
            ("0f05", "syscall"),
            ("0f34", "sysenter"),
            ("cd80", "interrupt 0x80"),
            ("f4", "hlt"),
        ],
    )
    def test_what_is_not_modelled_says_so(self, machine: Machine, instructions: str, word: str) -> None:
        outcome = machine.call(code(machine, instructions + "c3"), machine.kernel.alloc(64))
        assert isinstance(outcome, Unmodelled)
        assert word in outcome.reason
        assert word in str(outcome)

    def test_assertion(self, machine: Machine) -> None:
        routine = code(machine, "90cd2cc3")
        found = record(machine.call(routine))
        assert (found.code, found.information, found.flags) == (NtStatus.ASSERTION_FAILURE, (), 0)
        assert found.exception_address == routine + 1

    def test_debug_service(self, machine: Machine) -> None:
        """mov eax, 1; int 2Dh; int3; ret: the byte behind it is skipped, so that continuing does not meet the int3."""
        observer = Observer(machine)
        routine = code(machine, "b801000000 cd2d cc c3")
        found = record(machine.call(routine, 0x1111, 0x2222))
        assert (found.code, found.information) == (NtStatus.BREAKPOINT, (1, 0x1111, 0x2222))
        assert found.exception_address == routine + 8
        observer.run(routine, 0, answers=(-1, -1))
        assert sum(isinstance(event, ExceptionRaised) for event in machine.events) == 1

    def test_overflow(self, machine: Machine) -> None:
        """Only as `int 4`: `into` is no instruction of 64-bit mode."""
        routine = code(machine, "cd04c3")
        found = record(machine.call(routine))
        assert (found.code, found.information) == (NtStatus.INTEGER_OVERFLOW, ())
        assert found.exception_address == routine + 2
        assert record(machine.call(code(machine, "ce"))).code == NtStatus.ILLEGAL_INSTRUCTION

    @pytest.mark.parametrize("fast_fail", [2, 3, 0xFFFF_FFFF])
    def test_fast_fail(self, machine: Machine, fast_fail: int) -> None:
        """No handler is asked, and what the bugcheck's parameters point to is on the stack."""
        routine = code(machine, "90cd29c3")
        outcome = machine.call(routine, 0xABCD_0000_0000_0000 | fast_fail)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == BugCheck.KERNEL_SECURITY_CHECK_FAILURE
        first, frame, record_address, last = outcome.parameters
        assert (first, last) == (fast_fail, 0)
        memory = machine._system.memory
        assert memory.read_u64(Gva(frame + 0x168)) == routine + 1
        found = unpack_exception_record(memory.read(Gva(record_address), EXCEPTION_RECORD_SIZE))
        assert found == (NtStatus.STACK_BUFFER_OVERRUN, EXCEPTION_NONCONTINUABLE, 0, routine + 1, (fast_fail,))
        assert not any(isinstance(event, (ExceptionRaised, FrameSearched)) for event in machine.events)

    def test_fast_fail_without_a_stack(self, machine: Machine) -> None:
        """xor esp, esp; int 29h"""
        outcome = machine.call(code(machine, "31e4cd29"))
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (BugCheck.UNEXPECTED_KERNEL_MODE_TRAP, 8)

    def test_avx_on_a_model_without_it(self) -> None:
        """There the silicon has no AVX either: an ordinary exception."""
        machine = boot("nehalem")
        assert record(machine.call(code(machine, "c5fc58c0"))).code == NtStatus.ILLEGAL_INSTRUCTION


def test_every_trap_enters_at_the_same_door(machine: Machine) -> None:
    """A trap event, then an exception event, then the search, whatever it was."""
    for instructions in ("0f0b", "cc", "f090", "31c9f7f1", "8a042500000000", "48b80000000000008000 8a00"):
        machine.reset()
        machine.call(code(machine, instructions))
        first, second = machine.events[:2]
        assert isinstance(first, TrapTaken)
        assert isinstance(second, ExceptionRaised)
        assert not second.software
