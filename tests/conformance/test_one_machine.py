# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine for a long time: the last of ten thousand faults is answered as the first, with resets or without."""

from typing import NamedTuple

import pytest

from emu import Machine, Returned
from emu.events import Event
from emu.outcome import Outcome
from tests.guest.copies import PAGE_STATES, RAISING, BadPage, FaultingCopies

LONGEST = 700
FAULTS = 10_000


class Case(NamedTuple):
    """A copy whose byte `byte` is the first of a page in some state."""

    state: BadPage
    length: int
    byte: int
    target_offset: int


RAISING_CASES = tuple(
    Case(state, length, byte, (length + byte) % 16)
    for state in RAISING
    for length in (1, 16, 37, 64, 65, 128, LONGEST)
    for byte in sorted({0, length // 3, length - 1})
)
COMPLETING_CASES = tuple(
    Case(state, length, length // 2, 3) for state in PAGE_STATES if state.code is None for length in (1, 64, LONGEST)
)


class Answer(NamedTuple):
    """Everything that a call leaves behind."""

    outcome: Outcome
    events: tuple[Event, ...]
    registers: dict[str, int]
    irql: int
    target: bytes
    page: str


def _answer(copies: FaultingCopies, case: Case) -> Answer:
    machine = copies.machine
    machine.user.protect(copies.bad_page, "rw")
    case.state.set(machine, copies.bad_page)
    outcome = copies.call(case.length, case.byte, case.target_offset)
    return Answer(
        outcome,
        machine.events,
        machine.registers,
        machine.irql,
        copies.target.read(),
        machine.user.state(copies.bad_page),
    )


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "skylake-server,smap=permit"])
@pytest.mark.parametrize("resets", [False, True], ids=["no reset", "reset"])
def test_ten_thousand_faults(profile: str, resets: bool) -> None:
    """10,000 faults in a row: each has the outcome, events, registers and memory that its first time had.

    Copies that succeed, some after a page-in, come in between. With resets, each call begins at the checkpoint, and
    the answers are those of the machine without.
    """
    with Machine(profile) as machine, Machine(profile) as untouched:
        copies, reference = FaultingCopies(machine, LONGEST), FaultingCopies(untouched, LONGEST)
        machine.checkpoint()
        cases = (*RAISING_CASES, *COMPLETING_CASES)
        first = {case: _answer(reference, case) for case in cases}
        assert all((type(answer.outcome) is Returned) == (case.state.code is None) for case, answer in first.items())
        faults = 0
        while faults < FAULTS:
            for case in cases:
                answer = _answer(copies, case)
                assert answer == first[case], f"after {faults} faults: {case}"
                faults += case.state.code is not None
                if resets:
                    machine.reset()


def test_reset_undoes_all_of_a_fault() -> None:
    """After a reset source, target, page states and buffers are those of the checkpoint, whatever the fault left."""
    with Machine() as machine:
        copies = FaultingCopies(machine, LONGEST)
        machine.user.guard(copies.bad_page)
        copies.target.write(copies.poison)
        machine.checkpoint()
        before = (copies.source.read(), copies.target.read())
        for case in RAISING_CASES:
            _answer(copies, case)
            copies.source.write(b"changed")
            machine.reset()
            assert (copies.source.read(), copies.target.read()) == before
            assert machine.user.state(copies.bad_page) == "guard"
            assert machine.irql == 0
