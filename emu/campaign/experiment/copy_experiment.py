# SPDX-License-Identifier: GPL-2.0-or-later
"""One copy: a routine, a source in user memory, a target in kernel memory, and the faults between them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.content import Content, Pattern
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.landing import POISON, RED_ZONE, Landing, poison_for
from emu.campaign.experiment.page_row import page_facts, page_rows
from emu.campaign.experiment.placement import SOURCE, TARGET, describe_sharing, flipped_bits, room_for
from emu.campaign.experiment.result import CopyResult
from emu.faults import BufferPlace, Fault
from emu.faults.fault import FLIP
from emu.image import UnknownSymbol
from emu.kernel.explanation import Explanation
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.errors import OutOfMemory
from emu.memory.ram import DEFAULT_SIZE
from emu.profile import Profile

DEFAULT_ROUTINE: Final = "CopyFromUser"
DEFAULT_LENGTH: Final = 64
MAXIMUM_BUDGET: Final = (1 << 63) - 1

IMAGES: Final = (".sys", ".dll", ".exe")
ARCHIVES: Final = (".lib", ".a")


@dataclass(frozen=True, slots=True)
class CopyExperiment:
    """Everything that a copy depends on; its text form is its replay id.

    The source is `length` bytes of `data` that start `source_offset` bytes into a page of user memory, the target
    as many bytes of poison in kernel memory, with 64 bytes of poison on both sides. Raises `ExperimentError` for
    values that cannot be.
    """

    routine: str = DEFAULT_ROUTINE
    length: int = DEFAULT_LENGTH
    source_offset: int = 0
    target_offset: int = 0
    profile: Profile = field(default_factory=Profile)
    data: Content = field(default_factory=Pattern)
    irql: int = 0
    faults: tuple[Fault, ...] = ()
    """Places `src` and `dst` are the source and the target."""
    images: tuple[str, ...] = ()
    """Files to build and load before the call, of the kinds that `load_images` knows."""
    budget: int = DEFAULT_BUDGET

    def __post_init__(self) -> None:
        if not self.routine:
            raise ExperimentError("the routine has no name")
        if self.length < 0:
            raise ExperimentError(f"length {self.length}: choose 0 or more")
        for name, offset in (("source", self.source_offset), ("target", self.target_offset)):
            if not 0 <= offset < PAGE_SIZE:
                raise ExperimentError(f"{name} offset {offset} lies outside a page; choose 0 to {PAGE_SIZE - 1}")
        check_call(self.irql, self.budget)
        for fault in self.faults:
            self._check_place(fault)

    def _check_place(self, fault: Fault) -> None:
        place = fault.place
        if not isinstance(place, BufferPlace):
            return
        if place.buffer not in (SOURCE, TARGET):
            if fault.kind == FLIP:
                return  # A byte of code, by its symbol, which the machine knows.
            raise ExperimentError(
                f"fault {fault}: there is no buffer {place.buffer!r}; {SOURCE} and {TARGET} are the copy's"
            )
        # The byte right behind the last one is for copies that touch it and must not.
        if place.offset > self.length:
            raise ExperimentError(
                f"fault {fault}: byte {place.offset} lies beyond a copy of length {self.length}; "
                f"choose a length of {place.offset} or more, or a byte up to {self.length}"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader may not expect of the faults: the bytes that share a page with the one that is named."""
        return (
            *describe_sharing(self.faults, SOURCE, self.source_offset),
            *describe_sharing(self.faults, TARGET, self.target_offset),
        )

    def boot(self) -> Machine:
        """Boot a machine of the profile and load the images. Raises what `load_images` raises."""
        machine = Machine(self.profile)
        load_images(machine, self.images, self.routine)
        return machine

    def run(
        self, machine: Machine | None = None, watch: Callable[[Machine], AbstractContextManager[None]] | None = None
    ) -> CopyResult:
        """Run it, by default on a machine of its own, else on one from `boot`, which is left as the call left it.

        `watch` is entered around the call alone.

        Raises `ExperimentError` for a copy that does not fit guest RAM or its data, `UnknownSymbol` for the routine,
        `FaultError` for a fault that cannot be armed, and what `boot` raises.
        """
        if machine is None:
            machine = self.boot()
        elif machine.profile != self.profile:
            raise ExperimentError(f"the machine's profile is {machine.profile}, the experiment's {self.profile}")
        length = self.length
        try:
            room = room_for(self.faults, SOURCE, length)
            source = machine.user.alloc(room, offset=self.source_offset, name="source")
            region = machine.kernel.alloc(
                length + 2 * RED_ZONE, offset=(self.target_offset - RED_ZONE) % PAGE_SIZE, name="target and its poison"
            )
        except OutOfMemory:
            raise ExperimentError(
                f"length {length} is too much: guest RAM has {DEFAULT_SIZE >> 20} MiB for the source, the target and "
                "the kernel; choose a shorter one"
            ) from None
        target = Gva(region.address + RED_ZONE)
        content = self.data.read(length)
        source.write(content)
        red_zone = bytes((POISON,)) * RED_ZONE
        region.write(red_zone + poison_for(content) + red_zone)
        for fault in self.faults:
            machine.inject(fault, src=source, dst=target)
        buffers = {"source": (machine.user, source.address), "target": (machine.kernel, target)}
        before = {name: page_facts(half, address, length) for name, (half, address) in buffers.items()}
        with nullcontext() if watch is None else watch(machine):
            outcome = machine.call(self.routine, target, source, length, irql=self.irql, budget=self.budget)
        explanation = outcome.dispatch.explainer
        assert isinstance(explanation, Explanation)
        pages = [
            row
            for name, (half, address) in buffers.items()
            for row in page_rows(name, address, length, before[name], page_facts(half, address, length))
        ]
        afterwards = region.read()
        return CopyResult(
            experiment=self,
            outcome=outcome,
            explanation=explanation,
            source_address=source.address,
            target_address=target,
            content=content,
            source=source.read(length),
            target=afterwards[RED_ZONE : RED_ZONE + length],
            landing=Landing.compare(content, afterwards, flipped_bits(self.faults, SOURCE)),
            pages=tuple(pages),
        )


