# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine as it comes, in long mode with page tables, for tests that show what it does wrong."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable

from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import Uc, UcError

from emu.cpu.engine import GDT_ENTRIES, SavedContext, enter_long_mode, open_engine
from emu.profile import Profile

NO_EXECUTE = 1 << 63
PRESENT, WRITABLE, USER, DIRTY = 1, 2, 4, 0x40

SIZE = 0x40000
ROOT = 0x1000
LEAF = 0x4000
CODE = 0x10000
DATA = 0x11000
"""Two pages, then an absent one."""
ABSENT = 0x13000
READ_ONLY = 0x14000
ALIAS = 0x15000
"""Maps the frame of `CODE` once more, writable."""
OUTSIDE = 0x16000
"""Its entry points outside RAM."""
UNTIL = CODE + 0xFF0
NON_CANONICAL = 0x8000_0000_0000_0000


class Raw:
    """One engine; virtual addresses are physical ones, except those of `ALIAS` and `OUTSIDE`."""

    def __init__(self, cpu: str = "skylake-server", smap: str = "off") -> None:
        self.ram = mmap.mmap(-1, SIZE)
        self._anchor = ctypes.c_char.from_buffer(self.ram)
        self.engine: Uc = open_engine(Profile(cpu, smap), ctypes.addressof(self._anchor), SIZE)
        for table in (0x1000, 0x2000, 0x3000):
            struct.pack_into("<Q", self.ram, table, table + 0x1000 | 7)
        self.set_entry(CODE, CODE | PRESENT | WRITABLE)
        for page in (DATA, DATA + 0x1000):
            self.set_entry(page, page | PRESENT | WRITABLE | NO_EXECUTE)
        self.set_entry(READ_ONLY, READ_ONLY | PRESENT | NO_EXECUTE)
        self.set_entry(ALIAS, CODE | PRESENT | WRITABLE | NO_EXECUTE)
        self.set_entry(OUTSIDE, SIZE | PRESENT | WRITABLE | NO_EXECUTE)
        struct.pack_into("<4Q", self.ram, DATA, *GDT_ENTRIES)
        enter_long_mode(self.engine, Profile(cpu, smap), ROOT, DATA)
        self.vectors: list[int] = []
        self.resume: Callable[[], None] | None = None
        """Mends the cause of an interrupt inside the hook, so that the engine goes on; without it, it stops."""
        self.engine.hook_add(uc.UC_HOOK_INTR, self._on_interrupt)

    def _on_interrupt(self, engine: Uc, vector: int, _: object) -> None:
        self.vectors.append(vector)
        if self.resume is None:
            engine.emu_stop()
        else:
            self.resume()

    def set_entry(self, page: int, entry: int) -> None:
        """Write a leaf entry, without any flush."""
        struct.pack_into("<Q", self.ram, LEAF + (page >> 12) * 8, entry)

    def entry(self, page: int) -> int:
        """Read a leaf entry."""
        value: int = struct.unpack_from("<Q", self.ram, LEAF + (page >> 12) * 8)[0]
        return value

    def flush_tlb(self) -> None:
        """Rewrite CR3."""
        self.engine.reg_write(x86.UC_X86_REG_CR3, ROOT)

    def load(self, code: str, at: int = CODE) -> int:
        """Write hexadecimal code through the host's mapping and return the address behind it."""
        blob = bytes.fromhex(code)
        self.ram[at : at + len(blob)] = blob
        return at + len(blob)

    def start(self, at: int = CODE, until: int = UNTIL, **registers: int) -> int:
        """Run from an address with the given registers; return the last vector, −1 for none."""
        self.vectors.clear()
        for name, value in {"rsp": DATA + 0x1F00, **registers}.items():
            self.engine.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}"), value)
        self.engine.emu_start(at, until)
        return self.vectors[-1] if self.vectors else -1

    def run(self, code: str, at: int = CODE, until: int = UNTIL, **registers: int) -> int:
        """Load code, forget what was translated there, and start it."""
        self.load(code, at)
        self.engine.ctl_flush_tb()
        return self.start(at, until, **registers)

    def forget_exception(self, offset: int) -> None:
        """Clear the exception in flight, which lies at an offset of the saved context."""
        context = SavedContext(self.engine)
        context.save()
        context.patch(offset, b"\xff\xff\xff\xff")
        context.restore()

    def __getitem__(self, name: str) -> int:
        """Return a register."""
        value: int = self.engine.reg_read(getattr(x86, f"UC_X86_REG_{name.upper()}"))
        return value


def engine_error(run: Callable[[], object]) -> int:
    """Return the number of the error that the engine raises, 0 for none."""
    try:
        run()
    except UcError as error:
        return int(error.errno)
    return 0
