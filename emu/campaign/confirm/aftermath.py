# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call leaves behind, as far as it tells two runs of one call apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from emu.address import PAGE_SIZE, Gva
from emu.events import ExceptionRaised, ExportCalled
from emu.machine import Machine
from emu.memory.buffer import Buffer
from emu.outcome import Bugchecked, Outcome, Raised, Returned
from emu.seh.environment import StackLimits


class Aftermath(NamedTuple):
    """All that a call left, but for its stack, below which every run leaves what it likes."""

    outcome: str
    """How it ended, in one line."""
    arguments: Mapping[str, bytes]
    """The arguments that are memory, by name."""
    kernel: Mapping[Gva, bytes]
    """The pages of kernel memory that are not a stack's."""
    debug_output: tuple[str, ...]
    exports: tuple[str, ...]
    """The exports that it called, in order."""
    exceptions: int
    """How many were raised in it."""
    status: int | None
    """What it returned, the low 32 bits; None where it did not return."""
    irql: int

    @classmethod
    def of(cls, machine: Machine, outcome: Outcome, buffers: Mapping[str, Buffer]) -> Aftermath:
        """Read it from the machine that has made the call; `buffers` are its arguments."""
        events = machine.events
        return cls(
            _describe(outcome),
            {name: buffer.read() for name, buffer in buffers.items()},
            dict(_kernel_pages(machine)),
            tuple(machine.debug_output),
            tuple(event.name for event in events if isinstance(event, ExportCalled)),
            sum(isinstance(event, ExceptionRaised) for event in events),
            outcome.value & 0xFFFF_FFFF if isinstance(outcome, Returned) else None,
            machine.irql,
        )

    @property
    def is_refusal(self) -> bool:
        """Whether it returned an error status (NT_ERROR)."""
        return self.status is not None and self.status >= 0xC000_0000

    def differs_from(self, other: Aftermath, flipped: Mapping[tuple[str, int], int]) -> str:
        """Say in what it differs, in a few words; empty where it does not.

        flipped  user bytes, by argument and offset, whose flipped bits are no difference
        """
        if self.outcome != other.outcome:
            return self.outcome
        for name, mine in self.arguments.items():
            theirs = other.arguments[name]
            for at, (one, two) in enumerate(zip(mine, theirs, strict=True)):
                if one != two and one ^ two != flipped.get((name, at), 0):
                    return f"leaves {one:#04x} in byte {at} of {name}"
        if self.kernel != other.kernel:
            return "leaves other bytes in kernel memory"
        if self.debug_output != other.debug_output:
            return "prints something else"
        if self.exports != other.exports:
            return "calls other exports"
        if self.irql != other.irql:
            return f"leaves IRQL {self.irql}"
        return ""


def _describe(outcome: Outcome) -> str:
    match outcome:
        case Raised(record):
            return f"raises {record}"
        case Bugchecked():
            name, *_ = outcome.headline.removeprefix("bugchecked: ").splitlines()
            return f"stops the machine with {name}"
        case Returned(value):
            return f"returns {value:#x}"
    return outcome.headline


def _kernel_pages(machine: Machine) -> Iterator[tuple[Gva, bytes]]:
    system = machine.system
    memory, stack = system.memory, system.stack
    for page in memory.pages():
        if page >= 1 << 47 and not _is_of(stack, page):
            yield page, memory.read(page, PAGE_SIZE)


def _is_of(stack: StackLimits, page: Gva) -> bool:
    return stack.low <= page < stack.high
