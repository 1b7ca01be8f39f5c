# SPDX-License-Identifier: GPL-2.0-or-later
"""A traced call in which faults strike runs again as it ran, and its state can be asked where they did."""

from __future__ import annotations

import random

import pytest

from emu.events import FaultStruck, TrapTaken
from emu.trace import Trace
from tests.conformance.machines import boot
from tests.faults.failing_accesses import Setup, accesses_of
from tests.faults.test_exact_access import INSTRUCTIONS, copying, listed, running
from tests.faults.touching import toucher
from tests.trace.random_code import RandomCode

PROGRAMS: dict[str, Setup] = {
    "copy": copying(67, 4096 - 21),
    **{name: listed(name, 64) for name in INSTRUCTIONS},
    "straddling": listed("loads", 4096 - 3),
    "random 1": running(RandomCode(1, reads_clock=False).assemble, 1),
    "random 2": running(RandomCode(2, reads_clock=False).assemble, 2),
}
PROFILE = "skylake-server,smap=permit"


def clean_run(setup: Setup) -> Trace:
    machine = boot(PROFILE)
    call = setup(machine)
    with machine.trace() as trace:
        call()
    assert len(trace) > 0
    return trace


def traced(setup: Setup, *faults: str) -> tuple[Trace, list[FaultStruck]]:
    machine = boot(PROFILE)
    call = setup(machine)
    for fault in faults:
        machine.inject(fault)
    with machine.trace() as trace:
        call()
    assert len(trace) > 0, "it runs again, and to the same end"
    return trace, [event for event in machine.events if isinstance(event, FaultStruck)]


def index_of(trace: Trace, struck: FaultStruck) -> int:
    """Return the number of the instruction before which a fault struck."""
    event = next(row for row in range(len(trace.events)) if trace.event(row) == struck)
    return int(trace.events["instruction"][event])


@pytest.mark.parametrize("program", PROGRAMS)
def test_faults_at_accesses_that_change_nothing_leave_the_trace_as_it_was(program: str) -> None:
    setup = PROGRAMS[program]
    expected = clean_run(setup)
    accesses = list(accesses_of(expected))
    sample = random.Random(program).sample(accesses, min(len(accesses), 12))
    faults = [f"rwx@{access.address:#x},access={access.number}" for access in sample]
    trace, struck = traced(setup, *faults)
    assert sorted(event.fault for event in struck) == sorted(faults)
    for name in ("rip", "position", "accesses"):
        assert (trace.instructions[name] == expected.instructions[name]).all()
    for name in ("address", "size", "kind", "low", "high", "instruction"):
        assert (trace.accesses[name] == expected.accesses[name]).all()
    by_fault = {event.fault: event for event in struck}
    for access, fault in zip(sample, faults, strict=True):
        index = index_of(trace, by_fault[fault])
        assert int(trace.instructions["rip"][index]) == access.rip == by_fault[fault].rip
        assert trace.state_at(index).registers == expected.state_at(index).registers


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["none", "paged-out", "in-page-error"])
def test_accesses_that_fail(program: str, kind: str) -> None:
    setup = PROGRAMS[program]
    accesses = list(accesses_of(clean_run(setup)))
    for access in random.Random(f"{program}{kind}").sample(accesses, min(len(accesses), 5)):
        trace, struck = traced(setup, f"{kind}@{access.address:#x},access={access.number}")
        assert [event.rip for event in struck] == [access.rip]
        index = index_of(trace, struck[0])
        if index == len(trace):
            assert access.address >> 12 == access.rip >> 12, "the instruction itself is gone"
            continue
        assert int(trace.instructions["rip"][index]) == access.rip
        assert trace.state_at(index).registers["rip"] == access.rip


@pytest.mark.parametrize("program", ["copy", "repeats", "stack", "random 1"])
def test_instructions_behind_which_something_happens(program: str) -> None:
    setup = PROGRAMS[program]
    expected = clean_run(setup)
    rips = expected.instructions["rip"].tolist()
    choose = random.Random(program)
    for fault in ("skip@cpu", "irql=1@cpu", "flip=0x80@rcx", "flip=1@rflags", "flip=0x100@rflags", "flip=8@rsp"):
        number = choose.randrange(1, len(rips))
        trace, struck = traced(setup, f"{fault},insn={number}")
        assert [event.rip for event in struck] == [rips[number]]
        assert trace.instructions["rip"][:number].tolist() == rips[:number]


def test_schedules_and_several_at_once() -> None:
    guest = toucher()
    guest.inject("paged-out@src+0,interval=3", "flip=1@src+0,access=4", "guard@src+9,access=7", "irql=1@cpu,insn=9")
    for _ in range(3):
        with guest.machine.trace() as trace:
            guest.touch(6, "change")
        assert len(trace) > 0
        events = [trace.event(row) for row in range(len(trace.events))]
        assert [event.fault for event in events if isinstance(event, FaultStruck)] == guest.struck


def test_a_trap_of_the_clean_run_between_the_faults() -> None:
    guest = toucher()
    guest.inject("guard@src+0,access=2", "none@src+0,access=5")
    with guest.machine.trace() as trace:
        outcomes = [guest.touch(4) for _ in range(3)]
    assert [made for _, made in outcomes] == [1, 3, 0]
    assert len(trace.calls) == 3
    events = [trace.event(row) for row in range(len(trace.events))]
    assert [event.address for event in events if isinstance(event, TrapTaken)] == [guest.src.address] * 3
