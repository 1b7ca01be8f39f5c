# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things lie in the address space, and the placement that keeps hot pages apart.

The engine's TLB is indexed by the low bits of the page number: two pages whose numbers are equal modulo 64 evict
each other, and a copy between them runs at a quarter of its speed. So code, stacks, user data and kernel data each
have sixteen of every 64 page numbers to themselves.
"""

from __future__ import annotations

from typing import Final

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.memory.errors import OutOfMemory

WINDOW: Final = 64
SLOTS: Final = 16

USER_PROBE_ADDRESS: Final = Gva(0x7FFF_FFFF_0000)
"""The first address that is not a user address: MmUserProbeAddress of x64 Windows since 8.1."""

HIGHEST_USER_HALF: Final = Gva(0x7FFF_FFFF_FFFF)
SYSTEM_RANGE_START: Final = Gva(0xFFFF_8000_0000_0000)


class Arena:
    """A range of virtual addresses that hands out whole pages, each run with an unmapped page on both sides."""

    def __init__(self, name: str, base: int, limit: int, first_slot: int) -> None:
        self.name = name
        self._base = base >> PAGE_SHIFT
        self._limit = limit >> PAGE_SHIFT
        self._first_slot = first_slot
        self._next = self._base + first_slot

    @property
    def mark(self) -> int:
        """What `release_to` takes."""
        return self._next

    def release_to(self, mark: int) -> None:
        """Take back everything that was reserved after a mark."""
        self._next = mark

    def reserve(self, pages: int) -> Gva:
        """Return the address of so many unused pages. Raises `OutOfMemory`."""
        start = self._next
        slot = (start - self._base) % WINDOW - self._first_slot
        if slot and slot + pages + 1 > SLOTS:
            start += WINDOW - slot
        end = start + pages + 1
        if end > self._limit:
            raise OutOfMemory(f"no {pages * PAGE_SIZE} bytes of {self.name} addresses are left")
        past_window = (end - self._base) % WINDOW - self._first_slot
        if not 0 <= past_window < SLOTS:
            end += -past_window % WINDOW
        self._next = end
        return Gva(start << PAGE_SHIFT)


def images() -> Arena:
    """Kernel images."""
    return Arena("image", 0xFFFF_F800_0000_0000, 0xFFFF_F880_0000_0000, 0)


def kernel_stacks() -> Arena:
    """Kernel stacks."""
    return Arena("kernel stack", 0xFFFF_9000_0000_0000, 0xFFFF_9080_0000_0000, 16)


def user_data() -> Arena:
    """User memory."""
    return Arena("user", 0x1000_0000, USER_PROBE_ADDRESS, 32)


def kernel_data() -> Arena:
    """Kernel data."""
    return Arena("kernel data", 0xFFFF_A000_0000_0000, 0xFFFF_A080_0000_0000, 48)


def kernel_pool() -> Arena:
    """Pool: kernel data, too."""
    return Arena("pool", 0xFFFF_B000_0000_0000, 0xFFFF_B080_0000_0000, 48)
