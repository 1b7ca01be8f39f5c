# SPDX-License-Identifier: GPL-2.0-or-later
"""The facade: what a user of the library sees."""

import pytest

import emu
from emu import Bugchecked, Machine, Profile, Raised, Returned, TimedOut
from emu.address import Gva
from emu.image import UnknownSymbol
from emu.machine import MachineStopped
from emu.memory.errors import StaleBuffer
from emu.outcome import Dispatch
from emu.profile import ProfileError


def code(machine: Machine, text: str) -> int:
    buffer = machine.kernel.alloc(bytes.fromhex(text))
    machine.kernel.protect(buffer, "rx")
    return int(buffer)


def test_first_example(machine: Machine) -> None:
    """The lines of the README."""
    source = machine.user.alloc(b"hello from user mode")
    target = machine.kernel.alloc(64)
    assert isinstance(machine.call("CopyFromUser", target, source, source.size), Returned)
    assert target.read(source.size) == b"hello from user mode"
    machine.user.protect(source, "none")
    match machine.call("CopyFromUser", target, source, 16):
        case Raised(record):
            assert record.fault_address == source.address
            assert record.operation == "read"
        case other:
            pytest.fail(str(other))


def test_public_names() -> None:
    for name in emu.__all__:
        assert getattr(emu, name) is not None
    assert set(emu.__all__) <= set(dir(emu))
    with pytest.raises(AttributeError, match="'emu' has no attribute 'Nonsense'"):
        emu.Nonsense  # noqa: B018


class TestProfiles:
    @pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "broadwell,smap=off"])
    def test_text_and_object_mean_the_same(self, profile: str) -> None:
        with Machine(profile) as one, Machine(Profile.parse(profile)) as two:
            assert one.profile == two.profile == Profile.parse(profile)

    def test_default(self) -> None:
        with Machine() as machine:
            assert machine.profile == Profile("skylake-server", "enforce")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("pentium", "unknown CPU model 'pentium'; known: nehalem"),
            ("nehalem,smap=maybe", "unknown SMAP policy 'maybe'; known: enforce, permit, off"),
            ("nehalem,colour=red", "unknown setting 'colour=red'"),
        ],
    )
    def test_what_does_not_exist_lists_what_does(self, text: str, words: str) -> None:
        with pytest.raises(ProfileError, match=words):
            Machine(text)

    @pytest.mark.parametrize("size", [0, 1, 4095, 1 << 19, (1 << 20) + 1, 8 << 30])
    def test_ram_size_that_cannot_be(self, size: int) -> None:
        with pytest.raises(ValueError, match="choose whole pages"):
            Machine(ram_size=size)


class TestLife:
    def test_context_manager_closes(self) -> None:
        with Machine() as machine:
            assert isinstance(machine.call("CopyFromUser", 0, 0, 0), Returned)
        for use in (lambda: machine.call("CopyFromUser", 0, 0, 0), machine.reset, machine.checkpoint):
            with pytest.raises(MachineStopped, match="closed; boot another"):
                use()

    def test_closing_twice(self) -> None:
        machine = Machine()
        machine.close()
        machine.close()

    def test_many_machines(self) -> None:
        """Their memory comes back, and none sees another's."""
        machines = [Machine(ram_size=2 << 20) for _ in range(20)]
        for number, machine in enumerate(machines):
            source, target = machine.user.alloc(bytes((number,)) * 9), machine.kernel.alloc(9)
            machine.call("CopyFromUser", target, source, 9)
            assert target.read() == bytes((number,)) * 9
        for machine in machines:
            machine.close()


