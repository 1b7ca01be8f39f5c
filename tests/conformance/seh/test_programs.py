# SPDX-License-Identifier: GPL-2.0-or-later
"""Every program of this directory on the emulated kernel, at each optimisation level and for both targets."""

from __future__ import annotations

import pytest

from emu import Bugchecked, Machine, Raised, Returned, build_guest
from emu.outcome import Outcome
from tests.conformance.seh.programs import LEVELS, PROGRAMS, TARGETS, Program

BUILDS = [
    pytest.param(program, level, target, id=f"{program.name}-O{level}-{target}")
    for program in PROGRAMS
    for target in TARGETS
    for level in (LEVELS if program.path.suffix == ".c" else LEVELS[:1])
]


def describe(outcome: Outcome) -> str:
    """Return the last line of a program's expectation: how it ended."""
    match outcome:
        case Returned(value):
            return f"returned {value & 0xFFFF_FFFF:X}"
        case Raised(record):
            return f"raised {record.code:08X}"
        case Bugchecked(code, parameters):
            return f"bugchecked {code:X} {' '.join(f'{value:X}' for value in parameters[:1])}"
    return str(outcome)


@pytest.mark.parametrize(("program", "level", "target"), BUILDS)
def test_program(machine: Machine, program: Program, level: str, target: str) -> None:
    image = build_guest([program.path], optimize=level, target=target)
    module = machine.load(image)
    outcome = machine.call(module[program.name])
    happened = ("".join(machine.debug_output) + describe(outcome)).splitlines()
    assert happened == list(program.expects(target)), str(outcome)
    assert not machine.pool.outstanding
    assert machine.irql == 0
