# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest code that touches one byte again and again, for tests that say which touch fails."""

from __future__ import annotations

from typing import NamedTuple

from emu import Machine
from emu.events import FaultStruck
from emu.memory.buffer import Buffer
from emu.outcome import Bugchecked, Outcome, Raised, Returned
from tests.conformance.machines import boot, code

PROFILE = "nehalem"
"""Without SMAP: this code opens no window."""

TOUCHES = {"read": "8a02", "write": "8802", "change": "fe02"}
"""mov al, [rdx]; mov [rdx], al; inc byte [rdx], which makes two accesses."""


class Toucher(NamedTuple):
    """A machine with code that touches `src+0`, or `dst+0`, and counts in `counter` how often it has."""

    machine: Machine
    codes: dict[str, int]
    src: Buffer
    dst: Buffer
    counter: Buffer

    def inject(self, *faults: str) -> None:
        for fault in faults:
            self.machine.inject(fault, src=self.src, dst=self.dst)

    def touch(self, times: int, how: str = "read", where: Buffer | None = None) -> tuple[Outcome, int]:
        """Touch the byte so often; returns the outcome and how many touches were made."""
        self.counter.write(bytes(8))
        outcome = self.machine.call(self.codes[how], self.counter, where or self.src, times, budget=10_000)
        return outcome, int.from_bytes(self.counter.read(8), "little")

    @property
    def struck(self) -> list[str]:
        """The faults that struck in the last call."""
        return [event.fault for event in self.machine.events if isinstance(event, FaultStruck)]


def toucher(profile: str = PROFILE) -> Toucher:
    """Boot a machine with the code in it."""
    machine = boot(profile)
    codes = {how: int(code(machine, f"{touch} 48ff01 49ffc8 75f6 c3")) for how, touch in TOUCHES.items()}
    return Toucher(
        machine,
        codes,
        machine.user.alloc(bytes(range(0x40, 0x80)), name="src"),
        machine.kernel.alloc(bytes(range(0x40, 0x80)), name="dst"),
        machine.kernel.alloc(8, name="counter"),
    )


def status_of(outcome: Outcome) -> int | None:
    """Return the status of an exception, the code of a bugcheck, None for a return."""
    if isinstance(outcome, Raised):
        return outcome.record.code
    if isinstance(outcome, Bugchecked):
        return outcome.code
    assert isinstance(outcome, Returned), outcome
    return None
