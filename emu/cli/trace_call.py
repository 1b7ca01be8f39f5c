# SPDX-License-Identifier: GPL-2.0-or-later
"""A call that is traced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from emu.campaign.experiment.call_experiment import MODULES_AT_BOOT, CallExperiment
from emu.campaign.experiment.run_result import RunResult
from emu.cli.checks import CallChecks
from emu.cli.code_places import code_address, part_of_code
from emu.cli.mistakes import Mistake
from emu.image import Module
from emu.machine import Machine
from emu.trace import Trace


class TraceFilter(NamedTuple):
    """What is left out of a trace, as given."""

    only: tuple[str, ...] = ()
    begin: str | None = None
    end: str | None = None
    user_only: bool = False
    last: int | None = None


class TracedRun(NamedTuple):
    """A call, its trace, and the modules of the user's own."""

    run: RunResult
    trace: Trace
    own: tuple[Module, ...]


def run_traced(
    call: CallExperiment, selected: TraceFilter | None = None, checks: CallChecks | None = None
) -> TracedRun:
    """Make a call in a trace, checked by `checks`.

    Raises `Mistake` for places that are none, and what `CallExperiment.run` raises.
    """
    selected = selected or TraceFilter()
    if selected.last is not None and selected.last < 1:
        raise Mistake(f"--last {selected.last}: choose 1 or more")
    taken: list[tuple[Trace, tuple[Module, ...]]] = []

    @contextlib.contextmanager
    def watch(machine: Machine) -> Iterator[None]:
        only = [part_of_code(machine, "--only", text) for text in selected.only]
        begin = None if selected.begin is None else code_address(machine, "--begin", selected.begin)
        end = None if selected.end is None else code_address(machine, "--end", selected.end)
        with machine.trace(*only, begin=begin, end=end, user_only=selected.user_only, last=selected.last) as trace:
            taken.append((trace, machine.modules[MODULES_AT_BOOT:]))
            yield

    run = call.run(watch if checks is None else lambda machine: checks.watch(machine, watch))
    return TracedRun(run, *taken[0])
