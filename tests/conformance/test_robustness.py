# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that misbehave: every one ends in a defined outcome, in bounded time, and reset() mends the machine."""

from collections.abc import Iterator

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned, TimedOut, Unmodelled
from emu.address import PAGE_SIZE, Gva
from emu.events import DispatchFailed, ExceptionRaised, PoolAllocated
from emu.image import ImageError
from emu.nt.context import CONTEXT
from emu.outcome import Outcome
from tests.conformance.machines import boot, code, kernel_memory, load, read, still_copies
from tests.conformance.observer import ABSOLUTE, LANDED, ORIGINAL_CONTEXT, Observer


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine that has to be as good as new after each of these tests."""
    machine = boot()
    before = kernel_memory(machine)
    yield machine
    machine.reset()
    assert kernel_memory(machine) == before
    still_copies(machine)


@pytest.fixture
def bad(machine: Machine) -> int:
    buffer = machine.user.alloc(64)
    machine.user.protect(buffer, "none")
    return int(buffer)


def statuses(machine: Machine) -> list[int]:
    return [event.code for event in machine.events if isinstance(event, ExceptionRaised)]


class TestCorruptUnwindData:
    """Function tables and scope tables that Windows would refuse, or run into the wall with (guest/bad_unwind.S)."""

    BAD_TABLES = (
        "version_0",
        "version_3",
        "version_7",
        "unknown_operation",
        "slots_past_the_count",
        "handler_and_chain",
        "chained_to_itself",
        "chained_in_a_ring",
        "chained_to_nowhere",
    )
    BAD_FRAMES = (
        "allocates_too_much",
        "allocates_the_whole_stack",
        "allocates_by_odd_bytes",
        "frame_register_of_garbage",
        "machine_frame_of_nothing",
        "saves_outside_memory",
    )

    @pytest.mark.parametrize("routine", [*BAD_TABLES, *BAD_FRAMES])
    @pytest.mark.parametrize("guarded", [True, False])
    def test_search_cannot_pass(self, machine: Machine, bad: int, routine: str, guarded: bool) -> None:
        module = load(machine, "bad_unwind.S")
        outcome = machine.call(module[routine], bad, guarded=guarded)
        assert outcome == Bugchecked(0x1E, (NtStatus.ACCESS_VIOLATION, module[routine] + 4, 0, bad))
        failed = [event for event in machine.events if isinstance(event, DispatchFailed)]
        assert len(failed) == 1
        assert failed[0].reason in str(outcome)
        if routine in self.BAD_TABLES:
            assert failed[0].reason.startswith("bad function table: ")

    @pytest.mark.parametrize("routine", ["scopes_without_end", "scopes_past_the_image"])
    def test_scope_table_that_cannot_be_read(self, machine: Machine, bad: int, routine: str) -> None:
        module = load(machine, "bad_unwind.S")
        outcome = machine.call(module[routine], bad)
        assert outcome == Bugchecked(0x1E, (NtStatus.ACCESS_VIOLATION, module[routine] + 4, 0, bad))
        assert any(isinstance(event, DispatchFailed) for event in machine.events)

    @pytest.mark.parametrize("routine", ["filter_outside_the_image", "handler_outside_the_image"])
    def test_code_that_is_not_there(self, machine: Machine, bad: int, routine: str) -> None:
        module = load(machine, "bad_unwind.S")
        nowhere = module.base + 0x7FFF_FFF0
        outcome = machine.call(module[routine], bad)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[:3]) == (0x50, (nowhere, 0x10, nowhere))

    @pytest.mark.parametrize(
        "routine", ["filter_is_data", "handler_is_data", "finally_is_data", "target_is_data", "filter_is_absent"]
    )
    def test_code_that_is_data(self, machine: Machine, bad: int, routine: str) -> None:
        """An RVA of 0 is the image's own header."""
        module = load(machine, "bad_unwind.S")
        outcome = machine.call(module[routine], bad)
        where = module.base if routine == "filter_is_absent" else module["some_data"]
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0xFC, where)

    @pytest.mark.parametrize("routine", ["target_outside_the_image", "finally_outside_the_image"])
    def test_landing_and_finally_that_are_not_there(self, machine: Machine, bad: int, routine: str) -> None:
        module = load(machine, "bad_unwind.S")
        outcome = machine.call(module[routine], bad)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0x50, module.base + 0x7FFF_FFF0)

    def test_handler_of_rva_0(self, machine: Machine, bad: int) -> None:
        module = load(machine, "bad_unwind.S")
        outcome = machine.call(module["handler_is_absent"], bad)
        assert isinstance(outcome, Bugchecked)

    def test_table_that_leads_outside_is_refused_at_load(self, machine: Machine) -> None:
        with pytest.raises(ImageError, match="unwind information at 0x7FFFFFF0 is unaligned or outside"):
            load(machine, "unwind_outside.S")

    def test_empty_scope_table(self, machine: Machine, bad: int) -> None:
        module = load(machine, "bad_unwind.S")
        assert isinstance(machine.call(module["empty_scope_table"], bad), Raised)

    @pytest.mark.parametrize("routine", [*BAD_TABLES, *BAD_FRAMES])
    def test_unwind_cannot_pass(self, machine: Machine, bad: int, routine: str) -> None:
        """With a working filter below, nothing is wrong until the next exception has to go further up."""
        module = load(machine, "bad_unwind.S")
        observer = Observer(machine)
        outcome = observer.run(int(module[routine]), bad, answers=(1, 1))
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E


