# SPDX-License-Identifier: GPL-2.0-or-later
"""What every plan promises."""

import json

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.plan.plan import Plan
from emu.campaign.plan.plan_json import plan_from_json
from emu.campaign.plan.what_if import WhatIf
from tests.campaign.what_if_drivers import driver


@pytest.fixture(
    params=[
        CopySweep(),
        CopySweep(lengths=Axis.parse("0-9"), faults=parse_fault_choices(["none@every-byte,"]), sample=20, seed=3),
        WhatIf.measure(driver("leaks_pool").call, pairs=True, sample=5),
    ],
    ids=str,
)
def plan(request: pytest.FixtureRequest) -> Plan:
    chosen: Plan = request.param
    return chosen


def test_the_numbers_ascend_and_each_has_a_case(plan: Plan) -> None:
    numbers = plan.numbers()
    assert list(numbers) == sorted(set(numbers))
    assert len(numbers) <= len(plan)
    for number in numbers:
        case, experiment = plan.case(number), plan.experiment(number)
        assert (case.profile, case.irql, case.faults) == (experiment.profile, experiment.irql, experiment.faults)


def test_its_parts_have_each_number_once_and_what_it_has_in_common(plan: Plan) -> None:
    parts = list(plan.parts())
    assert [number for part in parts for number in part.numbers] == list(range(len(plan)))
    for part in parts:
        for number in part.numbers:
            case = plan.case(number)
            assert case.profile == part.profile
            assert bool(case.faults) == bool(part.faults)


@pytest.mark.parametrize("distance", [0, 1, 1 << 64])
def test_there_are_no_others(plan: Plan, distance: int) -> None:
    for number in (len(plan) + distance, -1 - distance):
        for ask in (plan.case, plan.experiment):
            with pytest.raises(ExperimentError, match=f"case {number} does not exist"):
                ask(number)


def test_its_json_form_names_its_kind_and_is_read_back(plan: Plan) -> None:
    data = json.loads(json.dumps(plan.to_json()))
    assert data["plan"] == plan.kind
    again = plan_from_json(data)
    assert (type(again), str(again), list(again.numbers())) == (type(plan), str(plan), list(plan.numbers()))


def test_its_text_is_one_line(plan: Plan) -> None:
    assert str(plan)
    assert "\n" not in str(plan)
