# SPDX-License-Identifier: GPL-2.0-or-later
"""The accesses to user memory that no accessor makes."""

from __future__ import annotations

import numpy as np

from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.cpu.array_address import array_address


def user_accesses_outside(tables: NativeTables, count: int, is_inside: Mask) -> Numbers:
    """Return the accesses to user memory by instructions of activations that are not inside of accessors.

    count      how many accesses there are
    is_inside  of each activation, and last for what belongs to none
    """
    room = np.empty(count, np.int64)
    number = load_passes().checks_user_accesses_outside(tables.pointer, array_address(is_inside), array_address(room))
    return room[:number]