class TestFilters:
    def test_that_loop(self, machine: Machine, bad: int) -> None:
        """The budget holds in filters, too."""
        observer = Observer(machine)
        loop = code(machine, "ebfe")
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, loop)]
        outcome = observer.run("read_byte", bad, answers=(-1, 0), pokes=pokes, budget=5000)
        assert outcome == TimedOut(5000, loop)
        assert "5000 blocks" in str(outcome)

    def test_that_loop_themselves(self, machine: Machine, bad: int) -> None:
        module = load(machine, "looping_filter.S")
        for routine in ("looping_filter_call", "looping_finally_call", "looping_except_call"):
            outcome = machine.call(module[routine], bad, budget=4000)
            assert isinstance(outcome, TimedOut), routine
            assert outcome.budget == 4000
            assert module["spin"] <= outcome.rip < module["spin"] + 16
            assert "looping_filter!spin" in str(outcome)

    def test_that_continue_for_ever(self, machine: Machine, bad: int) -> None:
        """The same fault and the same answer, again and again."""
        observer = Observer(machine)
        outcome = observer.run("read_byte", bad, answers=(-1, -1), budget=5000)
        assert isinstance(outcome, TimedOut)
        assert observer.report.filter_calls > 2

    @pytest.mark.parametrize("value", [0, 0x10, 0x8000_0000_0000, 0xFFFF_8000_0000_0000, (1 << 64) - 1])
    @pytest.mark.parametrize("register", ["Rip", "Rsp", "Rbp"])
    @pytest.mark.parametrize("routine", ["read_byte", "clobber_and_read", "framed_read"])
    def test_that_send_it_to_hell(self, machine: Machine, bad: int, routine: str, register: str, value: int) -> None:
        observer = Observer(machine)
        pokes = [(0, ORIGINAL_CONTEXT, getattr(CONTEXT, register).offset, value)]
        outcome = observer.run(routine, bad, answers=(-1, 1), pokes=pokes, budget=20_000)
        assert isinstance(outcome, Returned | Raised | Bugchecked)

    def test_that_abandon_their_dispatch(self, machine: Machine, bad: int) -> None:
        """A loop that faults, whose filter throws its own stack away instead of returning."""
        module = load(machine, "looping_filter.S")
        most = 0

        class Counted(list):  # type: ignore[type-arg]
            def append(self, item: object) -> None:
                nonlocal most
                super().append(item)
                most = max(most, len(self))

        run_loop = machine._caller.run_loop
        kept, run_loop._waiting = run_loop._waiting, Counted()
        assert machine.call(module["abandoning_call"], bad, 300) == Returned(300)
        run_loop._waiting = kept
        assert most == 1, "what was thrown away does not pile up on the host"


