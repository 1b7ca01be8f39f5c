# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for every run: events in order, nothing that waits is left, the same again is the same."""

import pytest

from emu import Machine, Raised, Returned, Unmodelled
from emu.address import Gva
from emu.events import Event, ExportCalled
from emu.kernel.run_loop import CONTEXT_FLAGS_ALLOWED, FLAGS_CLEARED_IN_HANDLERS
from emu.outcome import Outcome


def code(machine: Machine, text: str) -> Gva:
    buffer = machine.kernel.alloc(bytes.fromhex(text))
    machine.kernel.protect(buffer, "rx")
    return buffer.address


def test_flag_masks() -> None:
    assert FLAGS_CLEARED_IN_HANDLERS == 1 << 8 | 1 << 10 | 1 << 14 | 1 << 16
    assert CONTEXT_FLAGS_ALLOWED & (1 << 8 | 1 << 9 | 1 << 10 | 1 << 18) == 1 << 8 | 1 << 9 | 1 << 10 | 1 << 18
    assert not CONTEXT_FLAGS_ALLOWED & (3 << 12 | 1 << 14 | 1 << 17)


def test_events_are_those_of_the_last_call(machine: Machine) -> None:
    machine.call(0x10)
    assert machine.events
    machine.call("CopyFromUser", 0, 0, 0)
    assert machine.events == ()


def test_export_called_names_who_called(machine: Machine) -> None:
    machine.export("Test")(lambda: 5)
    address = machine.resolve("Test")
    caller = code(machine, f"4883ec28 48b8{address.to_bytes(8, 'little').hex()} ffd0 4883c428 c3")
    assert machine.call(caller) == Returned(5)
    assert machine.events == (ExportCalled("Test", Gva(caller + 16)),)


def test_exception_below_an_export(machine: Machine) -> None:
    """Code that has called an export, and been called by one's caller, unwinds like any other."""
    machine.export("Test")(lambda: 0)
    address = machine.resolve("Test")
    caller = code(machine, f"50 48b8{address.to_bytes(8, 'little').hex()} 4883ec20 ffd0 4883c420 58 8a042510000000 c3")
    outcome = machine.call(caller)
    assert isinstance(outcome, Raised)
    assert outcome.record.fault_address == 0x10


def test_nothing_waits_after_a_run(machine: Machine) -> None:
    waiting = machine._caller.run_loop._waiting
    loop = code(machine, "ebfe")
    for target, guarded in ((0x10, True), (loop, True), (0, False)):
        machine.call(target, guarded=guarded, budget=100)
        assert not waiting


def test_hlt_is_not_modelled(machine: Machine) -> None:
    address = code(machine, "90f4")
    assert machine.call(address) == Unmodelled(
        "`hlt` in guest code waits for an interrupt, and there are none",
        Gva(address + 1),
    )


def test_return_to_the_kernel_where_nothing_waits(machine: Machine) -> None:
    outcome = machine.call(machine._system.kernel["KiDispatchExceptionReturn"])
    assert isinstance(outcome, Unmodelled)
    assert "where nothing waits for it" in outcome.reason


def test_jump_into_the_except_block_of_the_guarded_call(machine: Machine) -> None:
    machine.call(0x10)  # a landing that belongs to another call
    outcome = machine.call(machine._system.kernel["KiGuardedCallCaught"])
    assert isinstance(outcome, Unmodelled)
    assert "__except" in outcome.reason


def scenario(machine: Machine) -> list[tuple[Outcome, tuple[Event, ...], dict[str, int]]]:
    """A little of everything."""
    results = []
    source, target = machine.user.alloc(bytes(range(256))), machine.kernel.alloc(256)
    timestamp = code(machine, "0f31 48c1e220 4809d0 c3")
    for _ in range(3):
        for step in ("copy", "none", "guard", "out", "time"):
            if step == "none":
                machine.user.protect(source, "none")
            elif step == "guard":
                machine.user.guard(source)
            elif step == "out":
                machine.user.page_out(source)
            outcome = machine.call(timestamp) if step == "time" else machine.call("CopyFromUser", target, source, 200)
            results.append((outcome, machine.events, machine.registers))
    results.append((machine.call(0xFFFF_8000_0000_0000), machine.events, machine.registers))
    return results


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server"])
def test_two_machines_do_the_same(profile: str) -> None:
    with Machine(profile) as one, Machine(profile) as two:
        assert scenario(one) == scenario(two)
        used = one._system.memory._frames.mark << 12
        assert bytes(one._system.ram.bytes[:used]) == bytes(two._system.ram.bytes[:used])


def test_after_reset_it_is_the_same_again(machine: Machine) -> None:
    first = scenario(machine)
    for _ in range(3):
        machine.reset()
        assert scenario(machine) == first
