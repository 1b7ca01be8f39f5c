# SPDX-License-Identifier: GPL-2.0-or-later
"""Every bugcheck that a page fault, a stack or an unhandled exception leads to, provoked by guest code, with its four
parameters; and what may be done with the machine afterwards."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.address import Gva
from emu.events import BugcheckRaised
from emu.machine import MachineStopped
from emu.memory.layout import SYSTEM_RANGE_START
from emu.nt.bugcheck import BugCheck
from tests.conformance.machines import boot, code, kernel_memory, still_copies
from tests.conformance.observer import Observer

NO_PAGE_TABLE, FREED = 2, 0


def entry(machine: Machine, address: int) -> int:
    return machine._system.memory.entry(Gva(address))


@pytest.fixture
def driver(machine: Machine) -> Observer:
    return Observer(machine)


class Test50AbsentKernelPage:
    """No handler sees it, guarded or not (facts/seh.md, "Fault policy")."""

    @pytest.mark.parametrize(("routine", "operation"), [("read_byte", 0), ("write_byte", 2), ("jump_to", 0x10)])
    @pytest.mark.parametrize("guarded", [True, False])
    def test_where_there_is_no_page_table(self, driver: Observer, routine: str, operation: int, guarded: bool) -> None:
        address = SYSTEM_RANGE_START + 0x1234_5678
        outcome = driver.machine.call(driver[routine], address, guarded=guarded)
        rip = address if routine == "jump_to" else driver[routine]
        assert outcome == Bugchecked(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (address, operation, rip, NO_PAGE_TABLE))

    @pytest.mark.parametrize("state", ["unmapped", "none", "guard"])
    @pytest.mark.parametrize(("routine", "operation"), [("read_byte", 0), ("write_byte", 2)])
    def test_where_there_is_one(self, driver: Observer, routine: str, operation: int, state: str) -> None:
        kernel = driver.machine.kernel
        buffer = kernel.alloc(64)
        {"unmapped": kernel.unmap, "none": lambda where: kernel.protect(where, "none"), "guard": kernel.guard}[state](
            buffer
        )
        outcome = driver.run(routine, buffer.address + 5, answers=(1, 1))
        assert outcome == Bugchecked(
            BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (buffer.address + 5, operation, driver[routine], FREED)
        )
        assert driver.report.filter_calls == 0

    def test_behind_the_end_of_a_buffer(self, driver: Observer) -> None:
        buffer = driver.machine.kernel.alloc(0x1000)
        outcome = driver.machine.call(driver["write_quadword"], buffer.address + 0xFFD)
        assert outcome == Bugchecked(
            BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (buffer.address + 0x1000, 2, driver["write_quadword"] + 10, FREED)
        )
        assert buffer.read()[-3:] == bytes(3), "a store across the boundary is not done in part"


class Test50Smap:
    @pytest.mark.parametrize("profile", ["broadwell", "skylake-server", "icelake-server", "epyc-rome"])
    @pytest.mark.parametrize(("routine", "operation"), [("read_byte", 0), ("write_byte", 2)])
    def test_enforced(self, profile: str, routine: str, operation: int) -> None:
        machine = boot(profile)
        driver = Observer(machine)
        buffer = machine.user.alloc(b"secret")
        outcome = machine.call(driver[routine], buffer)
        assert outcome == Bugchecked(
            BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (buffer.address, operation, driver[routine], 0xF)
        )
        assert buffer.read() == b"secret"

    @pytest.mark.parametrize("profile", ["nehalem", "ivybridge", "skylake-server,smap=permit", "epyc-rome,smap=off"])
    def test_not_enforced(self, profile: str) -> None:
        machine = boot(profile)
        driver = Observer(machine)
        buffer = machine.user.alloc(b"open")
        assert machine.call(driver["read_byte"], buffer) == Returned(ord("o"))
        assert isinstance(machine.call(driver["write_byte"], buffer), Returned)
        assert buffer.read() == b"Zpen"

    def test_with_ac_set(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"open")
        assert machine.call(code(machine, "0f01cb 0fb601 0f01ca c3"), buffer) == Returned(ord("o"))

    def test_a_read_only_page_is_an_exception_once_ac_is_set(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"open")
        machine.user.protect(buffer, "ro")
        outcome = machine.call(code(machine, "0f01cb c6015a 0f01ca c3"), buffer)
        assert isinstance(outcome, Raised)
        assert outcome.record.information == (1, buffer.address)

    def test_permit_ends_with_clac(self) -> None:
        """The policy sets AC; what code does with it afterwards is the code's own affair."""
        machine = boot("skylake-server,smap=permit")
        buffer = machine.user.alloc(b"open")
        address = code(machine, "0f01ca 0fb601 c3")
        outcome = machine.call(address, buffer)
        assert outcome == Bugchecked(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (buffer.address, 0, address + 3, 0xF))

    def test_an_absent_page_comes_first(self, machine: Machine) -> None:
        """The CPU reports P=0 for it, SMAP or not: an ordinary exception."""
        driver = Observer(machine)
        buffer = machine.user.alloc(16)
        machine.user.unmap(buffer)
        assert isinstance(machine.call(driver["read_byte"], buffer), Raised)


