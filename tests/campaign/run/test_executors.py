# SPDX-License-Identifier: GPL-2.0-or-later
"""The executor goes by what is asked for, or by how much there is to do."""

from typing import Any

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.run.executors import FEW, open_executor
from emu.campaign.run.in_process import InProcessExecutor
from emu.campaign.run.process_pool import ProcessPool, usable_cores


def test_few_experiments_need_no_processes_and_many_take_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_executor(FEW) as executor:
        assert isinstance(executor, InProcessExecutor)
    monkeypatch.setattr("emu.campaign.run.executors.usable_cores", lambda: 3)
    with open_executor(FEW + 1) as executor:
        assert isinstance(executor, ProcessPool)
        assert executor.workers == 3
    assert usable_cores() >= 1


def test_as_many_workers_as_asked_for() -> None:
    with open_executor(10, workers=2) as executor:
        assert isinstance(executor, ProcessPool)
        assert executor.workers == 2
    with open_executor(10**6, workers=1) as executor:
        assert isinstance(executor, InProcessExecutor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "0 workers: choose 1 or more"),
        ({"local_cluster": -1}, "-1 workers of a local cluster: choose 1 or more"),
        (
            {"workers": 2, "scheduler": "tcp://127.0.0.1:9"},
            "--workers and --scheduler each say who runs the experiments; give one of them",
        ),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        open_executor(10, **options)
