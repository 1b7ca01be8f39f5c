# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong in the processor or in a byte: a flipped bit, another IRQL, an instruction that is skipped."""

from __future__ import annotations

from emu.address import ADDRESS_MASK, Gva
from emu.cpu import registers as r
from emu.cpu.instruction import MAXIMUM_LENGTH, decode
from emu.faults.fault import FLIP, IRQL, SKIP, Fault, UnitPlace
from emu.kernel.system import System


def upset(system: System, fault: Fault, address: Gva | None) -> None:
    """Do what a fault of these kinds says, now. Raises `NotMapped` for a byte that is nowhere."""
    cpu, memory = system.cpu, system.memory
    argument = fault.argument or 0
    if fault.kind == IRQL:
        cpu.irql = argument
    elif fault.kind == SKIP:
        rip = Gva(cpu.registers[r.RIP])
        length = decode(memory.read_available(rip, MAXIMUM_LENGTH)).length
        cpu.registers[r.RIP] = rip + length & ADDRESS_MASK
    elif isinstance(fault.place, UnitPlace):
        assert fault.kind == FLIP
        index = r.RFLAGS if fault.place.name == "rflags" else r.GPR_NAMES.index(fault.place.name)
        cpu.registers[index] ^= argument
    else:
        assert address is not None
        memory.write(address, bytes((memory.read(address, 1)[0] ^ argument,)))