class TestHostWork:
    def test_counts_against_the_budget(self, machine: Machine) -> None:
        """Ten blocks of guest code have the host search two thousand frames, and note each of them."""
        module = load(machine, "deep_search.S")
        pairs, budget = 1000, 20_000
        outcome = machine.call(module["deep_search"], pairs, budget=budget)
        assert isinstance(outcome, TimedOut)
        one_search = 2 * pairs + 10
        assert budget - one_search < len(machine.events) < budget + one_search

    def test_counts_by_the_page(self, machine: Machine) -> None:
        """A call of an export can have the host map, fill and unmap as many pages as the guest likes."""
        module = load(machine, "allocate_for_ever.S")
        pages, budget = 512, 20_000
        outcome = machine.call(module["allocate_for_ever"], pages * PAGE_SIZE, budget=budget)
        assert isinstance(outcome, TimedOut)
        allocated = sum(isinstance(event, PoolAllocated) for event in machine.events)
        assert 2 < allocated <= budget // (2 * pages) + 1

    def test_counts_what_exports_read_by_the_page(self, machine: Machine) -> None:
        pages = 64
        text = machine.kernel.alloc(b"A" * (pages * PAGE_SIZE - 1) + b"\0")
        assert isinstance(machine.call("DbgPrint", text, budget=pages), TimedOut)
        assert isinstance(machine.call("DbgPrint", text, budget=2 * pages), Returned)


class TestStackPointers:
    """RSP that is no stack: in the search, in the unwind, at the landing."""

    @pytest.mark.parametrize("offset", [1, 2, 4, 7])
    def test_misaligned(self, machine: Machine, bad: int, offset: int) -> None:
        address = code(machine, f"4883ec{offset:02x} 0fb601 c3")
        outcome = machine.call(address, bad)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E
        failed = [event for event in machine.events if isinstance(event, DispatchFailed)]
        assert failed
        assert "not aligned" in failed[0].reason

    def test_on_a_stack_of_its_own(self, machine: Machine, bad: int) -> None:
        buffer = machine.kernel.alloc(0x4000)
        top = (buffer.address + 0x3F00).to_bytes(8, "little").hex()
        address = code(machine, f"48bc{top} 0fb601 c3")
        outcome = machine.call(address, bad)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E
        assert "is not on the stack" in str(outcome)

    def test_return_addresses_of_garbage(self, machine: Machine, bad: int) -> None:
        address = code(machine, "48c7042411110000 48c744240822220000 0fb601 c3")
        outcome = machine.call(address, bad)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E

    @pytest.mark.parametrize("fill", [0, 0x1111_1111_1111_1111, (1 << 64) - 1])
    def test_the_whole_stack_overwritten(self, machine: Machine, bad: int, fill: int) -> None:
        """lea rdi, [rsp]; rep stosq up to the end of the stack, then the fault."""
        stack = machine._system.stack
        address = code(
            machine,
            f"48b8{fill.to_bytes(8, 'little').hex()} 4989c8 488d3c24 48b9{stack.high.to_bytes(8, 'little').hex()}"
            "4829f9 48c1e903 f348ab 410fb600 c3",
        )
        outcome = machine.call(address, bad)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E


