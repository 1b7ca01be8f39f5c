# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the return address of each activation stands, and which activations returned to it."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from emu.checks.call.columns import Mask
from emu.checks.call.native_passes import load_passes
from emu.checks.call.native_tables import NativeTables
from emu.cpu.array_address import array_address
from emu.trace.source import Table, Words

HOME_SPACE: Final = 32
"""Bytes above the return address that are the callee's (Microsoft Learn, "x64 stack usage")."""


def fill_in_frames(tables: NativeTables) -> None:
    """Work out `slot` and `returned` of the activations of tables (native/call_frames.c)."""
    load_passes().checks_call_frames(tables.pointer, array_address(tables.activations))


class Frames:
    """The frames of the activations of a call, by the activations' numbers."""

    def __init__(self, activations: Table) -> None:
        """`activations` are filled in."""
        self._table = activations

    @functools.cached_property
    def slot(self) -> Words:
        """The address at which the return address of each was pushed; 0 where the host began it.

        Where it was jumped to, it is that of what jumped.
        """
        return np.ascontiguousarray(self._table["slot"])

    @functools.cached_property
    def returned(self) -> Mask:
        """Whether each ended with a return of its own, or of what it jumped to."""
        return np.asarray(self._table["returned"], bool)
