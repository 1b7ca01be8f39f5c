# SPDX-License-Identifier: GPL-2.0-or-later
"""CopyFromUser, swept: lengths 0 to 128, every pair of alignments, every byte, four profiles. Nothing is not correct.

That is 34,344,960 cases; CI and the long run each take a sample of them, drawn evenly over the whole. The same with a
million or more: `emu inject --lengths 0-128 --source-offsets 0-15 --target-offsets 0-15 --profiles …`.
"""

from __future__ import annotations

from typing import Final

import pytest

from emu.campaign.experiment.replay_id import format_replay_id
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.run.laboratory import CopyLaboratory
from emu.profile import Profile

PROFILES: Final = ("nehalem", "skylake-server", "epyc-rome", "broadwell,smap=permit")
PAGE_STATES: Final = "none@every-byte,guard@every-byte,in-page-error@every-byte,paged-out@every-byte"
UPSETS: Final = "skip@every-instruction,flip=0x40@rcx+every-instruction,irql=2@every-instruction"
HARMLESS: Final = (VerdictClass.CORRECT, VerdictClass.MASKED)


def sweep(faults: str, count: int, lengths: str = "0-128", seed: int = 0) -> CopySweep:
    return CopySweep(
        lengths=Axis.parse(lengths, "lengths"),
        source_offsets=Axis.parse("0-15", "source offsets"),
        target_offsets=Axis.parse("0-15", "target offsets"),
        profiles=tuple(map(Profile.parse, PROFILES)),
        faults=parse_fault_choices([faults]),
        sample=count,
        seed=seed,
    )


def not_correct(plan: CopySweep, *allowed: VerdictClass) -> list[str]:
    """Return the replay ids of the cases whose verdict is another one, with what is said of them."""
    laboratory = CopyLaboratory()
    found = []
    for number in plan.numbers():
        verdict = laboratory.judge(plan.case(number))
        if verdict.kind not in allowed:
            found.append(f"{verdict.kind.label}: {verdict.detail}: {format_replay_id(plan.experiment(number))}")
    laboratory.close()
    return found


def test_the_whole_is_what_it_is_said_to_be() -> None:
    assert len(sweep(PAGE_STATES, 1)) == 34_344_960


@pytest.mark.parametrize("count", [3_000, pytest.param(200_000, marks=pytest.mark.sweep)])
def test_page_states_at_every_byte(count: int) -> None:
    assert not_correct(sweep(PAGE_STATES, count, seed=count), VerdictClass.CORRECT) == []


@pytest.mark.parametrize("count", [1_000, pytest.param(50_000, marks=pytest.mark.sweep)])
def test_bytes_that_change_before_they_are_read_again(count: int) -> None:
    assert not_correct(sweep("flip=0x80@every-byte,access=2", count), *HARMLESS) == []


@pytest.mark.parametrize("count", [1_000, pytest.param(50_000, marks=pytest.mark.sweep)])
def test_two_page_states_at_once(count: int) -> None:
    pairs = "none@every-byte&guard@every-byte,paged-out@every-byte&in-page-error@every-byte"
    assert not_correct(sweep(pairs, count, lengths="0-24"), VerdictClass.CORRECT) == []


def test_upsets_of_the_processor_are_classified() -> None:
    """They do harm, which is the point; but none is anything that the emulator cannot say what came of."""
    plan = sweep(UPSETS, 400, lengths="20,64")
    laboratory = CopyLaboratory(budget=20_000)
    kinds = {laboratory.judge(plan.case(number)).kind for number in plan.numbers()}
    laboratory.close()
    assert VerdictClass.EMULATOR_ERROR not in kinds
    assert len(kinds) >= 3


def test_an_allocation_that_no_copy_asks_for_fails_without_effect() -> None:
    plan = sweep("no-memory@pool", 5)
    assert len(not_correct(plan, VerdictClass.MASKED)) == 0