class TestControlFlow:
    def test_jump_to_itself(self, machine: Machine) -> None:
        address = code(machine, "ebfe")
        assert machine.call(address, budget=1000) == TimedOut(1000, address)
        assert isinstance(machine.call(address, budget=1000), TimedOut), "a machine that timed out may go on"

    @pytest.mark.parametrize("budget", [1, 2, 3, 17])
    def test_smallest_budgets(self, machine: Machine, budget: int) -> None:
        assert isinstance(machine.call(code(machine, "ebfe"), budget=budget), TimedOut)

    def test_every_offset_of_every_stub_and_thunk(self, machine: Machine) -> None:
        """Jumps into the middle of export stubs, of thunks and of the guarded call itself."""
        kernel = machine._system.kernel
        names = [name for name in kernel.image.exports if name.startswith(("Ki", "__C"))]
        stubs = [machine._system.stubs.find(name) for name in machine._system.stubs.names]
        jump = code(machine, "ffe1")
        for start in {*(kernel[name] for name in names), *(stub for stub in stubs if stub)}:
            for offset in range(-2, 24):
                outcome = machine.call(jump, start + offset, 1, 2, 3, budget=2000)
                assert isinstance(outcome, Returned | Raised | Bugchecked | TimedOut | Unmodelled)
                str(outcome)
                if isinstance(outcome, Bugchecked):
                    machine.reset()
                    jump = code(machine, "ffe1")

    @pytest.mark.parametrize("stack_pointer", [0, 0x1000, 0x8000_0000_0000, 0xFFFF_8000_0000_0000, (1 << 64) - 8])
    @pytest.mark.parametrize("name", ["RtlRaiseException", "__C_specific_handler"])
    def test_exports_entered_with_no_stack(self, machine: Machine, name: str, stack_pointer: int) -> None:
        """The export's stub reaches the host without having touched the stack at all."""
        stub = machine._system.stubs.find(name)
        assert stub is not None
        buffer = machine.kernel.alloc(0x1000)
        registers = "".join(f"48{0xB8 + number:02x}{buffer.address.to_bytes(8, 'little').hex()}" for number in (1, 2))
        address = code(
            machine,
            f"{registers} 4989c8 4989c9 48bc{stack_pointer.to_bytes(8, 'little').hex()}"
            f"48b8{(stub + 4).to_bytes(8, 'little').hex()} ffe0",
        )
        outcome = machine.call(address)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code in (0x7F, 0x50, 0x1E)

    @pytest.mark.parametrize("arguments", [(0, 0, 0, 0), (1 << 63,) * 4, ((1 << 64) - 1,) * 4, (0x1000, 2, 3, 4)])
    def test_handler_export_with_garbage(self, machine: Machine, arguments: tuple[int, ...]) -> None:
        stub = machine._system.stubs.find("__C_specific_handler")
        assert stub is not None
        outcome = machine.call(stub, *arguments)
        assert isinstance(outcome, Raised | Bugchecked)

    @pytest.mark.parametrize("unwinding", [0, 2, 0x22, 0x66])
    @pytest.mark.parametrize("count", [0, 1, 3, 0x10001, 0xFFFF_FFFF])
    def test_handler_export_with_structures_of_the_guests_own(
        self, machine: Machine, unwinding: int, count: int
    ) -> None:
        """A scope table in memory that the guest can write, and a target that is not on the stack."""
        stub = machine._system.stubs.find("__C_specific_handler")
        assert stub is not None
        record = machine.kernel.alloc(b"\x05\x00\x00\xc0" + unwinding.to_bytes(4, "little") + bytes(0x90))
        context = machine.kernel.alloc(0x4D0)
        table = machine.kernel.alloc(
            count.to_bytes(4, "little") + b"\x00\x00\x00\x00\xff\xff\xff\x7f\x01\0\0\0\x10\0\0\0" * 4
        )
        dispatcher = machine.kernel.alloc(
            b"".join(
                value.to_bytes(8, "little")
                for value in (0x1000, 0, 0, 0x1234_5678, 0x10, context.address, stub, table.address, 0, 0)
            )
        )
        outcome = machine.call(stub, record, context.address + 0x100, context, dispatcher, budget=10_000)
        assert isinstance(outcome, Returned | Raised | Bugchecked)
        str(outcome)

    def test_scope_table_that_the_guest_rewrites(self, machine: Machine) -> None:
        """What lies in memory that can be written is read anew each time."""
        stub = machine._system.stubs.find("__C_specific_handler")
        assert stub is not None
        record = machine.kernel.alloc(b"\x05\x00\x00\xc0" + bytes(0x94))
        context = machine.kernel.alloc(0x4D0)
        scope = b"".join(value.to_bytes(4, "little") for value in (0, 0x7FFF_FFFF, 1, 0x10))
        table = machine.kernel.alloc(bytes(4) + scope)
        dispatcher = machine.kernel.alloc(
            b"".join(
                value.to_bytes(8, "little")
                for value in (0x1000, 0, 0, 0, 0, context.address, stub, table.address, 0, 0)
            )
        )
        arguments = (stub, record, 0, context, dispatcher)
        assert machine.call(*arguments) == Returned(1), "ExceptionContinueSearch: no scope"
        table.write(b"\x01\0\0\0")
        assert machine.call(*arguments) != Returned(1)


