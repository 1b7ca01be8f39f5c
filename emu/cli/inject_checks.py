# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu inject --checks`: the checks of some of the experiments of a campaign, drawn evenly over the whole.

With `--json` there are the keys of emu/cli/checks.py, and `checked`: how many experiments were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import RenderableType

from emu.campaign import DEFAULT_ROUTINE, CopyExperiment, format_replay_id
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import format_call_id
from emu.campaign.plan.plan import Plan
from emu.cli.checks import SelectedChecks
from emu.cli.words import plural

SAMPLED: Final = 64
"""Experiments that are run once more, on machines of their own, to be checked."""


class SampledChecks:
    """The checks of a campaign. Raises what `SelectedChecks` raises."""

    def __init__(self, selection: str) -> None:
        self._selected = SelectedChecks(selection)
        self._checked = self._total = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found but what has been shown to do no harm."""
        return self._selected.clean

    def run(self, plan: Plan) -> None:
        """Run the experiments again and check them. Raises what running one raises."""
        numbers = plan.numbers()
        self._total = len(numbers)
        step = max(1, -(-self._total // SAMPLED))
        for number in numbers[::step]:
            experiment = plan.experiment(number)
            if isinstance(experiment, CallExperiment):
                self._check(experiment, format_call_id(experiment), {})
            else:
                self._check(experiment, format_replay_id(experiment), {experiment.routine: DEFAULT_ROUTINE})
            self._checked += 1

    def _check(self, experiment: CallExperiment | CopyExperiment, replay: str, accessors: Mapping[str, str]) -> None:
        experiment.run(watch=lambda machine: self._selected.watch(machine, replay, accessors, None))
        self._selected.confirm(experiment, replay)

    def sections(self) -> Iterator[RenderableType]:
        """Return what there is to see of them."""
        yield from self._selected.sections(f"{self._checked:,} of {plural(self._total, 'experiment')} checked")

    def data(self) -> dict[str, Any]:
        """Return the same as JSON."""
        return {**self._selected.data(), "checked": self._checked}
