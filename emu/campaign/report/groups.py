# SPDX-License-Identifier: GPL-2.0-or-later
"""Results by profile × fault template × length, the parts of a campaign that people name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.plan import PlanPart
from emu.campaign.report.results import CampaignResults, Result

MOST_KEPT: Final = 10
"""Results that are not correct whose text a group keeps, the first ones."""


@dataclass(slots=True)
class Group:
    """The results of one profile, fault template and length."""

    profile: str
    faults: str
    """Empty for no fault."""
    length: int
    counts: Counter[VerdictClass] = field(default_factory=Counter)
    failing: list[Result] = field(default_factory=list)
    """`MOST_KEPT` at most."""

    @property
    def done(self) -> int:
        """How many experiments are done."""
        return sum(self.counts.values())

    @property
    def failures(self) -> int:
        """How many of them are not correct."""
        return self.done - self.counts[VerdictClass.CORRECT]


def groups(campaign: CampaignResults) -> Iterator[Group]:
    """Give the groups that have results, in the order in which their first ones are numbered."""
    found: dict[tuple[PlanPart, int], Group] = {}
    for part, result in campaign.parted():
        length = campaign.case(result.number).length
        group = found.get((part, length))
        if group is None:
            group = found[part, length] = Group(str(part.profile), part.faults, length)
        group.counts[result.verdict] += 1
        if result.verdict is not VerdictClass.CORRECT and len(group.failing) < MOST_KEPT:
            group.failing.append(result)
    yield from found.values()