class TestPrivileged:
    """Whole-machine state that guest code at CPL 0 can change as it likes."""

    def run(self, machine: Machine, instructions: str, *arguments: int) -> Outcome:
        outcome = machine.call(code(machine, instructions), *arguments, budget=5000)
        assert isinstance(outcome, Returned | Raised | Bugchecked | TimedOut | Unmodelled)
        str(outcome)
        return outcome

    @pytest.mark.parametrize("value", [0, 1, 0x1000, 0x10_0000, 0x3FF_F000, 0x7FFF_FFFF_F000, (1 << 64) - 1])
    @pytest.mark.parametrize("register", range(5))
    def test_control_registers(self, machine: Machine, register: int, value: int) -> None:
        self.run(machine, f"48b8{value.to_bytes(8, 'little').hex()} 0f22{0xC0 + register * 8:02x} 90 90 c3")

    @pytest.mark.parametrize("bit", range(32))
    @pytest.mark.parametrize("register", [0, 4])
    def test_each_bit_of_cr0_and_cr4(self, machine: Machine, register: int, bit: int) -> None:
        modrm = 0xC0 + register * 8
        flip = f"480fbaf8{bit:02x}"
        self.run(machine, f"0f20{modrm:02x} {flip} 0f22{modrm:02x} c60001 c3")

    @pytest.mark.parametrize("value", [0, 1, 0x500, 0xD01, 0xFFFF_FFFF])
    @pytest.mark.parametrize("number", [0xC000_0080, 0xC000_0081, 0xC000_0082, 0xC000_0100, 0xC000_0101, 0x1B, 0x10])
    def test_model_specific_registers(self, machine: Machine, number: int, value: int) -> None:
        self.run(
            machine,
            f"b9{number.to_bytes(4, 'little').hex()} b8{value.to_bytes(4, 'little').hex()} 31d2 0f30 90"
            "65488b042500000000 c3",
        )

    @pytest.mark.parametrize("value", [0, 1, 2, 15, 16, 0xFF, (1 << 64) - 1])
    def test_cr8(self, machine: Machine, value: int) -> None:
        self.run(machine, f"48b8{value.to_bytes(8, 'little').hex()} 440f22c0 440f20c0 c3")

    @pytest.mark.parametrize("content", [bytes(10), b"\xff" * 10, b"\xff\xff" + bytes(8), b"\x27\0" + b"\x11" * 8])
    @pytest.mark.parametrize("instruction", ["0f0111", "0f0119"])  # lgdt, lidt [rcx]
    @pytest.mark.parametrize("then", ["c3", "cc", "0f0b", "48cf", "6a08 9048cb", "8ed0 8ed8 c3"])
    def test_descriptor_tables(self, machine: Machine, instruction: str, content: bytes, then: str) -> None:
        self.run(machine, instruction + then, machine.kernel.alloc(content).address)

    @pytest.mark.parametrize("selector", [0, 8, 0x10, 0x18, 0x1B, 0x23, 0x2B, 0x33, 0x53, 0xFFFF])
    @pytest.mark.parametrize("load", ["8ed0", "8ed8", "8ec0", "8ee0", "8ee8", "0f00d0", "0f00d8"])
    def test_selectors(self, machine: Machine, load: str, selector: int) -> None:
        self.run(machine, f"b8{selector.to_bytes(4, 'little').hex()} {load} 50 58 c3")

    @pytest.mark.parametrize("selector", [0, 8, 0x10, 0x1B, 0x23, 0x33, 0xFFFF])
    @pytest.mark.parametrize("target", [0, 0x1_0000, 0x8000_0000_0000])
    def test_iretq(self, machine: Machine, selector: int, target: int) -> None:
        push = "".join(
            f"48b8{value.to_bytes(8, 'little').hex()}50" for value in (0x2B, 0x1000, 0x3202, selector, target)
        )
        self.run(machine, push + "48cf")

    @pytest.mark.parametrize("register", range(8))
    def test_debug_registers(self, machine: Machine, register: int) -> None:
        """The engine's breakpoints would outlive a reset: the instruction that sets one is refused."""
        outcome = self.run(machine, f"0f23{0xC0 + register * 8:02x} c3")
        assert isinstance(outcome, Unmodelled)
        assert f"mov dr{register}" in outcome.reason

    def test_write_protection_off_does_not_outlive_reset(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"constant")
        machine.kernel.protect(buffer, "ro")
        assert isinstance(self.run(machine, "0f20c0 480fbaf010 0f22c0 c6015a c3", buffer.address), Returned)
        assert buffer.read() == b"Zonstant"
        machine.reset()
        buffer = machine.kernel.alloc(b"constant")
        machine.kernel.protect(buffer, "ro")
        assert isinstance(self.run(machine, "c6015a c3", buffer.address), Bugchecked)

    def test_page_tables_cannot_be_reached(self, machine: Machine) -> None:
        """No virtual page maps a frame of a page table."""
        memory = machine._system.memory
        machine.user.alloc(1)
        machine.kernel.alloc(1)
        tables = set(memory._leaf_tables.values()) | {memory.root >> 12}
        assert not tables & {at >> 12 for at in memory._frame_offset.values()}
        outcome = machine.call(code(machine, "0f20d8 c60001 c3"))  # mov rax, cr3; mov byte [rax], 1
        assert isinstance(outcome, Raised)
        assert outcome.record.operation == "write"

    @pytest.mark.parametrize("bit", [0, 31])
    @pytest.mark.parametrize("register", ["0f22c0", "410f22c7"])
    def test_paging_cannot_be_turned_off(self, machine: Machine, bit: int, register: str) -> None:
        """The guest would run on at a physical address: refused, at the instruction."""
        address = code(machine, f"0f20c0 480fbaf0{bit:02x} 4989c7 {register} c3")
        outcome = machine.call(address)
        assert isinstance(outcome, Unmodelled)
        assert "mov cr0" in outcome.reason
        assert outcome.rip == address + 11

    def test_page_tables_of_the_guests_own(self, machine: Machine) -> None:
        """CR3 to a table in guest memory that maps all of RAM, where page tables could be written."""
        memory = machine._system.memory
        system = machine._system
        table = machine.kernel.alloc(0x1000)
        frame = memory.translate(table.address)
        window = machine.kernel.alloc(0x2000)
        directory, pages = (memory.translate(Gva(window.address + at)) for at in (0, 0x1000))
        root = bytearray(system.ram.bytes[memory.root : memory.root + 0x1000])
        # PML4 entry 1: a page-directory-pointer table; its entry 0: a page directory; its entry 0: 2 MiB of RAM.
        root[8:16] = (directory | 7).to_bytes(8, "little")
        table.write(bytes(root))
        window.write((pages | 7).to_bytes(8, "little"), 0)
        window.write((0x87).to_bytes(8, "little"), 0x1000)
        write = (1 << 39) + memory.root
        outcome = self.run(
            machine,
            f"48b8{frame.to_bytes(8, 'little').hex()} 0f22d8 48b8{write.to_bytes(8, 'little').hex()}"
            "0f01cb 48c7000000 0000 c3",
        )
        assert isinstance(outcome, Returned)
        assert bytes(system.ram.bytes[memory.root : memory.root + 8]) == bytes(8), "a page-table frame was written"


