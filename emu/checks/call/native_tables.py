# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of one call, as the native core goes over them (native/call_tables.h)."""

from __future__ import annotations

import ctypes

from emu.checks.call.columns import Numbers
from emu.checks.call.native_passes import CallTables
from emu.cpu.array_address import array_address
from emu.trace.source import Table


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
        self.activations = activations
        """`ACTIVATION`."""
        self._kept = (instructions, accesses, kinds, owner)
        self._tables = CallTables(
            array_address(instructions),
            array_address(accesses),
            len(instructions),
            len(accesses),
            first_instruction,
            array_address(kinds),
            array_address(activations),
            len(activations),
            array_address(owner),
        )
        self.pointer = ctypes.byref(self._tables)
