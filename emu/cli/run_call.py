# SPDX-License-Identifier: GPL-2.0-or-later
"""The call that `emu run` makes, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva
from emu.campaign import (
    BufferRange,
    ExperimentError,
    PageRow,
    boundary_offset,
    check_call,
    describe_sharing,
    load_images,
    page_facts,
    page_rows,
)
from emu.cli.arguments import Argument, HalfName, Integer, StubExport
from emu.events import Event
from emu.faults import BufferPlace, Fault
from emu.kernel.call import MAXIMUM_ARGUMENTS
from emu.kernel.explanation import Explanation
from emu.kernel.modules import MissingImports
from emu.kernel.pool import PoolBlock
from emu.kernel.stubs import TooManyExports
from emu.machine import Machine
from emu.memory.buffer import Buffer
from emu.outcome import Outcome, Returned
from emu.profile import Profile

MODULES_AT_BOOT: Final = 2
"""The kernel and the accessor library."""


@dataclass(frozen=True, slots=True)
class RoutineCall:
    """Everything that the call depends on. Raises `ExperimentError` for values that cannot be."""

    routine: str
    arguments: tuple[Argument, ...]
    profile: Profile
    irql: int
    budget: int
    guarded: bool
    faults: tuple[Fault, ...]
    """Places are `arg0`, `arg1` and so on: the memory arguments by their position."""
    images: tuple[str, ...]
    stubs: tuple[StubExport, ...]

    def __post_init__(self) -> None:
        if not self.routine:
            raise ExperimentError("the routine has no name")
        if len(self.arguments) > MAXIMUM_ARGUMENTS:
            raise ExperimentError(f"{len(self.arguments)} arguments; a call takes at most {MAXIMUM_ARGUMENTS}")
        check_call(self.irql, self.budget)
        names = [stub.name for stub in self.stubs]
        for name in names:
            if names.count(name) > 1:
                raise ExperimentError(f"--stub {name} is there twice; give it once")

    def run(self, watch: Callable[[Machine], AbstractContextManager[None]] | None = None) -> RunResult:
        """Boot a machine, make the call and read what it left; `watch` is entered around the call alone.

        Raises `ExperimentError` for a fault outside the arguments, `UnknownSymbol` for the routine, and what
        `load_images`, the injector and reading files raise.
        """
        contents = {
            f"arg{position}": (argument.half, argument.read())
            for position, argument in enumerate(self.arguments)
            if not isinstance(argument, Integer)
        }
        for fault in self.faults:
            _check_place(fault, {name: len(content) for name, (_, content) in contents.items()})
        machine = Machine(self.profile)
        self._prepare(machine)
        machine.resolve(self.routine)
        buffers = {
            name: (machine.user if half == "user" else machine.kernel).alloc(
                content, offset=boundary_offset(self.faults, name), name=name
            )
            for name, (half, content) in contents.items()
        }
        return self._call(machine, buffers, nullcontext() if watch is None else watch(machine))

    def _prepare(self, machine: Machine) -> None:
        try:
            for stub in self.stubs:
                _add_stub(machine, stub)
            load_images(machine, self.images, self.routine)
        except TooManyExports as error:
            raise ExperimentError(f"{error}; give fewer --stub") from None
        except MissingImports as error:
            missing = str(error).partition(";")[0]
            raise ExperimentError(f"{missing}; --stub NAME=VALUE provides one that returns a value") from None

    def _call(self, machine: Machine, buffers: dict[str, Buffer], watched: AbstractContextManager[None]) -> RunResult:
        for fault in self.faults:
            machine.inject(fault, **buffers)
        halves = {"user": machine.user, "kernel": machine.kernel}
        values = [
            argument.value & ADDRESS_MASK if isinstance(argument, Integer) else buffers[f"arg{position}"].address
            for position, argument in enumerate(self.arguments)
        ]
        ranges = [
            (name, argument.half, buffers[name])
            for position, argument in enumerate(self.arguments)
            if not isinstance(argument, Integer) and (name := f"arg{position}")
        ]
        facts = [page_facts(halves[half], buffer.address, buffer.size) for _, half, buffer in ranges]
        contents = [buffer.read() for _, _, buffer in ranges]
        with watched:
            outcome = machine.call(self.routine, *values, guarded=self.guarded, irql=self.irql, budget=self.budget)
        explanation = outcome.dispatch.explainer
        assert isinstance(explanation, Explanation)
        pages = [
            row
            for (name, half, buffer), before in zip(ranges, facts, strict=True)
            for row in page_rows(
                name, buffer.address, buffer.size, before, page_facts(halves[half], buffer.address, buffer.size)
            )
        ]
        notes = [
            note
            for name, _, buffer in ranges
            for note in describe_sharing(self.faults, name, buffer.address % PAGE_SIZE)
        ]
        return RunResult(
            call=self,
            values=tuple(values),
            outcome=outcome,
            explanation=explanation,
            memory=tuple(
                ArgumentMemory(name, half, buffer.address, content, buffer.read())
                for (name, half, buffer), content in zip(ranges, contents, strict=True)
            ),
            pages=tuple(pages),
            notes=tuple(notes),
            debug_output="".join(machine.debug_output),
            outstanding=tuple(
                OutstandingBlock(block, explanation.locate(block.caller)) for block in machine.pool.outstanding
            ),
        )


class ArgumentMemory(NamedTuple):
    """A memory argument, before the call and after it."""

    name: str
    half: HalfName
    address: Gva
    before: bytes
    after: bytes


class OutstandingBlock(NamedTuple):
    """A pool block that was not freed, and which code allocated it."""

    block: PoolBlock
    allocated_from: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """How the call ended, and everything that there is to see of it."""

    call: RoutineCall
    values: tuple[int, ...]
    """What the routine was given."""
    outcome: Outcome
    explanation: Explanation
    memory: tuple[ArgumentMemory, ...]
    pages: tuple[PageRow, ...]
    notes: tuple[str, ...]
    """What a reader may not expect of the faults."""
    debug_output: str
    outstanding: tuple[OutstandingBlock, ...]

    @property
    def returned(self) -> bool:
        """Whether the call returned."""
        return isinstance(self.outcome, Returned)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order."""
        return self.outcome.dispatch.events

    @property
    def profile(self) -> Profile:
        """The machine's profile."""
        return self.call.profile

    @property
    def images(self) -> tuple[str, ...]:
        """The files that were built and loaded."""
        return self.call.images

    @property
    def buffers(self) -> tuple[BufferRange, ...]:
        """The memory arguments."""
        return tuple(BufferRange(each.name, each.address, len(each.before)) for each in self.memory)


def _check_place(fault: Fault, sizes: dict[str, int]) -> None:
    place = fault.place
    if not isinstance(place, BufferPlace):
        return
    if place.buffer not in sizes:
        there_are = f"memory arguments: {', '.join(sizes)}" if sizes else "no argument is memory, as user:64 is"
        raise ExperimentError(f"fault {fault}: there is no buffer {place.buffer!r}; {there_are}")
    size = sizes[place.buffer]
    if place.offset >= max(size, 1):
        raise ExperimentError(
            f"fault {fault}: byte {place.offset} lies behind the last one of {place.buffer}, which has {size}; "
            f"choose a byte below {max(size, 1)}"
        )


def _add_stub(machine: Machine, stub: StubExport) -> None:
    value = stub.value & ADDRESS_MASK
    machine.export(stub.name)(lambda: value)
