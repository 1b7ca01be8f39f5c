# SPDX-License-Identifier: GPL-2.0-or-later
"""Every broken copy routine is caught, in its class and by its place; no right one is."""

from __future__ import annotations

import pytest

from emu import Profile
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import CORRECT, VerdictClass
from emu.campaign.plan.case import CopyCase
from tests.campaign.routines import Routine, judge, laboratory, observe_elsewhere, parse_sweep, routines

BROKEN, RIGHT = routines("broken"), routines("right")
LIMIT = 0x7FFF_FFFF_0000


@pytest.mark.parametrize("routine", BROKEN, ids=lambda routine: routine.path.stem)
def test_a_broken_routine_is_caught(routine: Routine) -> None:
    """The first verdict of its sweep that is not right has the class and names the place; none says masked."""
    assert routine.sweeps
    for sweep in routine.sweeps:
        wrong = [(case, verdict) for case, verdict in judge(routine, sweep) if verdict != CORRECT]
        assert wrong, f"not caught: {routine.purpose}"
        case, verdict = wrong[0]
        assert verdict.kind is sweep.kind, f"{routine.purpose} {case}: {verdict}"
        assert sweep.detail in verdict.detail, f"{routine.purpose} {case}: {verdict}"
        assert "\n" not in verdict.detail
        assert VerdictClass.MASKED not in [verdict.kind for _, verdict in wrong]


def test_details_name_the_instruction() -> None:
    (routine,) = (routine for routine in BROKEN if routine.path.stem == "over_read_by_vector_load")
    details = [verdict.detail for _, verdict in judge(routine, routine.sweeps[0]) if verdict != CORRECT]
    assert details
    assert all("!OverReadByVectorLoad+0x8: it raised" in detail for detail in details)


SWEEPS = (
    "length=0-40,63-66,127-130,256,300 source=0-15 profile=%s",
    "length=0-40,63-66,130,256 target=0-15 profile=%s",
    "length=0-40,63-66,127-130 source=end profile=%s",
    "length=0-40,64,130 fault=none@every-byte profile=%s",
    "length=1-20,64 fault=guard@every-byte source=3 profile=%s",
    "length=1-20,64 fault=in-page-error@every-byte profile=%s",
    "length=1-20,64 fault=paged-out@every-byte profile=%s",
    "length=33 fault=none@every-byte,access=1 source=0-15 profile=%s",
    "length=33 fault=guard@every-byte,access=1 source=1024 profile=%s",
    "length=33 fault=paged-out@every-byte,access=1 source=1024 profile=%s",
    "length=17,33 fault=none@every-byte fault=none@every-byte,access=1 profile=%s",
    "length=33 fault=none@every-byte,access=1 fault=guard@every-byte,access=1 source=1024 profile=%s",
    "length=33 fault=none@every-byte,access=1 fault=none@dst+9 profile=%s",
    "length=33 fault=flip=0x80@every-byte profile=%s",
    "length=33 fault=flip=0x80@every-byte,access=1 profile=%s",
    *(f"length=33 fault={kind}@dst+{byte} profile=%s" for kind in ("none", "ro", "paged-out") for byte in (0, 9, 32)),
)
FETCHES_TWICE = {"OverlappingVectorTail"}


@pytest.mark.parametrize(
    ("routine", "profile"),
    [
        pytest.param(routine, profile, id=f"{routine.path.stem}-{profile}")
        for routine in RIGHT
        for profile in ("skylake-server", "skylake-server,smap=off", "skylake-server,smap=permit")
        # Only one of them leaves a window open that the caller opened.
        if not profile.endswith("smap=permit") or routine.symbol == "KeepsTheCallersWindow"
    ],
)
def test_a_right_routine_is_not_accused(routine: Routine, profile: str) -> None:
    for text in SWEEPS:
        for case, verdict in judge(routine, parse_sweep(text % profile)):
            assert verdict == CORRECT, f"{case}: {verdict}"


@pytest.mark.parametrize("routine", RIGHT, ids=lambda routine: routine.path.stem)
def test_who_fetches_a_byte_twice_is_told(routine: Routine) -> None:
    """The overlapping vectors fetch some bytes twice, as the contract allows them, and use the second value."""
    verdicts = [verdict for _, verdict in judge(routine, parse_sweep("length=20 fault=flip=0x80@every-byte,access=2"))]
    twice = [verdict.detail for verdict in verdicts if verdict != CORRECT]
    if routine.symbol in FETCHES_TWICE:
        assert [int(detail.split()[1]) for detail in twice] == list(range(4, 16))
        assert all("was fetched twice" in detail for detail in twice)
    else:
        assert twice == []


@pytest.mark.parametrize("routine", RIGHT, ids=lambda routine: routine.path.stem)
@pytest.mark.parametrize("at", ["kernel", LIMIT - 16, LIMIT - 1, LIMIT, 0xFFFF_FFFF_FFFF_FFF0])
def test_a_right_routine_refuses_what_is_not_user_memory(routine: Routine, at: int | str) -> None:
    for length in (0, 2, 17, 32):
        if at == LIMIT - 16 and length == 2:
            continue  # it ends below the limit: nobody refuses it, and no memory is there
        case = CopyCase(length, 0, 0, (), Profile())
        assert judge_copy(observe_elsewhere(routine.symbol, case, at)) == CORRECT, f"length {length}"


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 28
    kinds = {sweep.kind for routine in BROKEN for sweep in routine.sweeps}
    assert kinds == set(VerdictClass) - {VerdictClass.CORRECT, VerdictClass.MASKED, VerdictClass.EMULATOR_ERROR}
    purposes = [routine.purpose for routine in BROKEN]
    assert all(purposes)
    assert len(set(purposes)) == len(purposes)
    assert laboratory(BROKEN[0].symbol) is laboratory(BROKEN[0].symbol)
