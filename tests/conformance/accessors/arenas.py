# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory that every case of the conformance suite works in: five arenas at fixed addresses, and what they hold.

An object lies before, across or behind the boundary between the first two pages of an arena; the page behind the
boundary is the one whose state a case chooses.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.address import PAGE_SIZE

LIMIT: Final = 0x7FFF_FFFF_0000
"""MmUserProbeAddress of x64 (tests/conformance/test_ranges.py compares it with what the kernel exports)."""
WRAP: Final = 1 << 64


class Arena(NamedTuple):
    """A run of pages with unmapped ones around."""

    name: str
    base: int
    pages: int
    is_user: bool

    @property
    def boundary(self) -> int:
        """Where the second page begins."""
        return self.base + PAGE_SIZE

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.base + self.pages * PAGE_SIZE

    def holds(self, address: int) -> bool:
        return self.base <= address < self.end


def _pattern(seed: int, size: int) -> bytes:
    """Bytes without a zero, so that no string ends by chance. Patterns of different seeds differ at every offset."""
    return bytes(1 + (index * 5 + index // 251 * 3 + seed * 48) % 251 for index in range(size))


USER_SOURCE: Final = Arena("user source", 0x5000_0002_0000, 3, True)
USER_TARGET: Final = Arena("user target", 0x5000_0002_4000, 3, True)
KERNEL_SOURCE: Final = Arena("kernel source", 0xFFFF_C000_0003_0000, 3, False)
KERNEL_TARGET: Final = Arena("kernel target", 0xFFFF_C000_0003_4000, 3, False)
USER_TOP: Final = Arena("user top", LIMIT - PAGE_SIZE, 1, True)
"""The last page of user addresses: its end is the limit."""

ARENAS: Final = (USER_SOURCE, USER_TARGET, KERNEL_SOURCE, KERNEL_TARGET, USER_TOP)
CONTENTS: Final = {arena.name: _pattern(number, arena.pages * PAGE_SIZE) for number, arena in enumerate(ARENAS)}


def arena_of(address: int) -> Arena | None:
    """Return the arena that an address lies in."""
    return next((arena for arena in ARENAS if arena.holds(address)), None)


class Patch(NamedTuple):
    """Bytes that a case puts into an arena."""

    address: int
    data: bytes


class Memory:
    """What the arenas hold before a case."""

    def __init__(self, patches: tuple[Patch, ...] = ()) -> None:
        self.patches = patches
        self._patched: dict[str, bytes] = {}
        for address, data in patches:
            arena = arena_of(address)
            if arena is None or address + len(data) > arena.end:
                raise ValueError(f"{len(data)} bytes at {address:#x} lie in no arena")
            start = address - arena.base
            content = self.content(arena)
            self._patched[arena.name] = content[:start] + data + content[start + len(data) :]

    def content(self, arena: Arena) -> bytes:
        """Return all that an arena holds."""
        return self._patched.get(arena.name, CONTENTS[arena.name])

    def read(self, address: int, size: int) -> bytes:
        """Return what lies at an address; zeroes where not all of it lies in an arena, which no call gets to see."""
        arena = arena_of(address)
        if arena is None or address + size > arena.end:
            return bytes(size)
        start = address - arena.base
        return self.content(arena)[start : start + size]

    def first_missing(self, address: int, size: int) -> int | None:
        """Return the first byte of a range that lies in no arena."""
        arena = arena_of(address)
        if arena is None:
            return address
        return arena.end if address + size > arena.end else None


UNPATCHED: Final = Memory()
