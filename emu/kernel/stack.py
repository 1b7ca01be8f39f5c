# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks: the kernel stack that calls run on, and a user stack that grows."""

from __future__ import annotations

from typing import Final

from emu.address import PAGE_SIZE, Gva
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.layout import Arena
from emu.memory.page_table import PageState
from emu.seh.environment import StackLimits

KERNEL_STACK_SIZE: Final = 0x6000
"""24 KiB, as x64 Windows gives a thread (KERNEL_STACK_SIZE of the WDK)."""


def map_kernel_stack(memory: AddressSpace, arena: Arena, size: int = KERNEL_STACK_SIZE) -> StackLimits:
    """Map a kernel stack, an unmapped page on both sides, and return its limits."""
    low = arena.reserve(size // PAGE_SIZE)
    for page in range(low, low + size, PAGE_SIZE):
        memory.map_page(Gva(page), user=False, protection=pt.PROTECTIONS["rw"])
    return StackLimits(low, low + size)


def is_kernel_writable(memory: AddressSpace, address: int) -> bool:
    """Tell whether supervisor code can write the page of an address without a fault."""
    if memory.state(Gva(address)) != PageState.RESIDENT:
        return False
    return memory.entry(Gva(address)) & (pt.WRITABLE | pt.USER) == pt.WRITABLE


class UserStack:
    """The user stack of the current thread: `machine.user_stack`.

    Memory from `limit` to `base` is committed; the page below `limit` is a guard page. A touch of the guard page,
    by kernel code too, commits it and moves the guard down by a page, until nothing is left below: then the touch
    is a stack overflow (Microsoft Learn, "Thread Stack Size" and "Creating Guard Pages").
    """

    def __init__(self, memory: AddressSpace, arena: Arena, *, reserve: int = 8, commit: int = 2) -> None:
        self._memory = memory
        self._reserved = arena.reserve(reserve)
        pages = [Gva(self._reserved + page * PAGE_SIZE) for page in range(reserve)]
        self.base = Gva(pages[-1] + PAGE_SIZE)
        """The end of the stack: where RSP starts."""
        for page in pages:
            memory.map_page(page, user=True, protection=pt.PROTECTIONS["rw"])
            memory.set_state(page, PageState.UNMAPPED)
        for page in pages[-commit:]:
            memory.set_state(page, PageState.RESIDENT)
        memory.set_state(Gva(self.base - (commit + 1) * PAGE_SIZE), PageState.GUARD)

    @property
    def guard(self) -> Gva:
        """The guard page."""
        for page in range(self._reserved, self.base, PAGE_SIZE):
            if self._memory.state(Gva(page)) == PageState.GUARD:
                return Gva(page)
        return self._reserved

    @property
    def limit(self) -> Gva:
        """The lowest committed address."""
        return Gva(self.guard + PAGE_SIZE)

    def holds(self, address: int) -> bool:
        """Tell whether an address lies in the reserved range."""
        return self._reserved <= address < self.base

    def grow(self, address: Gva) -> Gva | None:
        """Commit the guard page at `address`; return the new guard page, None where there is no room for one."""
        page = Gva(address & ~(PAGE_SIZE - 1))
        below = Gva(page - PAGE_SIZE)
        self._memory.set_state(page, PageState.RESIDENT)
        if below < self._reserved:
            return None
        self._memory.set_state(below, PageState.GUARD)
        return below
