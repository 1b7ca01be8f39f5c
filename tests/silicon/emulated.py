# SPDX-License-Identifier: GPL-2.0-or-later
"""The same runs on the engine: one processor over the same pages at the same addresses, at CPL 0 as in a kernel."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu import trap as t
from emu.cpu.engine import GDT_ENTRIES
from emu.cpu.processor import Processor
from emu.cpu.trap import Vector
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.ram import Ram
from emu.profile import Profile
from tests.silicon.world import PAGE, Case, Page, Stop, make_stop

_DESCRIPTORS = Gva(0xFFFF_F800_0020_0000)
_UNREACHABLE = Gva(0xFFFF_F800_0020_2000)
_BUDGET = 100_000
_GENERAL = 18 * 8
"""Bytes of the general registers, RIP and RFLAGS, which begin the state block too."""


class Emulated:
    """A processor with these pages. SMAP is off, so that CPL 0 may do what CPL 3 may."""

    def __init__(self, pages: Sequence[Page]) -> None:
        ram = Ram(2 << 20)
        self._cpu = Processor(Profile("skylake-server", "off"), ram.address, ram.size)
        self._memory = AddressSpace(ram, self._cpu.flush_tlb, self._cpu.drop_all_translations)
        self._memory.map_page(_DESCRIPTORS, user=False, protection=pt.PROTECTIONS["rw"])
        self._memory.map_page(_UNREACHABLE, user=False, protection=pt.PROTECTIONS["rx"])
        self._memory.write(_DESCRIPTORS, struct.pack(f"<{len(GDT_ENTRIES)}Q", *GDT_ENTRIES))
        self._kept: list[tuple[memoryview, Page]] = []
        for page in pages:
            address = Gva(page.address)
            self._memory.map_page(address, user=page.protection != "rx", protection=pt.PROTECTIONS[page.protection])
            self._memory.write(address, page.content)
            if page.protection == "rw":
                at = self._memory.translate(address)
                self._kept.append((ram.bytes[at : at + PAGE], page))
        self._cpu.start(self._memory.root, _DESCRIPTORS, _UNREACHABLE, self._memory.read_available)

    def run(self, case: Case) -> Stop:
        """Run one case."""
        cpu = self._cpu
        for view, page in self._kept:
            view[:] = page.content
        for address, value in case.pokes:
            self._memory.write(Gva(address), bytes((value,)))
        cpu.block[:_GENERAL] = case.registers[:_GENERAL]
        cpu.xmm[:] = case.registers[_GENERAL:]
        cpu.extended_changed()
        cpu.registers[r.BUDGET] = _BUDGET
        trap = cpu.run()
        assert trap.vector < 256, trap
        registers = bytes(cpu.block[:_GENERAL]) + bytes(cpu.xmm)
        error_code = trap.error_code | t.ERROR_USER if trap.vector == Vector.PAGE_FAULT else trap.error_code
        return make_stop(trap.vector, error_code, trap.address, registers, [bytes(view) for view, _ in self._kept])
