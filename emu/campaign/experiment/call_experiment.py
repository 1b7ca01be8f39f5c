# SPDX-License-Identifier: GPL-2.0-or-later
"""One call: a routine, what it is given, and the faults on the way. `emu run` makes one, a what-if sweep many."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from emu.address import ADDRESS_MASK, PAGE_SIZE
from emu.campaign.experiment.argument import Argument, HalfName, Memory, StubExport
from emu.campaign.experiment.content import File
from emu.campaign.experiment.copy_experiment import check_call, load_images
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.page_row import page_facts, page_rows
from emu.campaign.experiment.placement import boundary_offset, describe_sharing
from emu.campaign.experiment.run_result import ArgumentMemory, OutstandingBlock, RunResult
from emu.faults import BufferPlace, Fault
from emu.kernel.call import MAXIMUM_ARGUMENTS
from emu.kernel.explanation import Explanation
from emu.kernel.modules import MissingImports
from emu.kernel.stubs import TooManyExports
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.buffer import Buffer
from emu.memory.half import Half
from emu.profile import Profile

MODULES_AT_BOOT: Final = 2
"""The kernel and the accessor library."""


class PlacedArguments(NamedTuple):
    """The arguments of a call on a machine."""

    values: tuple[int, ...]
    """What the routine is given."""
    buffers: dict[str, Buffer]
    """The memory ones, by name, in order."""


@dataclass(frozen=True, slots=True)
class CallExperiment:
    """Everything that a call depends on; its text form is its replay id (emu/campaign/experiment/call_replay_id.py).

    Raises `ExperimentError` for values that cannot be.
    """

    routine: str
    arguments: tuple[Argument, ...] = ()
    profile: Profile = field(default_factory=Profile)
    irql: int = 0
    budget: int = DEFAULT_BUDGET
    guarded: bool = True
    faults: tuple[Fault, ...] = ()
    """Places are `arg0`, `arg1` and so on: the memory arguments by their position."""
    images: tuple[str, ...] = ()
    """Files to build and load before the call, of the kinds that `load_images` knows."""
    stubs: tuple[StubExport, ...] = ()

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
        for fault in self.faults:
            _check_buffer(fault, list(self.memory))

    @property
    def memory(self) -> dict[str, Memory]:
        """The memory arguments by name: `arg` and the position."""
        return {
            f"arg{position}": argument
            for position, argument in enumerate(self.arguments)
            if isinstance(argument, Memory)
        }

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it depends on."""
        contents = [argument.content for argument in self.memory.values()]
        return (*self.images, *(content.path for content in contents if isinstance(content, File)))

    def boot(self) -> Machine:
        """Boot a machine of the profile with the stubs and the images. Raises what `load_images` raises."""
        machine = Machine(self.profile)
        try:
            for stub in self.stubs:
                _add_stub(machine, stub)
            load_images(machine, self.images, self.routine)
        except TooManyExports as error:
            raise ExperimentError(f"{error}; give fewer --stub") from None
        except MissingImports as error:
            missing = str(error).partition(";")[0]
            raise ExperimentError(f"{missing}; --stub NAME=VALUE provides one that returns a value") from None
        return machine

    def place(self, machine: Machine) -> PlacedArguments:
        """Put the arguments into a machine's memory.

        A buffer starts with its page, or so that the first byte that a fault names begins one, if that fault is there
        from the start; one that waits for an access strikes at its byte wherever that lies. Raises `ExperimentError`
        for a fault outside the arguments, and what reading files raises.
        """
        contents = {name: argument.read() for name, argument in self.memory.items()}
        for fault in self.faults:
            _check_byte(fault, {name: len(content) for name, content in contents.items()})
        buffers = {
            name: _half(machine, argument.half).alloc(
                contents[name], offset=boundary_offset(self._faults_from_the_start, name), name=name
            )
            for name, argument in self.memory.items()
        }
        values = [
            buffers[f"arg{position}"].address if isinstance(argument, Memory) else argument.value & ADDRESS_MASK
            for position, argument in enumerate(self.arguments)
        ]
        return PlacedArguments(tuple(values), buffers)

    @property
    def _faults_from_the_start(self) -> list[Fault]:
        return [
            fault for fault in self.faults if fault.access is None and fault.insn is None and not fault.schedule.is_set
        ]

    def run(self, watch: Callable[[Machine], AbstractContextManager[None]] | None = None) -> RunResult:
        """Boot a machine, make the call and read what it left; `watch` is entered around the call alone.

        Raises `UnknownSymbol` for the routine, `FaultError` for a fault that cannot be armed, and what `boot` and
        `place` raise.
        """
        machine = self.boot()
        machine.resolve(self.routine)
        values, buffers = self.place(machine)
        for fault in self.faults:
            machine.inject(fault, **buffers)
        halves = {name: _half(machine, argument.half) for name, argument in self.memory.items()}
        facts = {name: page_facts(halves[name], buffer.address, buffer.size) for name, buffer in buffers.items()}
        contents = {name: buffer.read() for name, buffer in buffers.items()}
        with nullcontext() if watch is None else watch(machine):
            outcome = machine.call(self.routine, *values, guarded=self.guarded, irql=self.irql, budget=self.budget)
        explanation = outcome.dispatch.explainer
        assert isinstance(explanation, Explanation)
        pages = [
            row
            for name, buffer in buffers.items()
            for row in page_rows(
                name, buffer.address, buffer.size, facts[name], page_facts(halves[name], buffer.address, buffer.size)
            )
        ]
        notes = [
            note
            for name, buffer in buffers.items()
            for note in describe_sharing(self._faults_from_the_start, name, buffer.address % PAGE_SIZE)
        ]
        return RunResult(
            call=self,
            values=values,
            outcome=outcome,
            explanation=explanation,
            memory=tuple(
                ArgumentMemory(name, self.memory[name].half, buffer.address, contents[name], buffer.read())
                for name, buffer in buffers.items()
            ),
            pages=tuple(pages),
            notes=tuple(notes),
            debug_output="".join(machine.debug_output),
            outstanding=tuple(
                OutstandingBlock(block, explanation.locate(block.caller)) for block in machine.pool.outstanding
            ),
        )


def _half(machine: Machine, name: HalfName) -> Half:
    return machine.user if name == "user" else machine.kernel


def _check_buffer(fault: Fault, names: list[str]) -> None:
    place = fault.place
    if isinstance(place, BufferPlace) and place.buffer not in names:
        there_are = f"memory arguments: {', '.join(names)}" if names else "no argument is memory, as user:64 is"
        raise ExperimentError(f"fault {fault}: there is no buffer {place.buffer!r}; {there_are}")


def _check_byte(fault: Fault, sizes: dict[str, int]) -> None:
    place = fault.place
    if not isinstance(place, BufferPlace):
        return
    size = sizes[place.buffer]
    if place.offset >= max(size, 1):
        raise ExperimentError(
            f"fault {fault}: byte {place.offset} lies behind the last one of {place.buffer}, which has {size}; "
            f"choose a byte below {max(size, 1)}"
        )


def _add_stub(machine: Machine, stub: StubExport) -> None:
    value = stub.value & ADDRESS_MASK
    machine.export(stub.name)(lambda: value)
