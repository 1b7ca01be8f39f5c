# SPDX-License-Identifier: GPL-2.0-or-later
"""What in a call may go against what the calling convention says of the stack (native/stack_suspects.c)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import Final, NamedTuple

import numpy as np

from emu.checks.call.columns import Numbers
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.cpu.array_address import array_address

_COLUMNS: Final = 3
"""native/stack_suspects.c, struct stack_suspect."""
_NO_MEMORY: Final = (1 << 64) - 1


class Suspicion(IntFlag):
    """Why an instruction is suspect. The last three are of an access."""

    RETURNS_ELSEWHERE = 1
    """A return took its address from elsewhere than where the return address of a caller stands, or goes elsewhere."""
    POPS_MORE = 2
    """A return popped more than the return address."""
    CALLS_OFF_ALIGNMENT = 4
    """A call with RSP off a multiple of 16, in a function that was called as it should be."""
    CALLS_WITHOUT_HOME = 8
    """A call with less than the home space between its return address and the caller's own."""
    WRITES_BELOW = 16
    """A write by an operand below RSP."""
    WRITES_ABOVE = 32
    """A write by an operand above RSP, above the home space of the function."""
    READS_HOME = 64
    """A read of the home space of what its activation called, before or later, with RSP at its lowest."""


class Suspect(NamedTuple):
    """An instruction, and why it is one."""

    instruction: int
    access: int
    """The pushed or popped return address; of a write or a read, that itself."""
    reasons: int
    """`Suspicion`."""


def stack_suspects(tables: NativeTables, uses: Numbers) -> Sequence[Suspect]:
    """Return what is suspect: each return that does not go back, of all else the first of each code.

    What returns and calls comes first, then what accesses, each in order. A call may be suspect for two reasons.

    uses  `stack_use` of each code, by its number
    """
    find, lies_at = load_passes().checks_stack_suspects, array_address(uses)
    count = find(tables.pointer, lies_at, len(uses), None, 0)
    if not count:
        return ()
    if count == _NO_MEMORY:
        raise MemoryError("no memory to go over the stack of a call; trace a shorter one")
    rows = np.empty((count, _COLUMNS), np.uint64)
    find(tables.pointer, lies_at, len(uses), array_address(rows), count)
    return [Suspect(*row) for row in rows.tolist()]
