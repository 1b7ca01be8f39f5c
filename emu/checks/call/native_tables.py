# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of one call, as the native core goes over them (native/call_tables.h)."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from emu.checks.call.columns import Numbers
from emu.cpu.native_core import CallTables
from emu.trace.source import Table

ACTIVATION: Final = np.dtype(
    {
        "names": ["begin", "end", "parent", "call_site", "entry", "return_address", "slot", "by", "returned"],
        "formats": ["<i8", "<i8", "<i8", "<i8", "<u8", "<u8", "<u8", "u1", "u1"],
        "itemsize": 64,
    }
)
"""native/call_tables.h, struct activation."""


class NativeTables:
    """The tables, kept as long as they are used. `pointer` is what functions of the native core take."""

    def __init__(
        self,
        instructions: Table,
        accesses: Table,
        first_instruction: int,
        kinds: Numbers,
        activations: Table,
        owner: Numbers,
    ) -> None:
        self._kept = (instructions, accesses, kinds, activations, owner)
        self._tables = CallTables(
            address_of(instructions),
            address_of(accesses),
            len(instructions),
            len(accesses),
            first_instruction,
            address_of(kinds),
            address_of(activations),
            len(activations),
            address_of(owner),
        )
        self.pointer = ctypes.byref(self._tables)


def address_of(table: np.ndarray[Any, Any]) -> int:
    """Return where a contiguous array lies, 0 for an empty one."""
    assert table.flags.c_contiguous
    address: int = table.ctypes.data
    return address if table.size else 0
