# SPDX-License-Identifier: GPL-2.0-or-later
"""A workbench without machines: what becomes of an experiment is written in the plan.

`seconds` is what each takes; experiments in `kills` end their process; `errors`, `mistakes` raise; the numbers that
`every` divides are not correct.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from typing import Any

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.runner import WORKER_DIED
from emu.campaign.run.store import Row

MADE: list[MadeWorkbench] = []
"""All that were made in this process."""


class MadeWorkbench:
    def __init__(self, campaign: Campaign) -> None:
        self.plan = campaign.read_plan()
        self.closed = False
        MADE.append(self)
        if self.plan.get("setup") == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if "setup" in self.plan:
            raise {"mistake": ExperimentError, "bug": ZeroDivisionError}[self.plan["setup"]](self.plan["setup"])

    def judge(self, number: int) -> Verdict:
        plan = self.plan
        if "seconds" in plan:
            time.sleep(plan["seconds"])
        if number in plan.get("kills", ()):
            os.kill(os.getpid(), signal.SIGKILL)
        if number in plan.get("errors", ()):
            raise ZeroDivisionError(f"experiment {number}\nin two lines")
        if number in plan.get("mistakes", ()):
            raise ExperimentError(f"experiment {number} cannot be run; choose another")
        return verdict_of(plan, number)

    def replay_id(self, number: int) -> str:
        return f"Made/len={number}"

    def close(self) -> None:
        self.closed = True


def verdict_of(plan: dict[str, Any], number: int) -> Verdict:
    """Return the verdict of an experiment that neither raises nor kills."""
    if "every" not in plan or number % plan["every"]:
        return CORRECT
    return Verdict(VerdictClass(1 + number // plan["every"] % 6), f"{number} is divided by {plan['every']}")


def made(**plan: Any) -> Campaign:
    """Return the campaign of a plan."""
    return Campaign.of(plan, workbench="tests.campaign.made_workbench:MadeWorkbench")


def expected_rows(plan: dict[str, Any], numbers: Iterable[int]) -> list[Row]:
    """Return the rows of all experiments that are not correct."""
    rows = []
    for number in sorted(numbers):
        verdict = verdict_of(plan, number)
        if number in plan.get("kills", ()):
            verdict = WORKER_DIED
        elif number in plan.get("errors", ()):
            verdict = Verdict(VerdictClass.EMULATOR_ERROR, f"ZeroDivisionError: experiment {number} in two lines")
        if verdict.kind:
            rows.append(Row(number, verdict, f"Made/len={number}"))
    return rows
