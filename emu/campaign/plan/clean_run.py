# SPDX-License-Identifier: GPL-2.0-or-later
"""Clean runs: what a routine does without a fault, taken from a trace."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from emu.campaign.experiment.content import Content, Pattern
from emu.campaign.experiment.copy_experiment import DEFAULT_ROUTINE, CopyExperiment, load_images
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.measure import Access
from emu.machine import DEFAULT_BUDGET, Machine
from emu.profile import Profile

if TYPE_CHECKING:
    from emu.trace import Trace

_KEPT: Final = 1 << 18
"""Accesses of clean runs that are kept."""


class _CleanRun(NamedTuple):
    accesses: tuple[Access, ...]
    instructions: int


class CleanRuns:
    """Runs a routine on machines of its own, one a profile, and keeps what it saw last. It is a `Measure`."""

    def __init__(
        self,
        routine: str = DEFAULT_ROUTINE,
        images: tuple[str, ...] = (),
        data: Content | None = None,
        budget: int = DEFAULT_BUDGET,
    ) -> None:
        self._routine = routine
        self._images = images
        self._data = data if data is not None else Pattern()
        self._budget = budget
        self._machines: dict[Profile, Machine] = {}
        self._runs: OrderedDict[CopyCase, _CleanRun] = OrderedDict()
        self._kept = 0

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        """Return the accesses to source and target, in order. Raises what `CopyExperiment.run` raises."""
        return self._run(case).accesses

    def instructions(self, case: CopyCase) -> int:
        """Return how many instructions are executed up to the return. Raises what `CopyExperiment.run` raises."""
        return self._run(case).instructions

    def close(self) -> None:
        """Give the machines back."""
        for machine in self._machines.values():
            machine.close()
        self._machines.clear()

    def _run(self, case: CopyCase) -> _CleanRun:
        case = case._replace(faults=())
        run = self._runs.get(case)
        if run is None:
            run = self._runs[case] = self._trace(case)
            self._kept += len(run.accesses) + 1
            while self._kept > _KEPT and len(self._runs) > 1:
                _, oldest = self._runs.popitem(last=False)
                self._kept -= len(oldest.accesses) + 1
        else:
            self._runs.move_to_end(case)
        return run

    def _trace(self, case: CopyCase) -> _CleanRun:
        experiment = CopyExperiment(
            routine=self._routine,
            length=case.length,
            source_offset=case.source_offset,
            target_offset=case.target_offset,
            profile=case.profile,
            data=self._data,
            irql=case.irql,
            budget=self._budget,
        )
        machine = self._machine(case.profile)
        try:
            with machine.trace() as trace:
                result = experiment.run(machine)
            buffers = {SOURCE: (result.source_address, case.length), TARGET: (result.target_address, case.length)}
            return _CleanRun(tuple(_accesses(trace, buffers)), _instructions(trace))
        finally:
            machine.reset()

    def _machine(self, profile: Profile) -> Machine:
        machine = self._machines.get(profile)
        if machine is None:
            machine = Machine(profile)
            load_images(machine, self._images, self._routine)
            machine.checkpoint()
            self._machines[profile] = machine
        return machine


def _instructions(trace: Trace) -> int:
    """Return how many there are up to the routine's return."""
    codes = trace.instructions["code"]
    caller = trace.code[codes[0]].symbol
    count = len(codes)
    while count > 1 and trace.code[codes[count - 1]].symbol == caller:
        count -= 1
    return count


def _accesses(trace: Trace, buffers: Mapping[str, tuple[int, int]]) -> Iterator[Access]:
    from emu.trace.layout import READ  # noqa: PLC0415 (NumPy takes its time to import)

    touched = {name: [0] * length for name, (_, length) in buffers.items()}
    read = {name: [0] * length for name, (_, length) in buffers.items()}
    table = trace.accesses
    rows = zip(*(table[column].tolist() for column in ("address", "size", "kind")), strict=True)
    for address, size, kind in rows:
        for name, (start, length) in buffers.items():
            first, end = max(address - start, 0), min(address + size - start, length)
            if first >= end:
                continue
            for counts in (touched[name], read[name]) if kind == READ else (touched[name],):
                for byte in range(first, end):
                    counts[byte] += 1
            yield Access(name, first, touched[name][first], read[name][first] if kind == READ else 0)
