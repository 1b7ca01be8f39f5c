# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of the ratios: the same guest memory and code on the engine as a user would drive it."""

from __future__ import annotations

from typing import Any

import unicorn
from unicorn import x86_const as x86

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.engine import REGISTER_IDS, SavedContext, enter_long_mode, open_engine
from emu.kernel.system import System


class RawEngine:
    """A second engine over a machine's RAM, without the native core: no hook but those that are asked for."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.engine: Any = open_engine(system.profile, system.ram.address, system.ram.size)
        enter_long_mode(self.engine, system.profile, system.memory.root, system.kernel["KiGlobalDescriptorTable"])
        self._until = system.kernel["KiUnreachable"]

    def start_at(self, address: Gva, registers: list[int]) -> SavedContext:
        """Set RIP and the sixteen general registers, and return the saved context of that start."""
        for identifier, value in zip(REGISTER_IDS, (*registers, address, r.FLAG_IF | 2), strict=True):
            self.engine.reg_write(identifier, value)
        context = SavedContext(self.engine)
        context.save()
        return context

    def run(self, context: SavedContext, address: Gva) -> None:
        """Run from a saved start to the next `hlt` or stop."""
        context.restore()
        self.engine.emu_start(address, self._until)

    def stop_at_faults(self) -> None:
        """Stop at the first exception, from Python."""
        self.engine.hook_add(unicorn.UC_HOOK_INTR, lambda engine, vector, _: engine.emu_stop())

    def hook_every_instruction(self) -> list[int]:
        """Count instructions from Python; the count is the list's one element."""
        count = [0]

        def on_instruction(engine: object, address: int, size: int, _: object) -> None:
            count[0] += 1

        self.engine.hook_add(unicorn.UC_HOOK_CODE, on_instruction)
        return count

    def trace_from_python(self) -> list[tuple[int, ...]]:
        """Note every instruction, and every access with its value, from Python. Read hooks get no value: it is read."""
        engine, noted = self.engine, list[tuple[int, ...]]()

        def on_instruction(_: object, address: int, size: int, __: object) -> None:
            noted.append((address, size))

        def on_access(_: object, access: int, address: int, size: int, value: int, __: object) -> None:
            if access == unicorn.UC_MEM_READ:
                value = int.from_bytes(engine.mem_read(address, size), "little")
            noted.append((access, address, size, value))

        engine.hook_add(unicorn.UC_HOOK_CODE, on_instruction)
        engine.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, on_access)
        return noted

    def fault_from_python(self, context: SavedContext, address: Gva, source: Gva) -> None:
        """One fault as a Python user gets it: restore, registers, run into the bad page, read RIP and CR2."""
        engine = self.engine
        context.restore()
        engine.reg_write(x86.UC_X86_REG_RSI, source)
        engine.reg_write(x86.UC_X86_REG_RCX, 64)
        engine.emu_start(address, self._until)
        engine.reg_read(x86.UC_X86_REG_RIP)
        engine.reg_read(x86.UC_X86_REG_CR2)
