# SPDX-License-Identifier: GPL-2.0-or-later
"""Real sweeps on the workbench: a broken routine fails alike in whatever order and wherever its cases run."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.replay_id import parse_replay_id
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.fault_template import FaultChoice
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.copy_workbench import CopyWorkbench
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.laboratory import CopyLaboratory
from emu.campaign.run.process_pool import ProcessPool
from emu.campaign.run.runner import run_campaign
from emu.campaign.run.store import Row, Store
from emu.campaign.run.worker import close_workbench, run_batch

IMAGE: Final = str(Path(__file__).parents[1] / "broken" / "off_by_one_in_tail.S")
PLAN: Final = CopySweep(
    routine="OffByOneInTail",
    images=(IMAGE,),
    lengths=Axis.parse("0-9", "lengths"),
    source_offsets=Axis.parse("0-1", "source offsets"),
    faults=(FaultChoice.parse(""), FaultChoice.parse("none@every-byte")),
)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """What fails, from a laboratory of its own for each case."""
    found = []
    for number in PLAN.numbers():
        laboratory = CopyLaboratory(PLAN.routine, PLAN.images, PLAN.data, PLAN.budget)
        verdict = laboratory.judge(PLAN.case(number))
        laboratory.close()
        if verdict.kind:
            found.append(Row(number, verdict))
    return found


def test_a_verdict_goes_by_the_number_alone(rows: list[Row]) -> None:
    campaign = Campaign.of(PLAN.to_json(), PLAN.images)
    numbers = list(PLAN.numbers()) * 2
    random.Random(5).shuffle(numbers)
    result = run_batch(campaign, numbers)
    close_workbench()
    assert {row.verdict.kind for row in rows} >= {VerdictClass.WRONG_DATA}
    assert sorted((row.number, row.verdict) for row in result.rows) == sorted(
        (row.number, row.verdict) for row in rows * 2
    )
    for row in result.rows:
        assert parse_replay_id(row.replay_id) == PLAN.experiment(row.number)


def test_processes_find_the_same(tmp_path: Path, rows: list[Row]) -> None:
    stores = []
    for name, executor in (("one", InProcessExecutor()), ("two", ProcessPool(2))):
        with Store.create(tmp_path / name, Campaign.of(PLAN.to_json(), PLAN.images), len(PLAN)) as store, executor:
            run_campaign(PLAN.numbers(), store, executor)
            stores.append(list(store.rows()))
    assert stores[0] == stores[1]
    assert [row[:2] for row in stores[0]] == [row[:2] for row in rows]


def test_the_users_oracle_judges(tmp_path: Path) -> None:
    oracle = tmp_path / "judge.py"
    oracle.write_text("def judge(observation):\n    return observation.case.length != 3 or 'timeout: three'\n")
    campaign = Campaign.of(PLAN.to_json(), PLAN.images, oracle=f"{oracle}:judge")
    found = run_batch(campaign, PLAN.numbers()).rows
    close_workbench()
    assert {row.verdict for row in found} == {(VerdictClass.TIMEOUT, "three")}
    assert [row.number for row in found] == [number for number in PLAN.numbers() if PLAN.case(number).length == 3]


def test_an_oracle_that_fails_stops_the_campaign(tmp_path: Path) -> None:
    oracle = tmp_path / "judge.py"
    oracle.write_text("def judge(observation):\n    return 1 / 0\n")
    campaign = Campaign.of(PLAN.to_json(), PLAN.images, oracle=f"{oracle}:judge")
    with pytest.raises(ExperimentError, match=r"judge\.py:judge.*ZeroDivisionError"):
        run_batch(campaign, PLAN.numbers())


def test_a_routine_that_is_not_there_stops_the_campaign() -> None:
    plan = CopySweep(routine="OffByTwo", images=PLAN.images)
    with pytest.raises(ExperimentError, match=r"none of .* has a routine 'OffByTwo'"):
        run_batch(Campaign.of(plan.to_json()), plan.numbers())
    with pytest.raises(ExperimentError, match="there is no routine 'CopyFromUzer'; nearest: CopyFromUser"):
        run_batch(Campaign.of(CopySweep(routine="CopyFromUzer").to_json()), range(1))


def test_a_plan_that_is_none_is_refused() -> None:
    with pytest.raises(ExperimentError, match="plan"):
        CopyWorkbench(Campaign("{}", "{}"))
