# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls guest code from the host: the bottom frame, the arguments, and what came of it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Final

from emu.address import ADDRESS_MASK, Gva
from emu.cpu import registers as r
from emu.kernel.irql import HIGH_LEVEL
from emu.kernel.run_loop import RunLoop
from emu.kernel.system import ARGUMENT_REGISTERS, System
from emu.kernel.trap_frame import entry_flags
from emu.outcome import Outcome, Raised, Returned, Unmodelled

FRAME_SIZE: Final = 32 * 8 + 8
"""guest/kernel/guarded_call.S: home space and stack arguments."""
MAXIMUM_ARGUMENTS: Final = 32

REGISTER_SENTINELS: Final = tuple(0x5EED_0000_0000_0000 | number << 32 | 0xA5A5_A5A5 for number in range(16))
"""What the registers hold at the start of a call where it says nothing: recognisable, and no address."""
_SENTINELS: Final = array("Q", REGISTER_SENTINELS)
XMM_SENTINELS: Final = b"".join(bytes((0xA0 | number,)) * 16 for number in range(16))


def bottom_stack_pointer(system: System) -> int:
    """Return RSP of the bottom frame, with which every call begins and ends."""
    return system.stack.high - 8 - FRAME_SIZE


class Caller:
    """Makes calls on a system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.run_loop = RunLoop(system)
        kernel = system.kernel
        self._guarded_enter = kernel["KiGuardedCallEnter"]
        self._unguarded_enter = kernel["KiUnguardedCallEnter"]
        self._caught = kernel["KiGuardedCallCaught"]
        self._stack_pointer = bottom_stack_pointer(system)
        self._entry_flags = entry_flags(r.FLAG_IF, system.profile.kernel_entry_ac)
        self._endings: dict[int, Callable[[], Outcome]] = {
            kernel["KiGuardedCallReturned"] + 1: self._returned,
            kernel["KiUnguardedCallReturned"] + 1: self._returned,
            self._caught + 1: self._raised,
        }

    def call(self, address: Gva, arguments: Sequence[int], *, guarded: bool, irql: int, budget: int) -> Outcome:
        """Call a function and run it to its end."""
        if len(arguments) > MAXIMUM_ARGUMENTS:
            raise ValueError(f"{len(arguments)} arguments; a call takes at most {MAXIMUM_ARGUMENTS}")
        if not 0 <= irql <= HIGH_LEVEL:
            raise ValueError(f"irql {irql} does not exist; x64 has 0 (PASSIVE_LEVEL) to {HIGH_LEVEL} (HIGH_LEVEL)")
        if budget < 1:
            raise ValueError(f"a budget of {budget} blocks lets nothing run; give 1 or more")
        system = self._system
        cpu, registers, memory = system.cpu, system.cpu.registers, system.memory
        system.events.clear()
        registers[:16] = _SENTINELS
        for register, value in zip(ARGUMENT_REGISTERS, arguments, strict=False):
            registers[register] = value & ADDRESS_MASK
        stack_pointer = self._stack_pointer
        for index, value in enumerate(arguments[4:], 4):
            memory.write_u64(Gva(stack_pointer + index * 8), value & ADDRESS_MASK)
        memory.write_u64(Gva(stack_pointer + FRAME_SIZE), 0)
        registers[r.RAX] = address
        registers[r.RSP] = stack_pointer
        registers[r.RIP] = self._guarded_enter if guarded else self._unguarded_enter
        registers[r.RFLAGS] = self._entry_flags
        cpu.set_extended(XMM_SENTINELS, r.MXCSR_DEFAULT, irql)
        return self.run_loop.run(budget, self._endings)

    def _returned(self) -> Outcome:
        return Returned(self._system.cpu.registers[r.RAX])

    def _raised(self) -> Outcome:
        record = self.run_loop.landed_record
        if record is None:
            return Unmodelled("guest code jumped into the kernel's own __except block", self._caught)
        return Raised(record)
