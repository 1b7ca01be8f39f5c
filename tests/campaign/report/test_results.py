# SPDX-License-Identifier: GPL-2.0-or-later
"""What the reports read: every result once, in order, with its part of the plan."""

from pathlib import Path

import pytest

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.report import Result
from tests.campaign.report.made_store import judged, make_store, small_sweep


@pytest.mark.parametrize(("sample", "done"), [(None, None), (500, None), (None, range(100, 3000)), (500, range(7, 90))])
def test_every_result_once_in_order(tmp_path: Path, sample: int | None, done: range | None) -> None:
    sweep = small_sweep(sample=sample, seed=5)
    campaign = make_store(tmp_path / "c.store", sweep, done=done)
    numbers = sweep.numbers()
    expected = [numbers[position] for position in done or range(len(numbers))]
    found = list(campaign.parted())
    assert [result.number for _, result in found] == expected
    for part, result in found:
        case = sweep.case(result.number)
        assert (result.verdict, result.explanation) == judged(case)
        assert bool(result.replay_id) is (result.verdict is not VerdictClass.CORRECT)
        assert result.number in part.numbers
        assert part.profile == case.profile
        kinds = [part.faults.partition("@")[0]] if part.faults else []
        assert kinds == [fault.kind for fault in case.faults]
    assert campaign.done == len(expected)
    assert campaign.failures == sum(result.verdict is not VerdictClass.CORRECT for _, result in found)
    assert campaign.planned == len(numbers)


def test_results_that_are_not_correct_are_read_alone(tmp_path: Path) -> None:
    campaign = make_store(tmp_path / "c.store", small_sweep())
    assert list(campaign.failing()) == [each for each in campaign.results() if each.verdict is not VerdictClass.CORRECT]
    first = next(campaign.failing())
    assert first.minimal_id == list(campaign.failing())[-1].replay_id
    assert next(campaign.results()) == Result(0, VerdictClass.CORRECT)


def test_facts_name_what_was_swept_and_with_what(tmp_path: Path) -> None:
    facts = dict(make_store(tmp_path / "c.store", small_sweep(sample=50, seed=9)).facts)
    assert facts["lengths"] == "0-12"
    assert facts["profiles"] == "nehalem, skylake-server"
    assert facts["faults"] == "none@every-byte, guard@every-byte, no fault"
    assert facts["sample"] == "50 of 6,240, drawn with seed 9"
    assert {"emu", "engine"} <= set(facts)
    assert facts["store"] == "c.store"
    assert "oracle" not in facts
