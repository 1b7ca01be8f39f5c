# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs copies by the thousand: machines that are booted once a profile, and go back to a checkpoint after each copy."""

from __future__ import annotations

from typing import Final

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.campaign.case import CopyCase
from emu.campaign.content import Content, Pattern
from emu.campaign.experiment import DEFAULT_ROUTINE, load_images
from emu.campaign.landing import POISON, RED_ZONE, poison_for
from emu.campaign.observation import Observation, ProcessorNote
from emu.campaign.oracle import Judge, judge_copy
from emu.campaign.placement import SOURCE, TARGET, room_for
from emu.campaign.verdict import Verdict, VerdictClass
from emu.cpu import registers as r
from emu.faults import FaultError
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS, bottom_stack_pointer
from emu.kernel.explanation import Explanation
from emu.kernel.trap_frame import entry_flags
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.buffer import Buffer
from emu.profile import Profile

_RED_ZONE: Final = bytes((POISON,)) * RED_ZONE
_KEPT: Final = 4096
"""Lengths whose content is kept."""


class CopyLaboratory:
    """Runs the cases of one campaign: a routine, its images, its data. Machines are kept; `close` gives them back.

    What a case does here it does as a `CopyExperiment` of the same values, at other addresses. Raises what
    `CopyExperiment.boot` raises, when a profile is first met.
    """

    def __init__(
        self,
        routine: str = DEFAULT_ROUTINE,
        images: tuple[str, ...] = (),
        data: Content | None = None,
        budget: int = DEFAULT_BUDGET,
    ) -> None:
        self._routine = routine
        self._images = images
        self._data = Pattern() if data is None else data
        self._budget = budget
        self._benches: dict[tuple[Profile, bool], _Bench] = {}
        self._contents: dict[int, tuple[bytes, bytes]] = {}

    def observe(self, case: CopyCase) -> Observation:
        """Run a case. Raises `FaultError` for a fault that cannot be armed, `ExperimentError` for data too short."""
        # A machine that has waited for an access is slower from then on.
        kind = case.profile, all(fault.begins_at_once for fault in case.faults)
        bench = self._benches.get(kind)
        if bench is None:
            bench = self._benches[kind] = _Bench(case.profile, self._images, self._routine)
        length = case.length
        prepared = self._contents.get(length)
        if prepared is None:
            prepared = self._prepare(length)
        return bench.observe(case, *prepared, self._budget)

    def judge(self, case: CopyCase, judge: Judge = judge_copy) -> Verdict:
        """Run a case and judge what it left. A fault that cannot be armed is the emulator's error."""
        try:
            observation = self.observe(case)
        except FaultError as error:
            return Verdict(VerdictClass.EMULATOR_ERROR, str(error))
        return judge(observation)

    def _prepare(self, length: int) -> tuple[bytes, bytes]:
        """Return what the source of a length holds, and what the target and its red zones do."""
        content = self._data.read(length)
        if len(self._contents) == _KEPT:
            self._contents.clear()
        prepared = self._contents[length] = content, _RED_ZONE + poison_for(content) + _RED_ZONE
        return prepared

    def close(self) -> None:
        """Give the machines back."""
        for bench in self._benches.values():
            bench.machine.close()
        self._benches.clear()


class _Bench:
    """A machine of one profile, with sources and targets of the sizes that were asked for."""

    def __init__(self, profile: Profile, images: tuple[str, ...], routine: str) -> None:
        machine = self.machine = Machine(profile)
        load_images(machine, images, routine)
        self._system = machine.system
        self._memory = self._system.memory
        self._cpu = self._system.cpu
        self._function = machine.resolve(routine)
        self._locate = Explanation(self._system).locate
        self._flags = entry_flags(r.FLAG_IF, profile.kernel_entry_ac)
        registers = list(REGISTER_SENTINELS)
        registers[r.RAX] = self._function
        registers[r.RSP] = bottom_stack_pointer(self._system)
        self._registers = registers
        self._sources: dict[int, Buffer] = {}
        self._targets: dict[int, Buffer] = {}
        self._expected: frozenset[int] = frozenset()
        machine.checkpoint()

    def observe(self, case: CopyCase, content: bytes, region: bytes, budget: int) -> Observation:
        """Run a case, and go back to the checkpoint."""
        length, source_offset, target_offset, faults, _, irql = case
        memory, cpu = self._memory, self._cpu
        source = self._place(self._sources, source_offset, room_for(faults, SOURCE, length) if faults else length)
        poison = self._place(self._targets, (target_offset - RED_ZONE) % PAGE_SIZE, len(region))
        target = Gva(poison + RED_ZONE)
        try:
            if length:
                memory.write(source, content)
            memory.write(poison, region)
            for fault in faults:
                self.machine.inject(fault, **{SOURCE: source, TARGET: target})
            outcome = self.machine.call_plainly(self._function, (target, source, length), irql=irql, budget=budget)
            registers = self._registers.copy()
            registers[r.RCX], registers[r.RDX], registers[r.R8] = target, source, length
            before = ProcessorNote(tuple(registers), self._flags, r.MXCSR_DEFAULT, XMM_SENTINELS, irql)
            block = cpu.registers
            after = ProcessorNote(tuple(block[:16]), block[r.RFLAGS], cpu.mxcsr, bytes(cpu.xmm), cpu.irql)
            events = self._system.events.copy()
            source_after = memory.read(source, length)
            region_after = memory.read(poison, len(region))
        finally:
            self.machine.reset()
        return Observation(
            case,
            outcome,
            events,
            content,
            source_after,
            region_after,
            source,
            target,
            before,
            after,
            self._unexpected(),
            self._locate,
        )

    def _place(self, buffers: dict[int, Buffer], offset: int, length: int) -> Gva:
        """Return where bytes lie that start so far into a page; behind their last page is an unmapped one."""
        pages = max(1, -(-(offset + length) // PAGE_SIZE))
        buffer = buffers.get(pages) or self._add(buffers, pages)
        return Gva(buffer.origin + offset)

    def _add(self, buffers: dict[int, Buffer], pages: int) -> Buffer:
        """Allocate so many pages, and make them part of the checkpoint."""
        machine, memory, stack = self.machine, self._memory, self._system.stack
        half, name = (machine.user, "source") if buffers is self._sources else (machine.kernel, "target and its poison")
        buffer = buffers[pages] = half.alloc(pages * PAGE_SIZE, name=name)
        machine.checkpoint()
        ranges = [(stack.low, stack.high), *((each.origin, each.origin + each.size) for each in self._targets.values())]
        written = [page for low, high in ranges for page in range(low, high, PAGE_SIZE)]
        self._expected = frozenset(memory.translate(Gva(page)) >> PAGE_SHIFT for page in written)
        return buffer

    def _unexpected(self) -> tuple[Gva, ...]:
        """Return the pages that the copy wrote to and should not have."""
        dirtied = self._system.ram.dirtied
        if self._expected.issuperset(dirtied):
            return ()
        return self._memory.pages_of(frame for frame in dirtied if frame not in self._expected)
