# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the page state that a fault names on a page."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.faults.fault import IN_PAGE_ERROR, PAGE_STATES, Fault
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.page_table import PageState

_STATES: Final = {
    "unmapped": PageState.UNMAPPED,
    "none": PageState.NONE,
    "guard": PageState.GUARD,
    "paged-out": PageState.PAGED_OUT,
    IN_PAGE_ERROR: PageState.IN_PAGE_ERROR,
}
assert set(_STATES) | set(pt.PROTECTIONS) == set(PAGE_STATES)


def set_page_state(memory: AddressSpace, address: Gva, fault: Fault) -> None:
    """Put a fault's state on the page of an address. Raises `NotMapped` where there is none."""
    state = _STATES.get(fault.kind)
    if state is None:
        memory.set_entry(address, pt.with_protection(memory.entry(address), pt.PROTECTIONS[fault.kind]))
    else:
        memory.set_state(address, state, fault.argument or 0)
