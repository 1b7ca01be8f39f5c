# SPDX-License-Identifier: GPL-2.0-or-later
"""Pool: kernel memory that drivers allocate, each block on pages of its own.

A block of less than a page ends where its page does, up to its alignment, so that running over its end meets an
unmapped page; a larger one begins with its page, as documented. The bytes of its pages that are not the block's hold a
pattern that is checked when it is freed. A freed block's pages are unmapped, and no later block is given their
addresses until the pool runs short of pages.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.address import PAGE_SIZE, Gva
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.errors import OutOfMemory
from emu.memory.layout import Arena
from emu.memory.page_table import PageState

ALIGNMENT: Final = 16
"""Of every block (MEMORY_ALLOCATION_ALIGNMENT of x64 Windows)."""
CACHE_LINE: Final = 64

UNINITIALIZED: Final = 0xF1
"""What every byte of a new block holds that is not asked for as zeroes."""
SURROUNDING: Final = 0xFA
"""What the bytes around a block on its pages hold."""
FREED: Final = 0xFD
"""What a freed block's pages hold, where the host looks at them."""


class PoolBlock(NamedTuple):
    """One block, as it was allocated."""

    address: Gva
    size: int
    tag: int
    pool_type: int
    """A POOL_TYPE; for ExAllocatePool2 its flags."""
    paged: bool
    caller: Gva
    """The return address of the call that allocated it."""
    base: Gva
    """Its first page."""
    pages: int

    def covers(self, address: int) -> bool:
        """Tell whether an address lies on the block's pages or the unmapped page behind them."""
        return self.base <= address < self.base + (self.pages + 1) * PAGE_SIZE


class FreedBlock(NamedTuple):
    """A block and who freed it."""

    block: PoolBlock
    caller: Gva


class PoolMark(NamedTuple):
    """What `Pool.release_to` takes."""

    arena: int
    live: dict[int, PoolBlock]
    freed: dict[int, FreedBlock]
    used: int


def format_tag(tag: int) -> str:
    """Return a pool tag as it is written in source: the first byte of memory first."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in tag.to_bytes(4, "little"))


class Pool:
    """All blocks. `page_limit` pages at most are in use, live or freed."""

    def __init__(self, memory: AddressSpace, arena: Arena, page_limit: int) -> None:
        self._memory = memory
        self._arena = arena
        self._limit = page_limit
        self._used = 0
        self._live: dict[int, PoolBlock] = {}
        self._freed: dict[int, FreedBlock] = {}
        self._changed = False

    @property
    def outstanding(self) -> list[PoolBlock]:
        """Every block that is allocated and not freed, oldest first."""
        return list(self._live.values())

    def block_at(self, address: int) -> PoolBlock | None:
        """Return the block that begins at an address."""
        return self._live.get(address)

    def freed_at(self, address: int) -> FreedBlock | None:
        """Return the freed block that began at an address."""
        return self._freed.get(address)

    def covering(self, address: int) -> PoolBlock | FreedBlock | None:
        """Return the block, or the freed block, on whose pages an address lies or right behind them."""
        for block in self._live.values():
            if block.covers(address):
                return block
        return next((freed for freed in self._freed.values() if freed.block.covers(address)), None)

    def allocate(
        self,
        size: int,
        tag: int,
        caller: Gva,
        *,
        pool_type: int,
        paged: bool,
        executable: bool = False,
        zero: bool = False,
        alignment: int = ALIGNMENT,
    ) -> PoolBlock | None:
        """Allocate a block; None where there is no room.

        A block of no bytes has an address of its own that cannot be touched.
        """
        run = self._take_pages(max(1, -(-size // PAGE_SIZE)))
        if run is None:
            return None
        base, pages = run
        offset = PAGE_SIZE - -(-size // alignment) * alignment if size < PAGE_SIZE else 0
        content = bytes(size) if zero else bytes((UNINITIALIZED,)) * size
        behind = pages * PAGE_SIZE - offset - size
        protection = pt.PROTECTIONS["rwx" if executable else "rw"]
        for page in range(base, base + pages * PAGE_SIZE, PAGE_SIZE):
            self._memory.set_entry(Gva(page), pt.with_protection(self._memory.entry(Gva(page)), protection))
        self._memory.write(base, bytes((SURROUNDING,)) * offset + content + bytes((SURROUNDING,)) * behind)
        block = PoolBlock(Gva(base + offset), size, tag, pool_type, paged, caller, base, pages)
        self._live[block.address] = block
        self._changed = True
        return block

    def _take_pages(self, pages: int) -> tuple[Gva, int] | None:
        """Map new pages, or take those of the block that was freed first and is large enough."""
        if self._used + pages <= self._limit:
            try:
                self._memory.require_room(pages)
                base = self._arena.reserve(pages)
            except OutOfMemory:
                pass
            else:
                for page in range(base, base + pages * PAGE_SIZE, PAGE_SIZE):
                    self._memory.map_page(Gva(page), user=False, protection=pt.PROTECTIONS["rw"])
                self._used += pages
                return base, pages
        for address, (block, _) in self._freed.items():
            if block.pages >= pages:
                del self._freed[address]
                return block.base, block.pages
        return None

    def corruption(self, block: PoolBlock) -> Gva | None:
        """Return the first byte around a block, on its pages, that was overwritten."""
        end = block.base + block.pages * PAGE_SIZE
        for start, stop in ((block.base, block.address), (block.address + block.size, end)):
            found = self._memory.read(Gva(start), max(0, stop - start))
            if found.strip(bytes((SURROUNDING,))):
                at = len(found) - len(found.lstrip(bytes((SURROUNDING,))))
                return Gva(start + at)
        return None

    def free(self, block: PoolBlock, caller: Gva) -> None:
        """Free a block: unmap its pages and poison them."""
        del self._live[block.address]
        self._freed[block.address] = FreedBlock(block, caller)
        self._changed = True
        self._memory.write(block.base, bytes((FREED,)) * (block.pages * PAGE_SIZE))
        for page in range(block.base, block.base + block.pages * PAGE_SIZE, PAGE_SIZE):
            self._memory.set_state(Gva(page), PageState.UNMAPPED)

    def checkpoint(self) -> PoolMark:
        """Return what `release_to` takes. Older marks are gone."""
        self._changed = False
        return PoolMark(self._arena.mark, dict(self._live), dict(self._freed), self._used)

    def release_to(self, mark: PoolMark) -> None:
        """Go back to the last mark; the memory itself goes back with the address space."""
        if self._changed:
            self._live, self._freed = dict(mark.live), dict(mark.freed)
            self._used = mark.used
            self._arena.release_to(mark.arena)
            self._changed = False