class TestFcExecute:
    @pytest.mark.parametrize("protection", ["rx", "rwx"])
    @pytest.mark.parametrize("profile", ["ivybridge", "skylake-server", "skylake-server,smap=off", "epyc-rome"])
    def test_smep(self, profile: str, protection: str) -> None:
        machine = boot(profile)
        driver = Observer(machine)
        shellcode = machine.user.alloc(b"\xb8\x2a\x00\x00\x00\xc3")
        machine.user.protect(shellcode, protection)
        outcome = machine.call(driver["jump_to"], shellcode)
        assert outcome == Bugchecked(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY,
            (shellcode.address, entry(machine, shellcode.address), 0, 0x8000_0000),
        )

    def test_without_smep_it_runs(self) -> None:
        machine = boot("nehalem")
        driver = Observer(machine)
        shellcode = machine.user.alloc(b"\xb8\x2a\x00\x00\x00\xc3")
        machine.user.protect(shellcode, "rx")
        assert machine.call(driver["jump_to"], shellcode) == Returned(0x2A)

    @pytest.mark.parametrize("profile", ["nehalem", "skylake-server"])
    @pytest.mark.parametrize("protection", ["ro", "rw"])
    def test_nx_of_kernel_data(self, profile: str, protection: str) -> None:
        machine = boot(profile)
        driver = Observer(machine)
        data = machine.kernel.alloc(b"\xc3")
        machine.kernel.protect(data, protection)
        outcome = machine.call(driver["jump_to"], data)
        assert outcome == Bugchecked(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, (data.address, entry(machine, data.address), 0, 0)
        )

    def test_nx_of_the_stack(self, machine: Machine) -> None:
        address = code(machine, "ffe4")  # jmp rsp
        outcome = machine.call(address)
        stack = machine.registers["rsp"]
        assert outcome == Bugchecked(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, (stack, entry(machine, stack), 0, 0)
        )


class TestBeReadOnly:
    def test_of_kernel_data(self, driver: Observer) -> None:
        machine = driver.machine
        buffer = machine.kernel.alloc(b"constant")
        machine.kernel.protect(buffer, "ro")
        outcome = machine.call(driver["write_byte"], buffer.address + 3)
        assert outcome == Bugchecked(
            BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY,
            (buffer.address + 3, entry(machine, buffer.address), 0, 0xA),
        )
        assert buffer.read() == b"constant"

    @pytest.mark.parametrize("symbol", ["read_byte", "observed_filter"])
    def test_of_code(self, driver: Observer, symbol: str) -> None:
        machine = driver.machine
        outcome = machine.call(driver["write_byte"], driver[symbol])
        assert outcome == Bugchecked(
            BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, (driver[symbol], entry(machine, driver[symbol]), 0, 0xA)
        )

    def test_of_kernel_variables(self, driver: Observer) -> None:
        """MmUserProbeAddress is the guest's to read."""
        machine = driver.machine
        variable = machine.resolve("MmUserProbeAddress")
        outcome = machine.call(driver["write_quadword"], variable)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0xBE, variable)


