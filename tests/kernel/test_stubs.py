# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu import Machine, Returned
from emu.address import Gva
from emu.kernel.stubs import AFTER_CALL, AFTER_CALLBACK, AT_CALL, STUB_LENGTH, ExportCall, StubTable, TooManyExports
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.frames import STUB_SIZE


def nothing(call: ExportCall) -> int:
    return 0


@pytest.fixture
def stubs(machine: Machine) -> StubTable:
    return StubTable(machine._system.kernel)


def test_every_name_has_a_stub_of_its_own(stubs: StubTable) -> None:
    first, second = stubs.add("First", nothing), stubs.add("Second", nothing)
    assert second == first + STUB_LENGTH
    assert stubs.find("First") == first
    assert stubs.find("Third") is None
    assert set(stubs.names) == {"First", "Second"}


def test_a_name_that_is_there_keeps_its_stub(stubs: StubTable) -> None:
    def something(call: ExportCall) -> int:
        return 1

    address = stubs.add("First", nothing)
    assert stubs.add("First", something) == address
    assert stubs.calls[address + AFTER_CALL].function is something


def test_stubs_of_the_kernel_image_keep_their_place(stubs: StubTable, machine: Machine) -> None:
    assert stubs.add("__C_specific_handler", nothing) == machine._system.kernel["__C_specific_handler"]


def test_name_at_any_byte_of_a_stub(stubs: StubTable) -> None:
    address = stubs.add("First", nothing)
    for offset in range(STUB_LENGTH):
        assert stubs.name_at(Gva(address + offset)) == "First"
    assert stubs.name_at(Gva(address + STUB_LENGTH)) is None
    assert stubs.name_at(Gva(address - 1)) is None


def test_there_is_an_end(stubs: StubTable, machine: Machine) -> None:
    kernel = machine._system.kernel
    room = (kernel["KiExportStubsEnd"] - kernel["KiExportStubs"]) // STUB_LENGTH
    for number in range(room):
        stubs.add(f"Name{number}", nothing)
    with pytest.raises(TooManyExports, match=f"no stub is left for 'Other'; the kernel image has {room}"):
        stubs.add("Other", nothing)
    stubs.add("Name0", nothing)


def test_offsets_are_those_of_the_code(machine: Machine) -> None:
    address = machine._system.kernel["KiExportStubs"]
    code = machine._system.memory.read(Gva(address), STUB_LENGTH)
    assert code[AT_CALL] == code[AFTER_CALL] == 0xF4
    assert code[AFTER_CALLBACK : AFTER_CALLBACK + 5] == bytes.fromhex("4883c468c3")
    assert code[:4] == bytes.fromhex("4883ec") + bytes((STUB_SIZE,))


@pytest.mark.parametrize("offset", [AT_CALL, AFTER_CALL, AFTER_CALLBACK])
def test_an_unwind_passes_through_a_stub(machine: Machine, offset: int) -> None:
    """From each place where the host or a callback may be: the caller is at RSP + STUB_SIZE."""
    system = machine._system
    unwinder = system.modules.find(system.kernel.base)
    assert unwinder is not None
    stack_pointer = system.stack.high - 0x200
    system.memory.write_u64(Gva(stack_pointer + STUB_SIZE), 0x1234_5678)
    context = system.current_context()
    context.gpr[4] = stack_pointer
    pc = Gva(system.kernel["KiExportStubs"] + offset)
    unwinder.virtual_unwind(pc, context, system.memory, UNW_FLAG_EHANDLER)
    assert (context.rip, context.gpr[4]) == (0x1234_5678, stack_pointer + STUB_SIZE + 8)


@pytest.mark.parametrize("count", range(8))
def test_a_python_export_gets_as_many_arguments_as_it_has_parameters(machine: Machine, count: int) -> None:
    seen: list[tuple[int, ...]] = []
    names = ", ".join(f"argument_{number}" for number in range(count))
    function = eval(f"lambda {names}: note({names})", {"note": lambda *values: seen.append(values)})
    machine.export("Test")(function)
    values = tuple(range(10, 10 + count))
    assert machine.call("Test", *values) == Returned(0), "None counts as 0"
    assert seen == [values]


@pytest.mark.parametrize(("result", "rax"), [(None, 0), (7, 7), (-1, (1 << 64) - 1), (True, 1), (1 << 64, 0)])
def test_a_python_export_returns_rax(machine: Machine, result: int | None, rax: int) -> None:
    machine.export("Test")(lambda: result)
    assert machine.call("Test") == Returned(rax)


def test_an_export_with_other_parameters_is_refused(machine: Machine) -> None:
    with pytest.raises(ValueError, match="positional parameters only"):
        machine.export("Test")(lambda *arguments: 0)
    with pytest.raises(ValueError, match="positional parameters only"):
        machine.export("Test")(lambda *, keyword: 0)


def test_an_error_in_a_python_export_is_its_authors(machine: Machine) -> None:
    @machine.export("Test")
    def fails() -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        machine.call("Test")
    source, target = machine.user.alloc(b"still here"), machine.kernel.alloc(10)
    assert isinstance(machine.call("CopyFromUser", target, source, 10), Returned)
    assert target.read() == b"still here"
