# SPDX-License-Identifier: GPL-2.0-or-later
"""Confirms the findings of an experiment, which can be run again as often as it takes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from emu.campaign.confirm.aftermath import Aftermath
from emu.campaign.confirm.double_fetch import Answer, Confirmation, confirm_double_fetch, with_confirmation
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.copy_experiment import CopyExperiment
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.checks.builtin.double_fetch import DoubleFetchFinding
from emu.checks.finding import Finding
from emu.faults import Fault, FaultError
from emu.machine import Machine
from emu.memory.buffer import Buffer

_COPY_ARGUMENTS = (TARGET, SOURCE)
"""The memory arguments of a copy, by position."""


def confirm_findings(findings: Iterable[Finding], experiment: CallExperiment | CopyExperiment) -> tuple[Finding, ...]:
    """Return findings, those that running the experiment again can confirm with what came of it."""
    return tuple(_say(finding, experiment) for finding in findings)


def _say(finding: Finding, experiment: CallExperiment | CopyExperiment) -> Finding:
    if not isinstance(finding, DoubleFetchFinding):
        return finding
    return with_confirmation(finding, _confirm(finding, experiment))


def _confirm(finding: DoubleFetchFinding, experiment: CallExperiment | CopyExperiment) -> Confirmation:
    name = _COPY_ARGUMENTS.__getitem__ if isinstance(experiment, CopyExperiment) else "arg{}".format
    try:
        return confirm_double_fetch(finding, lambda faults: _run(experiment, faults), name)
    except FaultError as error:
        return Confirmation(Answer.UNKNOWN, str(error))


def _run(experiment: CallExperiment | CopyExperiment, faults: Sequence[Fault]) -> Aftermath:
    """Run an experiment with some more faults, and read what it left."""
    machines: list[Machine] = []

    @contextlib.contextmanager
    def keep(machine: Machine) -> Iterator[None]:
        machines.append(machine)
        yield

    again = dataclasses.replace(experiment, faults=(*experiment.faults, *faults))
    result = again.run(watch=keep)
    (machine,) = machines
    try:
        return Aftermath.of(machine, result.outcome, _arguments(machine, experiment))
    finally:
        machine.close()


def _arguments(machine: Machine, experiment: CallExperiment | CopyExperiment) -> dict[str, Buffer]:
    """Return the memory arguments by the names that faults have for them; of a copy the source, as its target has no
    buffer of its own."""
    buffers = {buffer.name: buffer for half in (machine.user, machine.kernel) for buffer in half.buffers}
    if isinstance(experiment, CopyExperiment):
        return {SOURCE: buffers["source"]}
    return {name: buffers[name] for name in experiment.memory}
