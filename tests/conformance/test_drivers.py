# SPDX-License-Identifier: GPL-2.0-or-later
"""guest/driver.c: `__try` as authors write it, compiled for both targets. The way that each routine took is its log."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Returned
from emu.events import (
    ExceptionRaised,
    ExecutionContinued,
    FilterAnswered,
    FinallyRun,
    FrameSearched,
    FrameUnwound,
    Landed,
    PagedIn,
    TrapTaken,
)
from emu.image import Module
from emu.memory.buffer import Buffer
from emu.outcome import Outcome
from tests.conformance.machines import boot, load

TRY, FILTER, EXCEPT, FINALLY, AFTER = 0x10, 0x20, 0x30, 0x40, 0x50
NESTED_CALL = 0x10

WAYS: dict[str, tuple[int, list[int]]] = {
    "handled": (NtStatus.ACCESS_VIOLATION, [TRY | 1, FILTER | 1, EXCEPT | 1]),
    "constant_filter": (NtStatus.ACCESS_VIOLATION, [EXCEPT | 1]),
    "nested_scopes": (7, [FILTER | 3, FINALLY | 1, 1, FINALLY | 2, EXCEPT | 3]),
    "outer_scope": (7, [FILTER | 1, FILTER | 2, EXCEPT | 2]),
    "nested_frames": (7, [FILTER | 0, FINALLY | 1, FINALLY | 2, FINALLY | 3, EXCEPT | 0]),
    "except_faults": (7, [FILTER | 1, EXCEPT | 1, FILTER | 2, EXCEPT | 2]),
    "filter_handles": (NtStatus.ACCESS_VIOLATION, [FILTER | 1, FILTER | 2, EXCEPT | 2, EXCEPT | 1]),
    # After each FILTER: which byte the exception is about, and the record's flags.
    "filter_faults": (
        NtStatus.ACCESS_VIOLATION,
        [FILTER | 1, 0, 0, FILTER | 1, 4, NESTED_CALL, EXCEPT | 1],
    ),
    "nested_flag": (
        NtStatus.ACCESS_VIOLATION,
        [FILTER | 1, 0, 0, FILTER | 1, 4, NESTED_CALL, FILTER | 2, 0, EXCEPT | 2],
    ),
    "collided_unwind": (
        NtStatus.ACCESS_VIOLATION,
        [FILTER | 3, 0, FINALLY | 1, FILTER | 3, 0, FINALLY | 2, EXCEPT | 3],
    ),
    "finally_handles": (
        7,
        [FILTER | 2, FINALLY | 1, TRY | 1, FILTER | 1, EXCEPT | 1, AFTER | 1, EXCEPT | 2],
    ),
    "collided_deep": (
        7,
        [FILTER | 4, FILTER | 5, FINALLY | 1, FILTER | 4, FILTER | 5, FINALLY | 2, FINALLY | 3, EXCEPT | 5],
    ),
    "many_times": (50, [50]),
    "keeps_its_values": (11005, []),
    "big_frame": (2122, [FILTER | 1]),
}
"""What each routine returns, and its log, where its pointer cannot be touched."""


class Driver:
    """The driver in a machine, with a log and a user buffer that nobody can touch."""

    def __init__(self, machine: Machine, optimize: str = "1", target: str = "msvc") -> None:
        self.machine = machine
        self.repairs: Buffer | None = None
        machine.export("DbgPrint")(self.print)
        self.module: Module = load(machine, "driver.c", optimize=optimize, target=target)
        self.log = machine.kernel.alloc(0x100)
        self.bad = machine.user.alloc(64)
        machine.user.protect(self.bad, "none")

    def print(self, text: int) -> None:
        if self.repairs is not None:
            self.machine.user.page_out(self.repairs)

    def run(self, routine: str) -> Outcome:
        return self.machine.call(self.module[routine], self.log, self.bad)

    @property
    def way(self) -> list[int]:
        data = self.log.read()
        numbers = [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]
        return numbers[1 : 1 + numbers[0]]


@pytest.mark.parametrize("optimize", ["0", "1", "2"])
@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("routine", WAYS)
def test_way(machine: Machine, routine: str, target: str, optimize: str) -> None:
    driver = Driver(machine, optimize, target)
    value, way = WAYS[routine]
    outcome = driver.run(routine)
    assert isinstance(outcome, Returned)
    assert outcome.value & 0xFFFF_FFFF == value & 0xFFFF_FFFF
    # AbnormalTermination() reads the mere rcx = 1 of the call.
    assert driver.way == way
    assert not machine._caller.run_loop._waiting, "nothing waits on a stack that is gone"


@pytest.mark.parametrize("routine", sorted(set(WAYS) - {"many_times"}))
def test_the_ninetieth_time_is_the_first(machine: Machine, routine: str) -> None:
    driver = Driver(machine)
    first = driver.run(routine), driver.way, machine.events
    for _ in range(89):
        driver.log.write(bytes(8))
        again = driver.run(routine), driver.way, machine.events
    assert again == first


def test_normal_way_runs_the_finally_too(machine: Machine) -> None:
    driver = Driver(machine)
    good = machine.kernel.alloc(16)
    outcome = machine.call(driver.module["nested_scopes"], driver.log, good)
    assert outcome == Returned(7)
    assert driver.way == [AFTER | 1, FINALLY | 1, 0, AFTER | 2, FINALLY | 2, AFTER | 3]
    assert machine.events == ()


def test_filter_that_always_faults_ends_with_the_stack(machine: Machine) -> None:
    """As in Windows: a level for each fault, until the kernel stack has no room for the next trap."""
    driver = Driver(machine)
    outcome = driver.run("filter_always_faults")
    assert isinstance(outcome, Bugchecked)
    assert (outcome.code, outcome.parameters[0]) == (0x7F, 8)
    assert 5 <= len(driver.way) <= 10
    assert set(driver.way) == {FILTER | 1}


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_filter_repairs_the_page(target: str) -> None:
    """On a model without SMAP, where a plain load of user memory is allowed."""
    machine = boot("nehalem")
    driver = Driver(machine, target=target)
    driver.bad.write(b"\x41")
    driver.repairs = driver.bad
    assert driver.run("repaired_page") == Returned(0x41)
    assert driver.way == [FILTER | 1]
    assert [type(event) for event in machine.events][-4:] == [FilterAnswered, ExecutionContinued, TrapTaken, PagedIn]


def test_events_of_nested_scopes(machine: Machine) -> None:
    driver = Driver(machine)
    driver.run("nested_scopes")
    events = [event for event in machine.events if not isinstance(event, FrameSearched | FrameUnwound)]
    assert [type(event).__name__ for event in events] == [
        "TrapTaken",
        "ExceptionRaised",
        "FilterAnswered",
        "FinallyRun",
        "FinallyRun",
        "Landed",
    ]
    frames = {event.establisher for event in events if isinstance(event, FilterAnswered | FinallyRun | Landed)}
    assert len(frames) == 1, "one function, one frame"
    assert len({event.address for event in events if isinstance(event, FinallyRun)}) == 2


def test_events_of_nested_frames(machine: Machine) -> None:
    driver = Driver(machine)
    driver.run("nested_frames")
    finals = [event.establisher for event in machine.events if isinstance(event, FinallyRun)]
    assert finals == sorted(finals), "innermost first"
    assert len(set(finals)) == 3
    searched = [event.establisher for event in machine.events if isinstance(event, FrameSearched)]
    unwound = [event.establisher for event in machine.events if isinstance(event, FrameUnwound)]
    assert searched == unwound


def test_events_of_a_collided_unwind(machine: Machine) -> None:
    """The second search and the second unwind pass the frames of the first unwind by their own unwind data."""
    driver = Driver(machine)
    driver.run("collided_unwind")
    events = machine.events
    raised = [event for event in events if isinstance(event, ExceptionRaised)]
    assert [event.information[1] - driver.bad.address for event in raised] == [0, 8]
    assert [type(event).__name__ for event in events].count("Landed") == 1
    second = events[events.index(raised[1]) :]
    handlers = {event.handler for event in second if isinstance(event, FrameSearched | FrameUnwound)}
    assert machine._system.kernel["KiCollidedUnwindHandler"] in handlers


def test_stack_is_balanced_after_a_landing(machine: Machine) -> None:
    driver = Driver(machine)
    driver.run("collided_deep")
    after = machine.registers["rsp"]
    machine.call(driver.module["touch"], driver.log)
    assert machine.registers["rsp"] == after
