# SPDX-License-Identifier: GPL-2.0-or-later
"""The instructions of guest code that a run can reach, by source line; and why it cannot reach the others.

The reasons are all here: whoever adds code that no test reaches adds the test, or the rule.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import capstone

from emu.image import Module
from emu.image.dwarf import read_line_ranges
from emu.kernel.stubs import STUB_LENGTH

WRITTEN_BY_THE_HOST = {
    "KiGuardedCall": "KiGuardedCallEnter",
    "KiUnguardedCall": "KiUnguardedCallEnter",
    "KiTrapEntry": "KiTrapEntryReturn",
    "KiDispatchException": "KiDispatchExceptionReturn",
    "KiConsolidateFrames": "KiConsolidateFramesReturn",
}
"""Functions whose frames the host writes as their prologues would, and where the processor comes into them."""

RUN_BY_THE_HOST = ("KiNestedExceptionHandler", "KiCollidedUnwindHandler")
"""Language handlers that the host runs itself and that call no guest code: all that is used of them is where they lie.

The third one is `__C_specific_handler`, whose stub is the frame that filters return to.
"""

STUBS = "__C_specific_handler", "KiExportStubsEnd"
"""The first stub, and the end of the last."""

_BREAKPOINT = b"\xcc"


class Instruction(NamedTuple):
    """An instruction of an image."""

    rva: int
    file: str
    line: int
    never_reached: str
    """The rule by which nothing can; empty where there is none."""


def instructions(module: Module, files: Collection[str]) -> list[Instruction]:
    """Return the instructions that came from some source files, as the line table has them."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    mapped = module.image.mapped()
    return [
        Instruction(each.address, file, line, _why_never(module, each.address, bytes(each.bytes)))
        for begin, end, file, line in read_line_ranges(module.image)
        if file in files
        for each in decoder.disasm(mapped[begin:end], begin)
    ]


def _why_never(module: Module, rva: int, code: bytes) -> str:
    address = module.base + rva
    if code == _BREAKPOINT:
        return "a stop behind what does not come back, or padding"
    for function, entry in WRITTEN_BY_THE_HOST.items():
        if function in module and module[function] <= address < module[entry]:
            return "the host stands in for it"
    for handler in RUN_BY_THE_HOST:
        if handler in module and module[handler] <= address < module[handler] + STUB_LENGTH:
            return "the host runs this handler"
    return ""


def folded(module: Module, rva: int) -> int:
    """Return the RVA itself, for code of an export stub that of the first one: they are one macro."""
    first, end = STUBS
    if first in module and module[first] <= module.base + rva < module[end]:
        begin = module[first] - module.base
        return begin + (rva - begin) % STUB_LENGTH
    return rva
