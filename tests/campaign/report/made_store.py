# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores with verdicts that a test makes up, of real sweeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from emu.campaign import format_replay_id
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.report import CampaignResults
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.store import Row, Store
from emu.faults import BufferPlace
from emu.profile import Profile

Judge: TypeAlias = Callable[[CopyCase], Verdict]

TAIL = Verdict(VerdictClass.WRONG_DATA, "byte 6 landed although its page was gone & <none> of it may")
GUARDED = Verdict(VerdictClass.BUGCHECK, "bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA")
LOST = Verdict(VerdictClass.EMULATOR_ERROR, "the worker process died")


def first_byte(case: CopyCase) -> int | None:
    """The byte that the first fault of a case is at."""
    if not case.faults:
        return None
    assert isinstance(case.faults[0].place, BufferPlace)
    return case.faults[0].place.offset


def judged(case: CopyCase) -> Verdict:
    """A routine with two bugs, and one experiment that ends its worker."""
    if first_byte(case) == 6 and case.length == 7:
        return TAIL
    if case.faults and case.faults[0].kind == "guard" and case.target_offset % 16 == 2 and case.length > 8:
        return GUARDED
    if not case.faults and (case.length, case.source_offset, case.target_offset) == (3, 1, 0):
        return LOST
    return CORRECT


def small_sweep(**settings: Any) -> CopySweep:
    """Two profiles, lengths 0 to 12, 4 × 4 offsets, two faults at every byte, and none."""
    given: dict[str, Any] = {
        "lengths": Axis.parse("0-12"),
        "source_offsets": Axis.parse("0-3"),
        "target_offsets": Axis.parse("0-3"),
        "profiles": (Profile("nehalem"), Profile("skylake-server")),
        "faults": parse_fault_choices(["none@every-byte,guard@every-byte,"]),
    }
    return CopySweep(**{**given, **settings})


def make_store(path: Path, sweep: CopySweep, judge: Judge = judged, done: range | None = None) -> CampaignResults:
    """Write a store, of all of a sweep or of some positions, and open it."""
    numbers = sweep.numbers()
    positions = range(len(numbers)) if done is None else done
    rows = []
    for position in positions:
        verdict = judge(sweep.case(numbers[position]))
        if verdict is not CORRECT:
            identity = format_replay_id(sweep.experiment(numbers[position]))
            rows.append(Row(numbers[position], verdict, identity))
    with Store.create(path, Campaign.of(sweep.to_json()), len(numbers)) as store:
        store.record(positions, rows)
        if rows:
            store.set_minimal([(rows[0].number, rows[-1].replay_id)])
    return CampaignResults(Store.open(path))
