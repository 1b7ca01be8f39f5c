# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference for `state_at`: a machine that stops before every instruction, and what it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from emu import Machine
from emu.address import PAGE_SIZE, Gva
from emu.trace.source import MachineState

_ALL_CODE: Final = (
    (Gva(0x1000), Gva(0x0000_7FFF_FFFF_F000)),
    (Gva(0xFFFF_8000_0000_0000), Gva(0xFFFF_FFFF_FFFF_F000)),
)

REPEATED: Final = frozenset((0x6C, 0x6D, 0x6E, 0x6F, 0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF))


class State(NamedTuple):
    """A machine before an instruction."""

    registers: dict[str, int]
    memory: tuple[bytes, ...]


class Stepped:
    """Looks at a machine before every instruction. `pages` are what it looks at."""

    def __init__(self, machine: Machine, pages: Sequence[int]) -> None:
        self._machine = machine
        self._memory = machine._system.memory
        self._pages = pages
        self.states: list[State] = []

    def _now(self) -> State:
        registers = self._machine.registers
        registers["irql"] = self._machine.irql
        return State(registers, tuple(self._memory.read(Gva(page), PAGE_SIZE) for page in self._pages))

    def started(self) -> None:
        """A run begins."""

    def guest_called(self) -> None:
        """The host calls guest code."""

    def context_loaded(self) -> None:
        """The processor goes on from a context."""

    def at_instruction(self, rip: Gva) -> None:
        """Note the state, unless the engine only looks once more at a repeat that is done."""
        now = self._now()
        if not self._is_look(rip, now):
            self.states.append(now)

    def _is_look(self, rip: Gva, now: State) -> bool:
        if now.registers["rcx"] or not self.states:
            return False
        before = self.states[-1].registers
        if before["rip"] != rip or before["rcx"] != 1:
            return False
        code = self._memory.read_available(rip, 15)
        return next(byte for byte in code if byte not in (0x66, 0x67, 0xF2, 0xF3) and byte >> 4 != 4) in REPEATED

    def finish(self) -> None:
        """Note the state at the end."""
        self.states.append(self._now())


@contextmanager
def stepped(machine: Machine, pages: Sequence[int]) -> Iterator[Stepped]:
    """Step through what the machine runs inside."""
    watcher = Stepped(machine, pages)
    run_loop = machine._caller.run_loop
    run_loop.observer = watcher
    machine._system.cpu.stop_in(_ALL_CODE)
    try:
        yield watcher
    finally:
        machine._system.cpu.stop_in(())
        run_loop.observer = None
        watcher.finish()


def difference(state: MachineState, expected: State, pages: Sequence[int]) -> str:
    """Say in which register or byte a state of a trace is another one than the reference's; empty where it is not."""
    registers = state.registers
    if registers != expected.registers:
        names = [name for name, value in expected.registers.items() if registers[name] != value]
        return ", ".join(f"{name} {registers[name]:#x} for {expected.registers[name]:#x}" for name in names)
    for page, content in zip(pages, expected.memory, strict=True):
        if state.read(page, PAGE_SIZE) != content:
            found = state.read(page, PAGE_SIZE)
            at = next(at for at in range(PAGE_SIZE) if found[at] != content[at])
            return f"byte {page + at:#x}: {found[at]:#x} for {content[at]:#x}"
    return ""