class TestIrql:
    """Nothing is paged in, raised or handled at DISPATCH_LEVEL or above."""

    @pytest.mark.parametrize("irql", [2, 3, 12, 15])
    @pytest.mark.parametrize(("routine", "operation"), [("read_byte", 0), ("write_byte", 1), ("jump_to", 8)])
    @pytest.mark.parametrize("state", ["unmapped", "none", "guard", "paged-out", "in-page-error"])
    def test_d1_in_a_driver(self, driver: Observer, routine: str, operation: int, irql: int, state: str) -> None:
        machine = driver.machine
        buffer = machine.user.alloc(64)
        if state == "none":
            machine.user.protect(buffer, "none")
        else:
            change = {
                "unmapped": machine.user.unmap,
                "guard": machine.user.guard,
                "paged-out": machine.user.page_out,
                "in-page-error": machine.user.fail_page_in,
            }[state]
            change(buffer)
        outcome = machine.call(driver[routine], buffer, irql=irql)
        rip = buffer.address if routine == "jump_to" else driver[routine]
        # A fetch has left the driver: RIP is where nothing is.
        code_ = 0xA if routine == "jump_to" else 0xD1
        assert outcome == Bugchecked(code_, (buffer.address, irql, operation, rip))
        assert machine.user.state(buffer) == state

    @pytest.mark.parametrize("half", ["user", "kernel"])
    @pytest.mark.parametrize("irql", [0, 1])
    def test_below_it_pages_come_back(self, machine: Machine, half: str, irql: int) -> None:
        memory = getattr(machine, half)
        buffer = memory.alloc(b"\x2a")
        memory.page_out(buffer)
        assert machine.call(code(machine, "0f01cb 0fb601 c3"), buffer, irql=irql) == Returned(0x2A)
        assert machine.irql == irql

    def test_kernel_page_that_is_paged_out(self, driver: Observer) -> None:
        machine = driver.machine
        buffer = machine.kernel.alloc(64)
        machine.kernel.page_out(buffer)
        outcome = machine.call(driver["read_byte"], buffer, irql=2)
        assert outcome == Bugchecked(
            BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL, (buffer.address, 2, 0, driver["read_byte"])
        )

    def test_a_in_the_kernel_itself(self, driver: Observer) -> None:
        """RtlRaiseException touches the record: it is the kernel's instruction then."""
        machine = driver.machine
        record = machine.kernel.alloc(0x98)
        machine.kernel.page_out(record)
        outcome = machine.call(driver["raise"], record, irql=2)
        stub = machine._system.stubs.find("RtlRaiseException")
        assert stub is not None
        assert outcome == Bugchecked(BugCheck.IRQL_NOT_LESS_OR_EQUAL, (record.address, 2, 0, stub + 4))

    def test_a_in_code_of_no_image(self, machine: Machine) -> None:
        buffer = machine.user.alloc(64)
        machine.user.unmap(buffer)
        address = code(machine, "0fb601c3")
        outcome = machine.call(address, buffer, irql=2)
        assert outcome == Bugchecked(BugCheck.IRQL_NOT_LESS_OR_EQUAL, (buffer.address, 2, 0, address))

    def test_irql_that_the_guest_raised_itself(self, machine: Machine) -> None:
        buffer = machine.user.alloc(64)
        machine.user.page_out(buffer)
        address = code(machine, "b802000000 440f22c0 0f01cb 0fb601 c3")
        outcome = machine.call(address, buffer)
        assert outcome == Bugchecked(BugCheck.IRQL_NOT_LESS_OR_EQUAL, (buffer.address, 2, 0, address + 12))
        assert machine.irql == 2
        machine.reset()
        assert machine.irql == 0

    @pytest.mark.parametrize("irql", [0, 1, 2])
    def test_interrupts_disabled_count_as_ff(self, machine: Machine, irql: int) -> None:
        buffer = machine.user.alloc(64)
        machine.user.page_out(buffer)
        address = code(machine, "fa 0f01cb 0fb601 c3")
        outcome = machine.call(address, buffer, irql=irql)
        assert outcome == Bugchecked(BugCheck.IRQL_NOT_LESS_OR_EQUAL, (buffer.address, 0xFF, 0, address + 4))

    def test_a_resident_page_is_no_matter_of_irql(self, machine: Machine) -> None:
        source, target = machine.user.alloc(b"resident"), machine.kernel.alloc(8)
        assert isinstance(machine.call("CopyFromUser", target, source, 8, irql=2), Returned)
        assert target.read() == b"resident"

    def test_smap_and_nx_come_before_it(self, machine: Machine) -> None:
        buffer = machine.user.alloc(64)
        outcome = machine.call(code(machine, "0fb601c3"), buffer, irql=2)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[3]) == (0x50, 0xF)


