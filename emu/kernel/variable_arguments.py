# SPDX-License-Identifier: GPL-2.0-or-later
"""The arguments of a variadic function, one after the other.

On x64 each takes 8 bytes, and a floating-point one lies in the integer register, too (Microsoft Learn, "x64 calling
convention", Varargs): so it is read like any other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.address import ADDRESS_MASK, Gva

if TYPE_CHECKING:
    from emu.kernel.stubs import ExportCall
    from emu.kernel.system import System

SLOT = 8


def arguments_from(call: ExportCall, first: int) -> Callable[[], int]:
    """Return what gives an export's arguments, from an index on."""
    indices = itertools.count(first)
    return lambda: call.argument(next(indices))


def argument_list(system: System, address: int) -> Callable[[], int]:
    """Return what gives the arguments of a `va_list`; it raises `GuestFault`."""
    slots = itertools.count(address, SLOT)
    return lambda: int.from_bytes(system.read_guest(Gva(next(slots) & ADDRESS_MASK), SLOT), "little")
