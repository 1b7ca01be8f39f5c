# SPDX-License-Identifier: GPL-2.0-or-later
"""Places in the code as findings show them, calls with the names of what they call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from emu.address import ADDRESS_MASK, Gva
from emu.checks.finding import Place
from emu.cpu.instruction import MAXIMUM_LENGTH, decode
from emu.image import Module
from emu.kernel.explanation import Explanation

_TARGET: Final = re.compile(r"(call|j[a-z]+) (0x[0-9a-f]+)")
"""How the disassembler writes a direct call or jump."""
_SLOT: Final = re.compile(r"(call|jmp) qword ptr \[rip ([+-]) (0x[0-9a-f]+)\]")
"""And one through a slot in the image."""


def describe_place(explanation: Explanation, modules: Sequence[Module], address: Gva) -> Place:
    """Return a place in the code of some modules."""
    line = explanation.source_line(address)
    return Place(
        address,
        explanation.locate(address),
        _instruction(explanation, modules, address),
        line.file if line else "",
        line.line if line else 0,
    )


def _instruction(explanation: Explanation, modules: Sequence[Module], address: Gva) -> str:
    """Return the disassembly of an instruction, with the target of a call or a jump by its name."""
    text = explanation.instruction(address)
    found = _TARGET.fullmatch(text)
    if found is None:
        through = _SLOT.fullmatch(text)
        imported = None if through is None else _import_at(modules, address, int(through[2] + through[3], 16))
        return text if through is None or imported is None else f"{through[1]} {imported}"
    target = (address + int(found[2], 16)) & ADDRESS_MASK  # decoded at address 0
    return f"{found[1]} {explanation.locate(explanation.linked(Gva(target)))}"


def _import_at(modules: Sequence[Module], address: Gva, displacement: int) -> str | None:
    """Return `module!name` of the import whose slot an instruction addresses, counted from behind itself."""
    module = next((each for each in modules if each.contains(address)), None)
    if module is None:
        return None
    rva = address - module.base
    slot = rva + decode(module.image.mapped()[rva : rva + MAXIMUM_LENGTH]).length + displacement
    found = next((each for each in module.image.imports if each.iat_rva == slot), None)
    return None if found is None else f"{found.dll.rpartition('.')[0]}!{found.name}"