class Test7F:
    """A trap that finds no stack for its frame is a double fault, whatever the trap was."""

    DOUBLE_FAULT = 8

    def test_recursion(self, machine: Machine) -> None:
        address = code(machine, "e8fbffffff")  # call itself
        outcome = machine.call(address)
        stack = machine._system.stack
        assert outcome == Bugchecked(
            BugCheck.UNEXPECTED_KERNEL_MODE_TRAP, (self.DOUBLE_FAULT, stack.low, stack.low - 8, address)
        )

    def test_recursion_with_a_frame(self, machine: Machine) -> None:
        address = code(machine, "4881ec00010000 e8f4ffffff")
        outcome = machine.call(address)
        stack = machine._system.stack
        assert isinstance(outcome, Bugchecked)
        assert outcome.parameters[0] == self.DOUBLE_FAULT
        assert stack.low - 0x100 <= outcome.parameters[1] < stack.low + 8
        assert outcome.parameters[2] == outcome.parameters[1] - 8

    @pytest.mark.parametrize(
        "stack_pointer",
        [0, 8, 0x1000, 0x7FFF_FFFF_0000, 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_FFFF_FFF0, 0xFFFF_FFFF_FFFF_F000],
    )
    @pytest.mark.parametrize("instruction", ["50", "6800000000", "e800000000", "cc", "0f0b"])
    def test_rsp_that_points_nowhere(self, machine: Machine, stack_pointer: int, instruction: str) -> None:
        address = code(machine, "48bc" + stack_pointer.to_bytes(8, "little").hex() + instruction)
        outcome = machine.call(address)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == BugCheck.UNEXPECTED_KERNEL_MODE_TRAP
        assert outcome.parameters[0] == self.DOUBLE_FAULT
        assert outcome.parameters[1] == stack_pointer
        if instruction in ("50", "6800000000", "e800000000") and stack_pointer != SYSTEM_RANGE_START:
            assert outcome.parameters[2] == stack_pointer - 8 & 0xFFFF_FFFF_FFFF_FFFF

    @pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "skylake-server,smap=permit"])
    def test_rsp_in_user_memory(self, profile: str) -> None:
        machine = boot(profile)
        buffer = machine.user.alloc(0x2000)
        address = code(machine, "48bc" + (buffer.address + 0x2000).to_bytes(8, "little").hex() + "0f0b")
        outcome = machine.call(address)
        assert outcome == Bugchecked(
            BugCheck.UNEXPECTED_KERNEL_MODE_TRAP,
            (self.DOUBLE_FAULT, buffer.address + 0x2000, outcome.parameters[2], address + 10),  # type: ignore[union-attr]
        )
        assert buffer.read() == bytes(0x2000)

    @pytest.mark.parametrize("change", ["ro", "unmapped", "paged-out"])
    def test_rsp_in_memory_that_cannot_be_written(self, machine: Machine, change: str) -> None:
        buffer = machine.kernel.alloc(0x4000)
        if change == "ro":
            machine.kernel.protect(buffer, "ro")
        else:
            {"unmapped": machine.kernel.unmap, "paged-out": machine.kernel.page_out}[change](buffer)
        address = code(machine, "48bc" + (buffer.address + 0x3FF0).to_bytes(8, "little").hex() + "0f0b")
        outcome = machine.call(address)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0x7F, self.DOUBLE_FAULT)
        assert buffer.read() == bytes(0x4000)

    @pytest.mark.parametrize("stack_pointer", [0x8000_0000_0000, 0x0000_9000_0001_5F00, 0xFFFF_1000_0001_5F00])
    def test_rsp_that_is_no_address(self, machine: Machine, stack_pointer: int) -> None:
        """A push through it is #SS, and the frame of any trap, #SS too, has nowhere to go."""
        load = "48bc" + stack_pointer.to_bytes(8, "little").hex()
        outcome = machine.call(code(machine, load + "50"))
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, *outcome.parameters[:2]) == (0x7F, self.DOUBLE_FAULT, stack_pointer)
        machine.reset()
        outcome = machine.call(code(machine, load + "0f0b"))
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, *outcome.parameters[:2]) == (0x7F, self.DOUBLE_FAULT, stack_pointer)

    def test_stack_fault_of_a_bad_frame_pointer(self, machine: Machine) -> None:
        """#SS: a non-canonical address through RBP, with a good stack."""
        address = code(machine, "48bd0000000000008000 488b4500 c3")
        assert machine.call(address) == Bugchecked(BugCheck.UNEXPECTED_KERNEL_MODE_TRAP, (0xC, 0, 0, address + 10))

    def test_a_stack_in_other_kernel_memory_has_room_but_no_frames(self, machine: Machine) -> None:
        """The trap's frame fits, but no frame is on the thread's stack: nobody handles it."""
        buffer = machine.kernel.alloc(0x4000)
        address = code(machine, "48bc" + (buffer.address + 0x4000).to_bytes(8, "little").hex() + "0f0b")
        outcome = machine.call(address)
        assert outcome == Bugchecked(0x1E, (NtStatus.ILLEGAL_INSTRUCTION, address + 10, 0, 0))


