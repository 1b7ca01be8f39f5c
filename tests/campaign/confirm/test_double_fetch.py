# SPDX-License-Identifier: GPL-2.0-or-later
"""Every double fetch of tests/checks/double_fetch, run again with bytes flipped between the two fetches."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emu import Machine
from emu.campaign.confirm.aftermath import Aftermath
from emu.campaign.confirm.double_fetch import Answer, Confirmation, confirm_double_fetch, with_confirmation
from emu.campaign.experiment.argument import Memory
from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.faults import Fault
from emu.memory.buffer import Buffer
from tests.checks.double_fetch.test_double_fetch import PROGRAMS, point_at_second
from tests.checks.harness.programs import Program

CONFIRMED = {
    "SizeCheckedThenCopied": "byte 0 of arg0 changed from 0x11 to 0xee in between it leaves 0x92 in byte 17 of arg1",
    "PointerValidatedThenReadAgain": "in between it raises STATUS_ACCESS_VIOLATION",
    "StringLengthThenCopy": "changed from 0x68 to 0x00 in between it leaves 0x00 in byte 0 of arg1, as with neither",
    "FetchInCallee": "in between it leaves 0x92 in byte 17 of arg1, as with neither value throughout",
    "HeaderThenWhole": "in between it returns 0x1; with either value throughout it returns 0x0",
    "DereferencesTwice": "in between it leaves 0x00 in byte 17 of arg1, as with neither value throughout",
    "ReadsBack": "with byte 0 of arg0 changed from 0x05 to 0x00 in between it returns 0x0, which it does not without",
    "CompilerReadsAgain": "in between it returns 0xa11; with either value throughout it returns 0x0",
}
BENIGN = {
    "IgnoresTheSecond": "the call does what it does with one value",
    "ComparesBoth": "the call notices: with byte 0 of arg0 changed from 0x11 to 0x00 in between it returns 0xc000000d",
    "TakesTheSmaller": "the call does what it does with one value",
}


@pytest.fixture(scope="module")
def machine() -> Machine:
    """A machine without checks, on which calls are made again."""
    machine = Machine("skylake-server,smap=permit")
    machine.load(PROGRAMS.image)
    machine.checkpoint()
    return machine


def confirm(machine: Machine, program: Program, finding: DoubleFetchFinding) -> Confirmation:
    def run(faults: Sequence[Fault]) -> Aftermath:
        machine.reset()
        buffers: dict[str, Buffer] = {}
        arguments: list[int | Buffer] = []
        for position, argument in enumerate(program.arguments):
            if isinstance(argument, Memory):
                half = machine.user if argument.half == "user" else machine.kernel
                buffers[f"arg{position}"] = half.alloc(argument.read(), name=f"arg{position}")
                arguments.append(buffers[f"arg{position}"])
            else:
                arguments.append(argument.value)
        if "prepare" in program.settings:
            point_at_second(machine, tuple(arguments))
        for fault in faults:
            machine.inject(fault, **buffers)
        return Aftermath.of(machine, machine.call(program.routine, *arguments), buffers)

    return confirm_double_fetch(finding, run)


def test_every_program_is_here() -> None:
    flagged = {name for name, program in PROGRAMS.all.items() if program.is_flagged}
    assert flagged == {*CONFIRMED, *BENIGN}


@pytest.mark.parametrize("name", [*CONFIRMED, *BENIGN])
def test_what_running_again_says(machine: Machine, name: str) -> None:
    program = PROGRAMS.all[name]
    (finding,) = PROGRAMS.run(program).findings
    assert isinstance(finding, DoubleFetchFinding)
    confirmation = confirm(machine, program, finding)
    assert confirmation.answer is (Answer.CONFIRMED if name in CONFIRMED else Answer.BENIGN), confirmation
    assert ({**CONFIRMED, **BENIGN})[name] in confirmation.reason
    said = with_confirmation(finding, confirmation)
    assert str(said).endswith(str(confirmation))
