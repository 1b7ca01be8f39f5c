# SPDX-License-Identifier: GPL-2.0-or-later
"""The two kinds of guest address: a function takes one or the other, never "an address"."""

from typing import NewType

Gva = NewType("Gva", int)
"""A guest-virtual address: what an instruction uses, before the page tables."""

Gpa = NewType("Gpa", int)
"""A guest-physical address: an offset into the machine's RAM."""

PAGE_SIZE = 0x1000
PAGE_SHIFT = 12

ADDRESS_MASK = 0xFFFF_FFFF_FFFF_FFFF


def is_canonical(address: int) -> bool:
    """Tell whether bits 63 to 47 of a 64-bit address are equal (Intel SDM Vol. 1, 3.3.7.1)."""
    return address < 0x8000_0000_0000 or address >= 0xFFFF_8000_0000_0000