class Test1EUnhandled:
    @pytest.mark.parametrize(
        ("instructions", "status", "offset"),
        [
            ("0f0b", NtStatus.ILLEGAL_INSTRUCTION, 0),
            ("cc", NtStatus.BREAKPOINT, 0),
            ("31c9 31d2 f7f1", NtStatus.INTEGER_DIVIDE_BY_ZERO, 4),
            ("f0 90", NtStatus.INVALID_LOCK_SEQUENCE, 0),
        ],
    )
    def test_without_parameters(self, machine: Machine, instructions: str, status: int, offset: int) -> None:
        address = code(machine, instructions)
        outcome = machine.call(address, guarded=False)
        assert outcome == Bugchecked(BugCheck.KMODE_EXCEPTION_NOT_HANDLED, (status, address + offset, 0, 0))

    def test_access_violation(self, driver: Observer) -> None:
        outcome = driver.machine.call(driver["write_byte"], 0x1234, guarded=False)
        assert outcome == Bugchecked(0x1E, (NtStatus.ACCESS_VIOLATION, driver["write_byte"], 1, 0x1234))

    def test_general_protection(self, driver: Observer) -> None:
        outcome = driver.machine.call(driver["read_byte"], 0x8000_0000_0000, guarded=False)
        assert outcome == Bugchecked(0x1E, (NtStatus.ACCESS_VIOLATION, driver["read_byte"], 0, (1 << 64) - 1))


@pytest.mark.parametrize("status", [0xC000_009C, 0xC000_009D, 0xC000_0185])
def test_7a_kernel_page_that_cannot_be_read_back(driver: Observer, status: int) -> None:
    machine = driver.machine
    buffer = machine.kernel.alloc(64)
    machine.kernel.fail_page_in(buffer, status)
    outcome = driver.run("read_byte", buffer.address + 7, answers=(1, 1))
    memory = machine._system.memory
    assert outcome == Bugchecked(
        BugCheck.KERNEL_DATA_INPAGE_ERROR,
        (memory.entry_address(buffer.address), status, memory.entry(buffer.address), buffer.address + 7),
    )


class TestAfterwards:
    def bugcheck(self, machine: Machine) -> Bugchecked:
        outcome = machine.call(code(machine, "0fb601c3"), SYSTEM_RANGE_START)
        assert isinstance(outcome, Bugchecked)
        return outcome

    def test_nothing_but_reset_is_allowed(self, machine: Machine) -> None:
        self.bugcheck(machine)
        with pytest.raises(MachineStopped, match=r"only reset\(\)"):
            machine.call("CopyFromUser", 0, 0, 0)
        with pytest.raises(MachineStopped):
            machine.checkpoint()
        with pytest.raises(MachineStopped):
            machine.load("nothing.sys")
        machine.reset()
        still_copies(machine)

    def test_memory_and_registers_can_be_looked_at(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"evidence")
        self.bugcheck(machine)
        assert buffer.read() == b"evidence"
        assert machine.registers["rcx"] == SYSTEM_RANGE_START
        assert machine.user.state(buffer) == "resident, rw"

    def test_memory_is_left_as_it_is(self, machine: Machine) -> None:
        """Not a byte of RAM differs from what the guest itself had written when it stopped."""
        address = code(machine, "48c7013412000048b80000000000 80ffff 8a00 c3".replace(" ", ""))
        first = machine.kernel.alloc(64)
        before = bytearray(kernel_memory(machine))
        outcome = machine.call(address, first)
        assert isinstance(outcome, Bugchecked)
        after = kernel_memory(machine)
        assert first.read(8) == 0x1234.to_bytes(8, "little")
        system = machine._system
        changed = {at >> 12 for at in range(0, len(after), 8) if after[at : at + 8] != before[at : at + 8]}
        leaves = set(system.memory._leaf_tables.values())
        allowed = {system.memory.translate(page) >> 12 for page in (first.address, Gva(system.stack.high - 1))}
        assert changed - leaves <= allowed

    def test_reset_gives_back_every_byte(self, machine: Machine) -> None:
        before = kernel_memory(machine)
        self.bugcheck(machine)
        machine.reset()
        assert kernel_memory(machine) == before

    def test_event_and_text(self, machine: Machine) -> None:
        outcome = self.bugcheck(machine)
        assert machine.events[-1] == BugcheckRaised(outcome.code, outcome.parameters)
        text = str(outcome)
        assert text.startswith("bugchecked: PAGE_FAULT_IN_NONPAGED_AREA (0x00000050)")
        assert "address referenced" in text
        assert "CR2 0xffff800000000000" in text
