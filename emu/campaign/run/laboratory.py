# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs copies by the thousand: machines that are booted once a profile, and go back to a checkpoint after each copy."""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.campaign.experiment.content import Content, Pattern
from emu.campaign.experiment.copy_experiment import DEFAULT_ROUTINE, CopyExperiment, load_images
from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
from emu.campaign.experiment.placement import SOURCE, TARGET, room_for
from emu.campaign.judge.observation import Observation, ProcessorNote
from emu.campaign.judge.oracle import Judge, judge_copy
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.cpu import registers as r
from emu.faults import BufferPlace, Fault, FaultError
from emu.faults.fault import PAGE_STATES
from emu.faults.page_state import set_page_state
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS, bottom_stack_pointer
from emu.kernel.explanation import Explanation
from emu.kernel.trap_frame import entry_flags
from emu.machine import DEFAULT_BUDGET, Machine
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


def judge_experiment(experiment: CopyExperiment) -> Verdict:
    """Judge one copy as a campaign does, on a machine of its own. Raises what `CopyLaboratory.observe` raises."""
    laboratory = CopyLaboratory(experiment.routine, experiment.images, experiment.data, experiment.budget)
    case = CopyCase(
        experiment.length,
        experiment.source_offset,
        experiment.target_offset,
        experiment.faults,
        experiment.profile,
        experiment.irql,
    )
    try:
        return laboratory.judge(case)
    finally:
        laboratory.close()


class _Room(NamedTuple):
    """Pages of a bench's, in one piece of guest RAM, an unmapped page on both sides."""

    address: int
    physical: int


class _Bench:
    """A machine of one profile, with rooms for sources and targets of the sizes that were asked for."""

    def __init__(self, profile: Profile, images: tuple[str, ...], routine: str) -> None:
        machine = self.machine = Machine(profile)
        load_images(machine, images, routine)
        self._system = machine.system
        self._memory = self._system.memory
        self._ram = self._system.ram
        self._cpu = self._system.cpu
        self._function = machine.resolve(routine)
        self._locate = Explanation(self._system).locate
        self._flags = entry_flags(r.FLAG_IF, profile.kernel_entry_ac)
        registers = list(REGISTER_SENTINELS)
        registers[r.RAX] = self._function
        registers[r.RSP] = bottom_stack_pointer(self._system)
        self._registers = registers
        self._sources: dict[int, _Room] = {}
        self._targets: dict[int, _Room] = {}
        stack = self._system.stack
        self._expected = self._frames(stack.low, stack.high)
        """The frames that a copy may write to."""
        machine.checkpoint()

    def observe(self, case: CopyCase, content: bytes, region: bytes, budget: int) -> Observation:
        """Run a case, and go back to the checkpoint."""
        length, source_offset, target_offset, faults, _, irql = case
        cpu, ram = self._cpu, self._ram.bytes
        room = room_for(faults, SOURCE, length) if faults else length
        source, source_at = self._place(self._sources, source_offset, room)
        poison, region_at = self._place(self._targets, (target_offset - RED_ZONE) % PAGE_SIZE, len(region))
        source_end, region_end = source_at + length, region_at + len(region)
        target = Gva(poison + RED_ZONE)
        try:
            ram[source_at:source_end] = content
            ram[region_at:region_end] = region
            self._mark_written(source_at, source_end)
            self._mark_written(region_at, region_end)
            for fault in faults:
                self._arm(fault, source, target)
            outcome = self.machine.call_plainly(self._function, (target, source, length), irql=irql, budget=budget)
            registers = self._registers.copy()
            registers[r.RCX], registers[r.RDX], registers[r.R8] = target, source, length
            before = ProcessorNote(tuple(registers), self._flags, r.MXCSR_DEFAULT, XMM_SENTINELS, irql)
            block = cpu.registers
            after = ProcessorNote(tuple(block[:16]), block[r.RFLAGS], cpu.mxcsr, bytes(cpu.xmm), cpu.irql)
            events = self._system.events.copy()
            source_after = bytes(ram[source_at:source_end])
            region_after = bytes(ram[region_at:region_end])
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

    def _mark_written(self, begin: int, end: int) -> None:
        for frame in range(begin >> PAGE_SHIFT, (end - 1 >> PAGE_SHIFT) + 1):
            self._ram.host_written[frame] = 1

    def _arm(self, fault: Fault, source: Gva, target: Gva) -> None:
        """Arm a fault, without detours where it is the state of a page of the case's own."""
        place = fault.place
        if fault.begins_at_once and fault.kind in PAGE_STATES and isinstance(place, BufferPlace):
            address = Gva((target if place.buffer == TARGET else source) + place.offset)
            if place.buffer in (SOURCE, TARGET) and self._memory.has_page(address):
                set_page_state(self._memory, address, fault)
                return
        self.machine.inject(fault, **{SOURCE: source, TARGET: target})

    def _place(self, rooms: dict[int, _Room], offset: int, length: int) -> tuple[Gva, int]:
        """Return where bytes lie, virtually and in RAM, that start so far into the first page of a room."""
        pages = max(1, -(-(offset + length) // PAGE_SIZE))
        room = rooms.get(pages) or self._add(rooms, pages)
        return Gva(room.address + offset), room.physical + offset

    def _add(self, rooms: dict[int, _Room], pages: int) -> _Room:
        """Allocate so many pages, and make them part of the checkpoint."""
        machine, translate = self.machine, self._memory.translate
        half, name = (machine.user, "source") if rooms is self._sources else (machine.kernel, "target and its poison")
        while True:
            buffer = half.alloc(pages * PAGE_SIZE, name=name)
            begin, last = translate(buffer.origin), translate(Gva(buffer.origin + (pages - 1) * PAGE_SIZE))
            if last - begin == (pages - 1) * PAGE_SIZE:
                break  # else a page table came between two of them, and will not again
        room = rooms[pages] = _Room(buffer.origin, begin)
        machine.checkpoint()
        if rooms is self._targets:
            self._expected |= self._frames(buffer.origin, buffer.origin + buffer.size)
        return room

    def _frames(self, low: int, high: int) -> frozenset[int]:
        return frozenset(self._memory.translate(Gva(page)) >> PAGE_SHIFT for page in range(low, high, PAGE_SIZE))

    def _unexpected(self) -> tuple[Gva, ...]:
        """Return the pages that the copy wrote to and should not have."""
        dirtied = self._ram.dirtied
        if self._expected.issuperset(dirtied):
            return ()
        return self._memory.pages_of(frame for frame in dirtied if frame not in self._expected)
