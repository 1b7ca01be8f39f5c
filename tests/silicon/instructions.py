# SPDX-License-Identifier: GPL-2.0-or-later
"""Single instructions on silicon and on the engine: each of a table, run once both ways."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.silicon.emulated import Emulated
from tests.silicon.library import OTHER, STACK, USER, pattern
from tests.silicon.native import run_natively
from tests.silicon.world import PAGE, Case, Page, Stop, pack_registers

CODE: Final = 0x2000_4000_0000
"""Pages of code; behind the last one there is none."""
READ_ONLY: Final = 0x2000_5000_0000
END: Final = USER + PAGE
"""Where the user page ends; the next one is absent, and so is the one before it."""
ABSENT: Final = USER + PAGE
NON_CANONICAL: Final = 0x8000_0000_0000_0000
LIMIT: Final = 0x8000_0000_0000
"""The end of the lower half."""

_SLOT: Final = 32
_BREAKPOINT: Final = b"\xcc"
XMM: Final = bytes(range(0x10, 0x20)) * 16
"""Every XMM register holds the bytes 10h to 1Fh."""


class Instruction(NamedTuple):
    """Code that begins with these registers; RSP is in the middle of the stack unless it is named."""

    name: str
    code: str
    """Hexadecimal; a breakpoint stands behind it."""
    registers: dict[str, int]
    at_end: bool = False
    """It ends where the code ends, and nothing is behind it."""


class Both(NamedTuple):
    """One instruction's two stops."""

    silicon: Stop
    engine: Stop


class Bench:
    """Runs all instructions of a table at once, when the first is asked for."""

    def __init__(self, table: Sequence[Instruction]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Both:
        return self._both[name]

    @functools.cached_property
    def pages(self) -> tuple[Page, ...]:
        """The pages of both worlds: code, user page, other page, stack, and a read-only one."""
        code = bytearray(_BREAKPOINT * (-(-(len(self._table) + 1) * _SLOT // PAGE) * PAGE))
        for instruction, at in zip(self._table, self._places(len(code)), strict=True):
            data = bytes.fromhex(instruction.code)
            code[at : at + len(data)] = data
        pages = [Page(CODE + at, "rx", bytes(code[at : at + PAGE])) for at in range(0, len(code), PAGE)]
        kept = [Page(address, "rw", pattern(number)) for number, address in enumerate((USER, OTHER, STACK))]
        return (*pages, *kept, Page(READ_ONLY, "ro", pattern(4)))

    def _places(self, size: int) -> list[int]:
        """Return where each begins; only one can end where the code does."""
        lengths = [len(bytes.fromhex(each.code)) for each in self._table]
        return [
            size - length if each.at_end else number * _SLOT
            for number, (each, length) in enumerate(zip(self._table, lengths, strict=True))
        ]

    @functools.cached_property
    def _both(self) -> dict[str, Both]:
        size = sum(page.protection == "rx" for page in self.pages) * PAGE
        cases = []
        for instruction, at in zip(self._table, self._places(size), strict=True):
            general = {"rsp": STACK + PAGE // 2, **instruction.registers, "rip": CODE + at}
            general["rflags"] = 0x202 | general.get("rflags", 0)
            cases.append(Case(pack_registers(general, XMM), instruction.name))
        emulated = Emulated(self.pages)
        stops = run_natively(self.pages, cases)
        return {case.label: Both(stop, emulated.run(case)) for case, stop in zip(cases, stops, strict=True)}
