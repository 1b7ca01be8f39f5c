# SPDX-License-Identifier: GPL-2.0-or-later
"""The default checks over every program: they find what a program means to do wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from emu import Machine, build_guest
from emu.checks.finding import Finding
from tests.conformance.seh.programs import LEVELS, PROGRAMS, TARGETS, Program

PROFILES: Final = ("skylake-server,smap=permit", "skylake-server", "nehalem", "icelake-server,primitives=kernel")

STEPPED: Final = (
    *("leaf_without_codes", "step_chained", "step_chained_frame_register", "step_epilogues", "step_frame_registers"),
    *("step_saves", "step_tail_calls", "step_version_2"),
)
"""Their step_frame loads every register and steps on, to see what an unwind from there brings back."""

MEANT: Final = {
    **{(name, target): {"nonvolatile-registers"} for name in STEPPED for target in TARGETS},
    **{("step_frame_registers", target): {"nonvolatile-registers", "stack"} for target in TARGETS},  # a `ret 10h`
    ("fault_in_try_body", "gnu"): {"unguarded-user-access"},  # the target covers calls, and no access of the body
    ("locals_at_the_fault", "gnu"): {"unguarded-user-access"},
}
"""What is found in programs, by name and target; besides, most fault at an address of no user memory."""


@pytest.fixture(
    scope="module", params=[PROFILES[0], *(pytest.param(each, marks=pytest.mark.sweep) for each in PROFILES[1:])]
)
def checked(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine with the default checks."""
    with Machine(request.param, checks="default") as machine:
        yield machine


def faults_on_purpose(finding: Finding) -> bool:
    """Tell whether a finding is the program's own fault: an access where there is no user memory."""
    return finding.check == "direct-user-access" and any(line.startswith("touching 0x") for line in finding.evidence)


@pytest.mark.parametrize(
    "level", [pytest.param(each, marks=[] if each == "1" else pytest.mark.sweep) for each in LEVELS]
)
@pytest.mark.parametrize("target", ["msvc", pytest.param("gnu", marks=pytest.mark.sweep)])
@pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
def test_nothing_else_is_found(checked: Machine, program: Program, target: str, level: str) -> None:
    checked.reset()
    module = checked.load(build_guest([program.path], optimize=level, target=target))
    checked.call(module[program.name])
    found = [finding for finding in checked.findings if not faults_on_purpose(finding)]
    assert {finding.check for finding in found} == MEANT.get((program.name, target), set()), "\n".join(map(str, found))
