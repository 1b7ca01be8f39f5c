# SPDX-License-Identifier: GPL-2.0-or-later
"""The workbench for what-if sweeps: a machine with the call's arguments in place, and the clean run to compare with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.call_experiment import MODULES_AT_BOOT
from emu.campaign.experiment.call_replay_id import format_call_id
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.call_observation import ArgumentNote, BlockNote, CallObservation
from emu.campaign.judge.code_locator import CodeLocator
from emu.campaign.judge.observation import ProcessorNote
from emu.campaign.judge.verdict import Verdict
from emu.campaign.judge.what_if_oracle import judge_what_if
from emu.campaign.plan.what_if import WhatIf
from emu.campaign.run.campaign import Campaign
from emu.cpu import registers as r
from emu.faults import AddressPlace, BufferPlace, Fault
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS, bottom_stack_pointer
from emu.kernel.pool import PoolBlock
from emu.kernel.trap_frame import entry_flags
from emu.outcome import Outcome, Returned

WHAT_IF_WORKBENCH: Final = "emu.campaign.run.what_if_workbench:WhatIfWorkbench"


class WhatIfWorkbench:
    """Judges the experiments of a what-if sweep by their numbers. See `emu.campaign.run.worker.Workbench`.

    Raises `ExperimentError` for a plan that cannot be read and for an oracle, and what `CallExperiment.run` raises.
    """

    def __init__(self, campaign: Campaign) -> None:
        if campaign.oracle:
            raise ExperimentError(f"oracle {campaign.oracle!r}: a what-if sweep has its own judge; leave it out")
        plan = self._plan = WhatIf.from_json(campaign.read_plan())
        call = plan.call
        machine = self._machine = call.boot()
        self._system = machine.system
        self._function = machine.resolve(call.routine)
        self._values, self._buffers = call.place(machine)
        self._locator = CodeLocator(self._system)
        registers = list(REGISTER_SENTINELS)
        registers[r.RSP] = bottom_stack_pointer(self._system)
        flags = entry_flags(r.FLAG_IF, call.profile.kernel_entry_ac)
        self._before = ProcessorNote(tuple(registers), flags, r.MXCSR_DEFAULT, XMM_SENTINELS, call.irql)
        machine.checkpoint()
        self._clean = self.observe(())

    @property
    def clean(self) -> CallObservation:
        """The call in which nothing fails."""
        return self._clean

    def judge(self, number: int) -> Verdict:
        """Run an experiment and judge it. Raises `FaultError` for a fault that cannot be armed."""
        faults = self._plan.faults(number)
        seen = self.observe(faults) if faults else self._clean
        return judge_what_if(seen, self._clean, must_return=self._plan.must_return)

    def replay_id(self, number: int) -> str:
        """Return the replay id of an experiment."""
        return format_call_id(self._plan.experiment(number))

    def close(self) -> None:
        """Give the machine back."""
        self._machine.close()

    def observe(self, faults: tuple[Fault, ...]) -> CallObservation:
        """Make the call with faults, and go back to the checkpoint."""
        machine, system, cpu = self._machine, self._system, self._system.cpu
        apcs = system.apc_disable
        try:
            for fault in faults:
                machine.inject(fault, **self._buffers)
            outcome = self._call()
            after = ProcessorNote(
                tuple(cpu.registers[:16]), cpu.registers[r.RFLAGS], cpu.mxcsr, bytes(cpu.xmm), cpu.irql
            )
            arguments = {name: ArgumentNote(each.address, each.read()) for name, each in self._buffers.items()}
            return CallObservation(
                faults=faults,
                pages=tuple(self._page(fault) for fault in faults),
                outcome=outcome,
                events=system.events.copy(),
                arguments=arguments,
                blocks=self._blocks(outcome, arguments),
                before=self._before,
                after=after,
                apcs_before=apcs,
                apcs_after=system.apc_disable,
                locate=self._locator.instruction,
                locate_call=self._locator.call,
            )
        finally:
            machine.reset()

    def _call(self) -> Outcome:
        call, machine = self._plan.call, self._machine
        if call.guarded:
            return machine.call_plainly(self._function, self._values, irql=call.irql, budget=call.budget)
        return machine.call(self._function, *self._values, guarded=False, irql=call.irql, budget=call.budget)

    def _page(self, fault: Fault) -> Gva | None:
        place = fault.place
        if isinstance(place, BufferPlace):
            return Gva(self._buffers[place.buffer].address + place.offset & -PAGE_SIZE)
        return Gva(place.address & -PAGE_SIZE) if isinstance(place, AddressPlace) else None

    def _blocks(self, outcome: Outcome, arguments: dict[str, ArgumentNote]) -> tuple[BlockNote, ...]:
        outstanding = self._machine.pool.outstanding
        if not outstanding:
            return ()
        read = self._system.memory.read
        contents = [read(block.address, block.size) for block in outstanding]
        elsewhere = [note.content for note in arguments.values()]
        elsewhere += [
            read(Gva(module.base + section.rva), section.virtual_size)
            for module in self._machine.modules[MODULES_AT_BOOT:]
            for section in module.image.sections
            if section.writable
        ]
        if isinstance(outcome, Returned):
            elsewhere.append(outcome.value.to_bytes(8, "little"))
        return tuple(
            BlockNote(block, content, _is_referenced(block, [*elsewhere, *contents[:at], *contents[at + 1 :]]))
            for at, (block, content) in enumerate(zip(outstanding, contents, strict=True))
        )


def _is_referenced(block: PoolBlock, memory: Iterable[bytes]) -> bool:
    end = block.address + max(block.size, 1)
    return any(block.address <= pointer < end for content in memory for pointer in _quadwords(content))


def _quadwords(content: bytes) -> Iterator[int]:
    return iter(memoryview(content)[: len(content) & -8].cast("Q"))
