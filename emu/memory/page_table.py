# SPDX-License-Identifier: GPL-2.0-or-later
"""Page-table entries: the hardware's bits (Intel SDM Vol. 3, 4.5), and ours in those that it ignores.

An absent entry keeps its frame number and its protection, so that nothing has to be remembered elsewhere.
Bits 9 to 11, which the processor ignores, hold the page state.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from emu.address import PAGE_SHIFT

PRESENT: Final = 1 << 0
WRITABLE: Final = 1 << 1
USER: Final = 1 << 2
ACCESSED: Final = 1 << 5
DIRTY: Final = 1 << 6
NO_EXECUTE: Final = 1 << 63

FRAME_MASK: Final = 0x000F_FFFF_FFFF_F000
STATE_SHIFT: Final = 9
STATE_MASK: Final = 0b111 << STATE_SHIFT

PROTECTION_MASK: Final = WRITABLE | NO_EXECUTE


class PageState(IntEnum):
    """What a touch of the page gives."""

    RESIDENT = 0
    UNMAPPED = 1
    NONE = 2
    GUARD = 3
    PAGED_OUT = 4
    IN_PAGE_ERROR = 5


_STATES: Final = tuple(PageState)
"""By number: calling the class takes three times as long."""


STATE_NAMES: Final = {
    PageState.RESIDENT: "resident",
    PageState.UNMAPPED: "unmapped",
    PageState.NONE: "none",
    PageState.GUARD: "guard",
    PageState.PAGED_OUT: "paged-out",
    PageState.IN_PAGE_ERROR: "in-page-error",
}

PROTECTIONS: Final = {
    "ro": NO_EXECUTE,
    "rw": WRITABLE | NO_EXECUTE,
    "rx": 0,
    "rwx": WRITABLE,
}
"""A resident page's protection, as bits of its entry."""


class PageTableEntry(NamedTuple):
    """A leaf entry, taken apart."""

    frame: int
    state: PageState
    writable: bool
    user: bool
    executable: bool
    accessed: bool = False
    dirty: bool = False

    def encode(self) -> int:
        """Return the 64-bit entry; only a resident page is present."""
        return (
            self.frame << PAGE_SHIFT
            | self.state << STATE_SHIFT
            | (PRESENT if self.state == PageState.RESIDENT else 0)
            | (WRITABLE if self.writable else 0)
            | (USER if self.user else 0)
            | (0 if self.executable else NO_EXECUTE)
            | (ACCESSED if self.accessed else 0)
            | (DIRTY if self.dirty else 0)
        )

    @classmethod
    def decode(cls, entry: int) -> PageTableEntry:
        """Take a 64-bit entry apart. Raises ValueError for a state that does not exist."""
        return cls(
            frame=(entry & FRAME_MASK) >> PAGE_SHIFT,
            state=page_state(entry),
            writable=bool(entry & WRITABLE),
            user=bool(entry & USER),
            executable=not entry & NO_EXECUTE,
            accessed=bool(entry & ACCESSED),
            dirty=bool(entry & DIRTY),
        )


def page_state(entry: int) -> PageState:
    """Return the state that an entry holds."""
    number = (entry & STATE_MASK) >> STATE_SHIFT
    return _STATES[number] if number < len(_STATES) else PageState(number)


def with_state(entry: int, state: PageState) -> int:
    """Return the entry in another state, its frame, protection, A and D bits as they were."""
    present = PRESENT if state == PageState.RESIDENT else 0
    return entry & ~(STATE_MASK | PRESENT) | state << STATE_SHIFT | present


def with_protection(entry: int, protection: int) -> int:
    """Return the entry resident and with one of the values of `PROTECTIONS`."""
    return with_state(entry & ~PROTECTION_MASK | protection, PageState.RESIDENT)


def describe_protection(entry: int) -> str:
    """Return the name in `PROTECTIONS` that the entry's bits have."""
    bits = entry & PROTECTION_MASK
    return next(name for name, value in PROTECTIONS.items() if value == bits)


def indices(address: int) -> tuple[int, int, int, int]:
    """Split a virtual address into its indices: PML4, page-directory pointer, page directory, page table."""
    return (
        address >> 39 & 0x1FF,
        address >> 30 & 0x1FF,
        address >> 21 & 0x1FF,
        address >> 12 & 0x1FF,
    )
