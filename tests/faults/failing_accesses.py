# SPDX-License-Identifier: GPL-2.0-or-later
"""Fails the accesses of a traced call one by one: each strikes exactly there, and mended changes nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from emu import Bugchecked, Machine, Raised
from emu.address import PAGE_SIZE
from emu.cpu.trap import ERROR_FETCH
from emu.events import FaultStruck, TrapTaken
from emu.outcome import Outcome
from emu.trace import Trace
from emu.trace.layout import AccessFlag
from tests.conformance.machines import boot, kernel_memory

BUDGET: Final = 100_000


class Access(NamedTuple):
    """An access of the clean run: to the byte at `address` it is the `number`-th."""

    address: int
    number: int
    rip: int
    touched: int
    """The first byte on its page that its instruction touches."""


Setup = Callable[[Machine], Callable[[], Outcome]]


def accesses_of(trace: Trace) -> Iterator[Access]:
    """Give the first and the last byte of every access that was made."""
    seen: Counter[int] = Counter()
    touched: dict[tuple[int, int], int] = {}
    instructions = trace.instructions
    for row in trace.accesses:
        if row["flags"] & AccessFlag.NOT_PERFORMED:
            continue
        index, first, size = int(row["instruction"]), int(row["address"]), int(row["size"])
        for at in range(first, first + size):
            seen[at] += 1
            touched.setdefault((index, at & -PAGE_SIZE), at)
        for at in sorted({first, first + size - 1}):
            yield Access(at, seen[at], int(instructions["rip"][index]), touched[index, at & -PAGE_SIZE])


def state_of(machine: Machine) -> tuple[dict[str, int], int, bytes]:
    return machine.registers, machine.irql, kernel_memory(machine)


def check(profile: str, setup: Setup, at_most: int) -> int:
    """Fail every access of a program in turn, or a sample of them. Returns how many there are."""
    machine = boot(profile)
    call = setup(machine)
    with machine.trace() as trace:
        outcome = call()
    clean = state_of(machine)
    accesses = list(accesses_of(trace))
    sample = accesses if len(accesses) <= at_most else random.Random(at_most).sample(accesses, at_most)
    for access in sample:
        _check_failing(profile, setup, access)
        machine = boot(profile)
        call = setup(machine)
        machine.inject(f"paged-out@{access.address:#x},access={access.number}")
        assert call() == outcome
        assert [type(event) for event in machine.events].count(FaultStruck) == 1
        registers, irql, memory = state_of(machine)
        assert registers == clean[0], access
        assert (irql, memory) == clean[1:], access
    return len(accesses)


def _check_failing(profile: str, setup: Setup, access: Access) -> None:
    machine = boot(profile)
    call = setup(machine)
    machine.inject(f"none@{access.address:#x},access={access.number}")
    outcome = call()
    events = list(machine.events)
    struck = next(event for event in events if isinstance(event, FaultStruck))
    assert struck.rip == access.rip, access
    behind = events[events.index(struck) :]
    trap = next((event for event in behind if isinstance(event, TrapTaken)), None)
    if trap is None:  # the stack went: there is no room for a trap
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x7F
        assert outcome.parameters[2:] == (access.touched, access.rip)
        return
    own_page = access.address & -PAGE_SIZE in (access.rip & -PAGE_SIZE, access.rip + 14 & -PAGE_SIZE)
    if own_page and trap.error_code & ERROR_FETCH:  # the instruction is gone with what it would have touched
        assert trap.rip == access.rip
        return
    assert (trap.vector, trap.rip, trap.address) == (14, access.rip, access.touched), (access, trap)
    assert isinstance(outcome, Raised | Bugchecked)