class TestUserMode:
    """There is no user mode yet: code that goes there ends in an outcome that says so."""

    def enter(self, machine: Machine, program: str) -> Outcome:
        user = machine.user.alloc(bytes.fromhex(program))
        machine.user.protect(user, "rx")
        # sysretq: RIP = rcx, RFLAGS = r11
        return machine.call(code(machine, "41bb02020000 480f07"), user, budget=2000)

    @pytest.mark.parametrize(
        "program", ["f4", "0f0b", "cc", "fa", "0f20c0", "8a042500000000", "48b80000000000008000 8a00"]
    )
    def test_traps_say_so(self, machine: Machine, program: str) -> None:
        outcome = self.enter(machine, program)
        assert isinstance(outcome, Unmodelled)
        assert "user mode" in outcome.reason
        str(outcome)

    def test_touching_the_kernel(self, machine: Machine) -> None:
        kernel = machine.kernel.alloc(16)
        outcome = self.enter(machine, f"48b8{kernel.address.to_bytes(8, 'little').hex()} 8a00")
        assert isinstance(outcome, Unmodelled)
        assert "user mode" in outcome.reason

    def test_loops_are_bounded(self, machine: Machine) -> None:
        assert isinstance(self.enter(machine, "ebfe"), TimedOut)

    def test_system_call(self, machine: Machine) -> None:
        outcome = self.enter(machine, "0f05")
        assert isinstance(outcome, Unmodelled)
        assert "syscall" in outcome.reason

    def test_a_call_after_that_without_reset(self, machine: Machine) -> None:
        """The processor is still at CPL 3: the next call says so, and reset mends it."""
        self.enter(machine, "ebfe")
        outcome = machine.call("CopyFromUser", machine.kernel.alloc(1), machine.user.alloc(1), 1)
        assert isinstance(outcome, Unmodelled)