def check_call(irql: int, budget: int) -> None:
    """Raise `ExperimentError` for an IRQL or a budget that cannot be."""
    if not 0 <= irql <= 15:
        raise ExperimentError(f"irql {irql} does not exist; choose 0 (PASSIVE_LEVEL) to 15 (HIGH_LEVEL)")
    if not 1 <= budget <= MAXIMUM_BUDGET:
        raise ExperimentError(f"a budget of {budget} blocks: choose 1 to {MAXIMUM_BUDGET}")


def load_images(machine: Machine, files: tuple[str, ...], routine: str) -> None:
    """Load images (`.sys .dll .exe`) in order, and then one that is built from all the other files together.

    Raises `GuestBuildError`, `ToolchainMissing`, `ImageError`, OSError; `ExperimentError` where none of the files
    has the routine.
    """
    if not files:
        return
    ready = [file for file in files if Path(file).suffix in IMAGES]
    sources = [file for file in files if Path(file).suffix not in IMAGES]
    modules = [machine.load(file) for file in ready]
    if sources:
        from emu.toolchain import build_guest  # noqa: PLC0415 (slow to import, and most experiments build nothing)

        archived = any(Path(file).suffix in ARCHIVES for file in sources)
        modules.append(machine.load(build_guest(sources, export=(routine,) if archived and not ready else ())))
    if not any(routine in module for module in modules):
        names = sorted({name for module in modules for name in module.image.exports})
        nearest = UnknownSymbol("", routine, names).nearest
        hint = f"nearest: {', '.join(nearest)}; " if nearest else ""
        raise ExperimentError(
            f"none of {', '.join(files)} has a routine {routine!r}; {hint}"
            f"exported: {', '.join(names[:12]) or 'nothing'}"
        )
