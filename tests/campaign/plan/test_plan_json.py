# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans of any kind, read from what a store keeps."""

from typing import Any

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.plan_json import plan_from_json


def test_the_kind_says_what_it_is() -> None:
    plan = CopySweep("f", sample=3)
    assert plan_from_json(plan.to_json()) == plan


@pytest.mark.parametrize("data", [None, [], {}, {"plan": 3}, {"plan": ["copy-sweep"]}, {"plan": "later"}])
def test_other_kinds_are_refused(data: Any) -> None:
    with pytest.raises(ExperimentError, match=r"is no kind of plan that this version knows \(copy-sweep, what-if\)"):
        plan_from_json(data)


def test_what_is_wrong_with_a_plan_is_said() -> None:
    with pytest.raises(ExperimentError, match="plan: 'seed' is missing"):
        plan_from_json({name: value for name, value in CopySweep().to_json().items() if name != "seed"})
