# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the page state that a fault names on a page."""

from __future__ import annotations

from emu.address import Gva
from emu.faults.fault import Fault
from emu.memory.half import Half


def set_page_state(half: Half, address: Gva, fault: Fault) -> None:
    """Put a fault's state on the page of an address. Raises ValueError where that is not allocated."""
    if fault.kind == "unmapped":
        half.unmap(address)
    elif fault.kind == "guard":
        half.guard(address)
    elif fault.kind == "paged-out":
        half.page_out(address)
    elif fault.status is not None:
        half.fail_page_in(address, fault.status)
    else:
        half.protect(address, fault.kind)
