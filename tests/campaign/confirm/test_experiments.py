# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of experiments, confirmed by running these again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from emu import Machine
from emu.campaign.confirm.experiments import confirm_findings
from emu.campaign.experiment.argument import parse_argument
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.copy_experiment import CopyExperiment, load_images
from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.checks.finding import Finding, Place
from emu.profile import Profile
from tests.checks.double_fetch.test_double_fetch import PROGRAMS

PERMISSIVE = Profile("skylake-server", "permit")

COPIES_TWICE = """
// SPDX-License-Identifier: MIT
#include <usermode_accessors.h>

void copies_twice(unsigned char *to, const unsigned char *from, SIZE_T length)
{
    CopyFromUser(to, from, length);
    if (to[0] & 0x80)
        return;
    CopyFromUser(to, from, length);
    to[1] = 0xAA;
}
"""


def findings_of(experiment: CallExperiment | CopyExperiment) -> tuple[Finding, ...]:
    """Run an experiment with the check."""
    machine = Machine(experiment.profile, checks=["double-fetch"])
    if isinstance(experiment, CopyExperiment):
        load_images(machine, experiment.images, experiment.routine)
        experiment.run(machine)
    else:
        for image in experiment.images:
            machine.load(image)
        values, _ = experiment.place(machine)
        machine.call(experiment.routine, *values)
    return machine.findings


def call(routine: str, *arguments: str) -> CallExperiment:
    return CallExperiment(
        routine, tuple(map(parse_argument, arguments)), profile=PERMISSIVE, images=(str(PROGRAMS.image),)
    )


@pytest.mark.parametrize(("routine", "answer"), [("SizeCheckedThenCopied", "confirmed"), ("TakesTheSmaller", "benign")])
def test_calls(routine: str, answer: str) -> None:
    experiment = call(routine, "user:64", "kernel:64")
    (finding,) = confirm_findings(findings_of(experiment), experiment)
    assert isinstance(finding, DoubleFetchFinding)
    assert finding.answer == answer
    assert f"\n  {answer}: " in str(finding)


def test_a_copy(tmp_path: Path) -> None:
    source = tmp_path / "copies_twice.c"
    source.write_text(COPIES_TWICE)
    experiment = CopyExperiment("copies_twice", length=16, images=(str(source),))
    first, *_ = confirm_findings(findings_of(experiment), experiment)
    assert isinstance(first, DoubleFetchFinding)
    assert first.answer == "confirmed"
    assert "byte 0 of src" in first.evidence[-1]


def test_bytes_of_no_argument_cannot_be_flipped() -> None:
    experiment = call("SizeCheckedThenCopied", "user:64", "kernel:64")
    (finding,) = findings_of(experiment)
    assert isinstance(finding, DoubleFetchFinding)
    (said,) = confirm_findings([dataclasses.replace(finding, fetched=())], experiment)
    assert "not confirmed: the bytes are in no buffer that the call was given" in str(said)


def test_other_findings_stay_as_they_are() -> None:
    finding = Finding("irql", "too high", Place(0x1000, "somewhere"))  # type: ignore[arg-type]
    assert confirm_findings([finding], call("SizeCheckedThenCopied")) == (finding,)
