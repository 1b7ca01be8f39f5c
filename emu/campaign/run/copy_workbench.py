# SPDX-License-Identifier: GPL-2.0-or-later
"""The workbench for sweeps over copies: the plan, its laboratory and the judge in one."""

from __future__ import annotations

from emu.campaign.experiment.replay_id import format_replay_id
from emu.campaign.judge.oracle import judge_copy, load_oracle
from emu.campaign.judge.verdict import Verdict
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.laboratory import CopyLaboratory


class CopyWorkbench:
    """Judges the cases of a sweep by their numbers. See `emu.campaign.run.worker.Workbench`.

    Raises `ExperimentError` for a plan or an oracle that cannot be read.
    """

    def __init__(self, campaign: Campaign) -> None:
        plan = self._plan = CopySweep.from_json(campaign.read_plan())
        self._laboratory = CopyLaboratory(plan.routine, plan.images, plan.data, plan.budget)
        self._oracle = load_oracle(campaign.oracle) if campaign.oracle else judge_copy

    def judge(self, number: int) -> Verdict:
        """Run a case and judge it. Raises what `CopyLaboratory.judge` raises, and `OracleError`."""
        return self._laboratory.judge(self._plan.case(number), self._oracle)

    def replay_id(self, number: int) -> str:
        """Return the replay id of a case."""
        return format_replay_id(self._plan.experiment(number))

    def close(self) -> None:
        """Give the machines back."""
        self._laboratory.close()
