# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker keeps its workbench, makes verdicts of what the emulator cannot run, and stops for the user's mistakes."""

import pickle
from array import array
from collections.abc import Iterator

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.worker import close_workbench, name_experiment, run_batch
from tests.campaign.made_workbench import MADE, expected_rows, made


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    MADE.clear()
    yield
    close_workbench()


def test_the_rows_are_those_that_are_not_correct() -> None:
    campaign = made(every=7)
    for numbers in (range(100), array("Q", [3, 77, 14, 10**12 * 7])):
        result = run_batch(campaign, numbers)
        assert sorted(result.rows) == expected_rows(campaign.read_plan(), numbers)
        assert pickle.loads(pickle.dumps(result)) == result
    assert [row.number for row in result.rows] == [77, 14, 7 * 10**12]


def test_the_workbench_is_kept_until_another_campaign_comes() -> None:
    run_batch(made(every=7), range(3))
    run_batch(made(every=7), range(3))
    assert name_experiment(made(every=7), 5) == "Made/len=5"
    assert len(MADE) == 1
    assert not MADE[0].closed
    run_batch(made(every=8), range(3))
    assert [each.closed for each in MADE] == [True, False]
    close_workbench()
    assert MADE[1].closed


def test_what_the_emulator_cannot_run_is_a_verdict_and_the_next_one_has_a_workbench_of_its_own() -> None:
    campaign = made(every=5, errors=[3, 4])
    assert run_batch(campaign, range(8)).rows == expected_rows(campaign.read_plan(), range(8))
    assert [each.closed for each in MADE] == [True, True, False]


def test_a_mistake_stops_the_batch() -> None:
    with pytest.raises(ExperimentError, match="experiment 3 cannot be run; choose another"):
        run_batch(made(mistakes=[3]), range(8))
    assert MADE[0].closed


@pytest.mark.parametrize(
    ("setup", "error", "message"),
    [("mistake", ExperimentError, "mistake"), ("bug", RuntimeError, "ZeroDivisionError: bug")],
)
def test_what_goes_wrong_in_setting_up_can_be_sent_to_another_process(
    setup: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        run_batch(made(setup=setup), ())
    assert type(pickle.loads(pickle.dumps(raised.value))) is error


def test_a_worker_with_other_versions_takes_no_part() -> None:
    campaign = Campaign("{}", '{"emu":"9.9"}', "tests.campaign.made_workbench:MadeWorkbench")
    with pytest.raises(ExperimentError, match=r"begun with emu 9\.9"):
        run_batch(campaign, range(3))
    assert not MADE
