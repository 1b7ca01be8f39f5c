# SPDX-License-Identifier: GPL-2.0-or-later
"""Results by profile, fault template and length."""

from collections import Counter
from pathlib import Path

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.report.groups import MOST_KEPT, groups
from tests.campaign.report.made_store import make_store, small_sweep


def test_groups_hold_every_result_once(tmp_path: Path) -> None:
    campaign = make_store(tmp_path / "c.store", small_sweep(sample=1500, seed=4))
    found = list(groups(campaign))
    assert len({(group.profile, group.faults, group.length) for group in found}) == len(found)
    assert sum((group.counts for group in found), Counter()) == +Counter(campaign.counts)
    for group in found:
        assert group.failures == group.done - group.counts[VerdictClass.CORRECT]
        assert len(group.failing) == min(group.failures, MOST_KEPT)
        assert all(campaign.case(result.number).length == group.length for result in group.failing)


def test_groups_are_in_the_order_of_the_plan(tmp_path: Path) -> None:
    found = list(groups(make_store(tmp_path / "c.store", small_sweep())))
    assert [group.length for group in found] == [*range(13)] * 6
    assert [group.faults for group in found[::13]] == ["none@every-byte", "guard@every-byte", ""] * 2
    assert [group.profile for group in found[::39]] == ["nehalem", "skylake-server"]