class TestReset:
    def test_brings_everything_back(self, machine: Machine) -> None:
        registers, modules, states = machine.registers, machine.modules, machine.user_stack.guard
        source = machine.user.alloc(bytes(64))
        machine.user.guard(source)
        machine.call("CopyFromUser", machine.kernel.alloc(64), machine.user_stack.guard, 8)
        machine.call(code(machine, "b803000000 440f22c0 fa fd c3"))
        assert machine.irql == 3
        machine.reset()
        assert machine.irql == 0
        assert machine.registers == registers
        assert machine.modules == modules
        assert machine.user_stack.guard == states

    def test_checkpoint_keeps_what_was_there(self) -> None:
        with Machine() as machine:
            source, target = machine.user.alloc(b"kept"), machine.kernel.alloc(b"old!")
            machine.user.guard(source)
            machine.checkpoint()
            for _ in range(3):
                assert isinstance(machine.call("CopyFromUser", target, source, 4), Raised)
                assert isinstance(machine.call("CopyFromUser", target, source, 4), Returned)
                assert target.read() == b"kept"
                machine.reset()
                assert target.read() == b"old!"
                assert machine.user.state(source) == "guard"

    def test_the_last_checkpoint_counts(self) -> None:
        with Machine() as machine:
            buffer = machine.kernel.alloc(b"1")
            machine.checkpoint()
            buffer.write(b"2")
            machine.checkpoint()
            buffer.write(b"3")
            machine.reset()
            machine.reset()
            assert buffer.read() == b"2"

    def test_buffers_from_after_it_are_stale(self, machine: Machine) -> None:
        buffer = machine.user.alloc(16)
        machine.reset()
        for use in (buffer.read, lambda: buffer.write(b"x"), lambda: int(buffer), lambda: machine.user.guard(buffer)):
            with pytest.raises(StaleBuffer, match="allocated after the checkpoint"):
                use()
        with pytest.raises(StaleBuffer):
            machine.call("CopyFromUser", 0, buffer, 1)

    def test_addresses_come_again(self, machine: Machine) -> None:
        addresses = set()
        for _ in range(5):
            addresses.add((machine.user.alloc(1).address, machine.kernel.alloc(0x5000).address))
            machine.reset()
        assert len(addresses) == 1

    def test_checkpoint_after_the_guest_had_page_tables_of_its_own(self) -> None:
        """What was written through other tables belongs to the checkpoint, too."""
        with Machine() as machine:
            buffer = machine.kernel.alloc(16)
            address = code(machine, "0f20d8 0f22d8 c60142 c3")  # mov rax, cr3; mov cr3, rax; mov byte [rcx], 42h
            assert isinstance(machine.call(address, buffer), Returned)
            machine.checkpoint()
            buffer.write(b"\0")
            machine.reset()
            assert buffer.read(1) == b"\x42"


class TestCall:
    def test_unknown_symbol_suggests_the_nearest(self, machine: Machine) -> None:
        with pytest.raises(UnknownSymbol, match="no symbol 'CopyFromUsr'; nearest: CopyFromUser"):
            machine.call("CopyFromUsr")

    def test_by_address(self, machine: Machine) -> None:
        assert machine.call(code(machine, "b807000000c3")) == Returned(7)
        source, target = machine.user.alloc(b"by address"), machine.kernel.alloc(10)
        assert isinstance(machine.call(machine.resolve("CopyFromUser"), target, source, 10), Returned)
        assert target.read() == b"by address"

    def test_of_an_address_that_is_none(self, machine: Machine) -> None:
        outcome = machine.call(0x8000_0000_0000)
        assert isinstance(outcome, Raised)

    @pytest.mark.parametrize("function", [None, 1.5, b"CopyFromUser"])
    def test_of_what_is_neither(self, machine: Machine, function: object) -> None:
        with pytest.raises(TypeError):
            machine.call(function)  # type: ignore[arg-type]

    def test_ways_to_end(self, machine: Machine) -> None:
        assert machine.call(code(machine, "b805000000c3")) == Returned(5)
        assert isinstance(machine.call(0), Raised)
        loop = code(machine, "ebfe")
        assert machine.call(loop, budget=10) == TimedOut(10, Gva(loop))
        assert isinstance(machine.call(0, guarded=False), Bugchecked)

    def test_outcomes_compare_by_what_happened_to_the_guest(self, machine: Machine) -> None:
        """The account of how it came to it is no part of that."""
        first, second = machine.call(0), machine.call(0)
        assert first == second
        assert first.dispatch.events == machine.events
        assert isinstance(first.dispatch, Dispatch)
        assert hash(first) == hash(second)


class TestExports:
    def test_a_new_one(self, machine: Machine) -> None:
        @machine.export("ZwNothing")
        def nothing(first: int, second: int) -> int:
            return first * second

        assert nothing(2, 3) == 6, "the function stays a function"
        assert machine.call("ZwNothing", 6, 7) == Returned(42)

    def test_one_of_the_kernels_own_is_replaced(self, machine: Machine) -> None:
        records = []

        @machine.export("RtlRaiseException")
        def note(record: int) -> None:
            records.append(record)

        outcome = machine.call("RtlRaiseException", 0x1234)
        assert outcome == Returned(0)
        assert records == [0x1234]

    def test_it_may_look_at_memory(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"seen")

        @machine.export("ZwLook")
        def look(address: int) -> int:
            assert address == buffer.address
            buffer.write(b"done")
            return int.from_bytes(buffer.read(4), "little")

        assert machine.call("ZwLook", buffer) == Returned(int.from_bytes(b"done", "little"))


def test_user_stack(machine: Machine) -> None:
    stack = machine.user_stack
    assert machine.user.state(stack.limit) == "resident, rw"
    assert machine.user.state(stack.guard) == "guard"
    assert stack.guard < stack.limit < stack.base
