# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that only answer: previous mode, whether an address is valid, where a routine is."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.guest_strings import GuestStrings
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.memory.page_table import PageState


def ex_get_previous_mode(call: ExportCall) -> int:
    """ExGetPreviousMode(): KernelMode 0 or UserMode 1, as `machine.previous_mode` says (Microsoft Learn)."""
    return call.system.previous_mode


def mm_is_address_valid(call: ExportCall) -> int:
    """MmIsAddressValid(address): whether a read or write would cause no page fault (Microsoft Learn).

    A page that is paged out is not valid; a read-only one is, as on Windows, which looks at presence alone.
    """
    return int(call.system.memory.state(Gva(call.argument(0))) == PageState.RESIDENT)


def mm_get_system_routine_address(call: ExportCall) -> int:
    """MmGetSystemRoutineAddress(name, a UNICODE_STRING): the export's address, 0 for none (Microsoft Learn)."""
    name = GuestStrings(call.system).counted_wide(call.argument(0))
    return call.system.exported_address(name or "") or 0


EXPORTS: Final[dict[str, ExportFunction]] = {
    "ExGetPreviousMode": ex_get_previous_mode,
    "MmGetSystemRoutineAddress": mm_get_system_routine_address,
    "MmIsAddressValid": mm_is_address_valid,
}