class TestSelfModification:
    def test_code_pages_of_images_are_read_only(self, machine: Machine) -> None:
        module = load(machine, "looping_filter.S")
        outcome = machine.call(code(machine, "c601c3 c3"), module["spin"])
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0xBE

    def test_writable_code_runs_as_written(self, machine: Machine) -> None:
        """mov byte [rip + 1], 7; mov eax, 1 → its immediate is changed before it runs."""
        address = code(machine, "c605 01000000 07 b801000000 c3", "rwx")
        assert machine.call(address) == Returned(7)

    def test_and_is_gone_after_reset(self, machine: Machine) -> None:
        for _ in range(3):
            machine.reset()
            address = code(machine, "b801000000 c605 f5ffffff 09 c3".replace(" ", ""), "rwx")
            assert machine.call(address) == Returned(1)
            assert machine.call(address) == Returned(9)

    def test_host_writes_code(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(bytes.fromhex("b801000000c3"))
        machine.kernel.protect(buffer, "rx")
        for value in (1, 2, 3):
            buffer.write(bytes((value,)), 1)
            assert machine.call(int(buffer)) == Returned(value)


def test_landing_keeps_what_the_stack_says(machine: Machine, bad: int) -> None:
    """A filter that overwrites the registers its frame has saved: they come back as the stack has them, no crash."""
    observer = Observer(machine)
    assert observer.run("clobber_and_read", bad, answers=(1, 1)) == Returned(LANDED)
    frame = observer.report.body_rsp
    pokes = [(0, ABSOLUTE, frame - 8 - 8 * number, 0x4141_4141_4141_4141) for number in range(1, 9)]
    outcome = observer.run("clobber_and_read", bad, answers=(1, 1), pokes=pokes)
    assert outcome == Returned(LANDED)
    assert 0x4141_4141_4141_4141 in observer.report.landing_nonvolatile
    assert read(machine, frame - 16, 8) == b"A" * 8
