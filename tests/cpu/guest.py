# SPDX-License-Identifier: GPL-2.0-or-later
"""A processor with a few pages, for tests that write their own code bytes."""

from __future__ import annotations

import struct

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.engine import GDT_ENTRIES
from emu.cpu.processor import Processor
from emu.cpu.trap import Trap
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.ram import Ram
from emu.profile import Profile

CODE = Gva(0xFFFF_F800_0010_0000)
"""Four pages; the last has no successor."""
CODE_END = Gva(CODE + 0x4000)
DESCRIPTORS = Gva(0xFFFF_F800_0020_0000)
UNREACHABLE = Gva(0xFFFF_F800_0020_2000)
STACK = Gva(0xFFFF_F800_0031_0000)
"""Two pages; `STACK_TOP` is where RSP starts."""
STACK_TOP = Gva(STACK + 0x2000)
DATA = Gva(0xFFFF_F800_0032_0000)
"""Two pages, then none."""
READ_ONLY = Gva(0xFFFF_F800_0033_0000)
ABSENT = Gva(0xFFFF_F800_0034_0000)
USER_CODE = Gva(0x0800_0000)
USER_DATA = Gva(0x0801_2000)
USER_READ_ONLY = Gva(0x0802_3000)
NON_CANONICAL = 0x8000_0000_0000_0000

USER_CODE_SELECTOR = 0x33
USER_DATA_SELECTOR = 0x2B

USER_DESCRIPTORS = (0, 0x0000_F300_0000_0000, 0x0020_FB00_0000_0000)
"""0x20 unused, 0x28 = data, 0x30 = 64-bit code, both at CPL 3: the selectors of x64 Windows."""


class Guest:
    """One processor, its memory, and the pages above."""

    def __init__(self, cpu: str = "skylake-server", smap: str = "enforce", ram_size: int = 2 << 20) -> None:
        self.ram = Ram(ram_size)
        self.cpu = Processor(Profile(cpu, smap), self.ram.address, self.ram.size)
        self.memory = AddressSpace(self.ram, self.cpu.flush_tlb, self.cpu.drop_all_translations)
        for page in range(CODE, CODE_END, 0x1000):
            self._map(page, "rx")
        for page in (DESCRIPTORS, STACK, STACK + 0x1000, DATA, DATA + 0x1000):
            self._map(page, "rw")
        self._map(UNREACHABLE, "rx")
        self._map(READ_ONLY, "ro")
        for page, protection in ((USER_CODE, "rx"), (USER_DATA, "rw"), (USER_READ_ONLY, "ro")):
            self._map(page, protection, user=True)
        self.memory.write(DESCRIPTORS, struct.pack("<7Q", *GDT_ENTRIES, *USER_DESCRIPTORS))
        self.cpu.start(self.memory.root, DESCRIPTORS, UNREACHABLE, self.memory.read_available)

    def _map(self, page: int, protection: str, user: bool = False) -> None:
        self.memory.map_page(Gva(page), user=user, protection=pt.PROTECTIONS[protection])

    def load(self, code: str, at: int = CODE) -> None:
        """Write hexadecimal code."""
        self.memory.write(Gva(at), bytes.fromhex(code))

    def start(self, at: int = CODE, budget: int = 1000, flags: int = 0, **registers: int) -> Trap:
        """Run from an address with a stack and the given registers."""
        cpu = self.cpu
        cpu.registers[r.RSP] = STACK_TOP - 0x100
        cpu.registers[r.RFLAGS] = 2 | flags
        cpu.registers[r.RIP] = at
        cpu.registers[r.BUDGET] = budget
        for name, value in registers.items():
            cpu.registers[r.GPR_NAMES.index(name)] = value
        return cpu.run()

    def run(self, code: str, at: int = CODE, budget: int = 1000, flags: int = 0, **registers: int) -> Trap:
        """Load hexadecimal code and start it."""
        self.load(code, at)
        return self.start(at, budget, flags, **registers)

    def go_on(self, budget: int | None = None) -> Trap:
        """Run on from where the processor stands."""
        if budget is not None:
            self.cpu.registers[r.BUDGET] = budget
        return self.cpu.run()

    def __getitem__(self, name: str) -> int:
        """Return a register by name; `guest["rip"]`, `guest["rflags"]` too."""
        if name in ("rip", "rflags", "cr2", "cr3"):
            return self.cpu.registers[("rip", "rflags", "cr2", "cr3").index(name) + r.RIP]
        return self.cpu.registers[r.GPR_NAMES.index(name)]

    def enter_user_mode(self, rip: int = USER_CODE, rsp: int = USER_DATA + 0x800, flags: int = 2) -> None:
        """Have the guest leave for CPL 3; the processor stands before the first instruction there."""
        self.memory.write(Gva(DATA + 0xF00), struct.pack("<HQ", 7 * 8 - 1, DESCRIPTORS))
        frame = struct.pack("<5Q", rip, USER_CODE_SELECTOR, flags, rsp, USER_DATA_SELECTOR)
        self.memory.write(Gva(DATA + 0xE00), frame)
        # lgdt [rdi]; mov rsp, rsi; iretq
        self.run("0f0117 4889f4 48cf", budget=1, rdi=DATA + 0xF00, rsi=DATA + 0xE00)
