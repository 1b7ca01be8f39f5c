# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's one address space: 4-level tables in guest RAM, and the host's reads and writes through them.

The tables are the truth. What Python keeps beside them, virtual page number → where the leaf entry lies, says
nothing about the page; it only saves the walk.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import NamedTuple

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gpa, Gva, is_canonical
from emu.cpu.native_core import LeafTable
from emu.memory import page_table as pt
from emu.memory.errors import NotMapped
from emu.memory.page_table import PageState
from emu.memory.ram import FrameAllocator, Ram

_OFFSET_MASK = PAGE_SIZE - 1
_TABLE_SHIFT = PAGE_SHIFT + 9


def _nothing() -> None:
    pass


class Mark(NamedTuple):
    """What `release_to` needs to forget later mappings."""

    frames: int
    leaf_tables: dict[int, int]
    in_page_status: dict[int, int]


class AddressSpace:
    """Virtual memory as both the guest and the host see it.

    Every virtual page has a frame of its own and keeps it in every page state, so that the host can read and
    write where the guest cannot. `on_entry_changed` is called whenever the host changed an entry,
    `on_code_changed` whenever it changed bytes that the engine may have translated.
    """

    def __init__(
        self, ram: Ram, on_entry_changed: Callable[[], None], on_code_changed: Callable[[], None] = _nothing
    ) -> None:
        self.ram = ram
        self._frames = FrameAllocator(ram)
        self._on_entry_changed = on_entry_changed
        self._on_code_changed = on_code_changed
        self._bytes = ram.bytes
        self._quadwords = ram.quadwords
        self._host_written = ram.host_written
        self._executable = ram.executable
        self._root = self._frames.allocate()
        self._leaf_tables: dict[int, int] = {}
        self._leaf_array: ctypes.Array[LeafTable] | None = None
        self._entries_used: dict[int, range] = {}
        # Leaf table → its entries that have ever been other than 0.
        self._in_page_status: dict[int, int] = {}
        # Virtual page number → host offset of its frame. One frame a virtual page, so this never goes stale.
        self._frame_offset: dict[int, int] = {}

    @property
    def frames_used(self) -> int:
        """The number of the first frame that nothing uses."""
        return self._frames.mark

    @property
    def frames_ever_used(self) -> int:
        """The number of the first frame that nothing has ever used."""
        return self._frames.ever_used

    @property
    def root(self) -> Gpa:
        """What CR3 holds."""
        return Gpa(self._root << PAGE_SHIFT)

    def map_page(self, address: Gva, *, user: bool, protection: int) -> int:
        """Give a page a frame of zeroes, resident. Returns the frame.

        Raises `OutOfMemory`, ValueError for an address that is not canonical or has a page already.
        """
        page = address >> PAGE_SHIFT
        if not is_canonical(address) or page in self._frame_offset:
            raise ValueError(f"cannot map a page at {address:#x}: it {_why_not(address)}")
        index = self._leaf_entry_index(address, create=True)
        frame = self._frames.allocate()
        self._frame_offset[page] = frame << PAGE_SHIFT
        self._change_entry(index, frame << PAGE_SHIFT | pt.PRESENT | protection | (pt.USER if user else 0))
        return frame

    def require_room(self, pages: int) -> None:
        """Raise `OutOfMemory` where RAM cannot hold so many more pages and the tables for them."""
        self._frames.require(pages + -(-pages // 512) + 4)

    def _leaf_entry_index(self, address: Gva, create: bool = False) -> int:
        """Return where the leaf entry lies, as an index of RAM's quadwords. Raises `NotMapped`."""
        table = self._leaf_tables.get(address >> _TABLE_SHIFT)
        if table is None:
            if not create:
                raise NotMapped(address)
            table = self._add_leaf_table(address)
        return table << 9 | address >> PAGE_SHIFT & 0x1FF

    def _add_leaf_table(self, address: Gva) -> int:
        table = self._root
        for index in pt.indices(address)[:3]:
            at = table << 9 | index
            if not self._quadwords[at]:
                self._quadwords[at] = self._frames.allocate() << PAGE_SHIFT | pt.PRESENT | pt.WRITABLE | pt.USER
                self._host_written[table] = 1
            table = (self._quadwords[at] & pt.FRAME_MASK) >> PAGE_SHIFT
        self._leaf_tables[address >> _TABLE_SHIFT] = table
        self._leaf_array = None
        return table

    def entry(self, address: Gva) -> int:
        """Return the leaf entry of a page. Raises `NotMapped` where there never was one."""
        entry = self._quadwords[self._leaf_entry_index(address)]
        if not entry:
            raise NotMapped(address)
        return entry

    def has_page(self, address: Gva) -> bool:
        """Tell whether there is a page at an address, whatever its state."""
        return address >> PAGE_SHIFT in self._frame_offset

    def has_leaf_table(self, address: Gva) -> bool:
        """Tell whether the walk for an address reaches a leaf table."""
        return address >> _TABLE_SHIFT in self._leaf_tables

    def set_entry(self, address: Gva, entry: int) -> None:
        """Change a leaf entry and have the engine's TLB flushed: the one door for the host's edits."""
        self._change_entry(self._leaf_entry_index(address), entry)

    def _change_entry(self, index: int, entry: int) -> None:
        old = self._quadwords[index]
        if not old:
            self._use_entry(index)
        if old & ~entry & pt.DIRTY:  # reset would no longer learn from the entry that the guest wrote the page
            self._mark(self._host_written, old)
        if not entry & pt.NO_EXECUTE:
            self._mark(self._executable, entry)
        self._quadwords[index] = entry
        self._host_written[index >> 9] = 1
        self._on_entry_changed()

    def _use_entry(self, index: int) -> None:
        table, entry = index >> 9, index & 0x1FF
        used = self._entries_used.get(table)
        if used is None or entry not in used:
            first, end = (used.start, used.stop) if used else (entry, entry)
            self._entries_used[table] = range(min(first, entry), max(end, entry + 1))
            self._leaf_array = None

    def _mark(self, frames: bytearray, entry: int) -> None:
        frame = (entry & pt.FRAME_MASK) >> PAGE_SHIFT
        if frame < self.ram.frames:
            frames[frame] = 1

    def entry_address(self, address: Gva) -> Gpa:
        """Return where the leaf entry of a page lies in RAM. Raises `NotMapped`."""
        return Gpa(self._leaf_entry_index(address) << 3)

    def state(self, address: Gva) -> PageState:
        """Return the state of the page at an address; a page that never was is unmapped."""
        try:
            return pt.page_state(self.entry(address))
        except NotMapped:
            return PageState.UNMAPPED

    def set_state(self, address: Gva, state: PageState, in_page_status: int = 0) -> None:
        """Put a page into a state; `in_page_status` is the NTSTATUS of an `IN_PAGE_ERROR`."""
        self.set_entry(address, pt.with_state(self.entry(address), state))
        if state == PageState.IN_PAGE_ERROR:
            self._in_page_status[address >> PAGE_SHIFT] = in_page_status

    def in_page_status(self, address: Gva) -> int:
        """Return the NTSTATUS with which paging in the page at an address fails."""
        return self._in_page_status[address >> PAGE_SHIFT]

    def translate(self, address: Gva) -> Gpa:
        """Return where a byte lies in RAM, whatever its page's state. Raises `NotMapped`."""
        offset = self._frame_offset.get(address >> PAGE_SHIFT)
        if offset is None:
            raise NotMapped(address)
        return Gpa(offset | address & _OFFSET_MASK)

    def pages(self) -> tuple[Gva, ...]:
        """Return every page that there is, whatever its state, in order of address."""
        return tuple(sorted(Gva(vpn << PAGE_SHIFT) for vpn in self._frame_offset))

    def pages_of(self, frames: Iterable[int]) -> tuple[Gva, ...]:
        """Return the pages that have some frames, in order of address; a frame without one has none."""
        wanted = {frame << PAGE_SHIFT for frame in frames}
        return tuple(sorted(Gva(vpn << PAGE_SHIFT) for vpn, at in self._frame_offset.items() if at in wanted))

    def read(self, address: Gva, size: int) -> bytes:
        """Read bytes, through every page state. Raises `NotMapped`."""
        offset = address & _OFFSET_MASK
        frame = self._frame_offset.get(address >> PAGE_SHIFT)
        if frame is not None and 0 < size <= PAGE_SIZE - offset:
            start = frame | offset
            return bytes(self._bytes[start : start + size])
        return b"".join(bytes(self._bytes[at : at + count]) for at, count in self._pieces(address, size))

    def write(self, address: Gva, data: bytes) -> None:
        """Write bytes, through every page state. Raises `NotMapped`, having written nothing."""
        offset = address & _OFFSET_MASK
        frame = self._frame_offset.get(address >> PAGE_SHIFT)
        if frame is not None and 0 < len(data) <= PAGE_SIZE - offset:
            start = frame | offset
            self._bytes[start : start + len(data)] = data
            self._written(frame >> PAGE_SHIFT)
            return
        done = 0
        for at, count in self._pieces(address, len(data)):
            self._bytes[at : at + count] = data[done : done + count]
            self._written(at >> PAGE_SHIFT)
            done += count

    def _written(self, frame: int) -> None:
        self._host_written[frame] = 1
        if self._executable[frame]:
            self._on_code_changed()

    def _pieces(self, address: Gva, size: int) -> list[tuple[int, int]]:
        """Split a range into runs within one page, as (offset in RAM, bytes)."""
        pieces: list[tuple[int, int]] = []
        while size > 0:
            count = min(size, PAGE_SIZE - (address & _OFFSET_MASK))
            pieces.append((self.translate(address), count))
            address, size = Gva(address + count), size - count
        return pieces

    def read_u64(self, address: Gva) -> int:
        """Read a quadword. Raises `NotMapped`."""
        if address & 7:
            return int.from_bytes(self.read(address, 8), "little")
        return self._quadwords[self.translate(address) >> 3]

    def write_u64(self, address: Gva, value: int) -> None:
        """Write a quadword. Raises `NotMapped`."""
        if address & 7:
            self.write(address, value.to_bytes(8, "little"))
            return
        at = self.translate(address)
        self._quadwords[at >> 3] = value
        self._written(at >> PAGE_SHIFT)

    def read_available(self, address: Gva, size: int) -> bytes:
        """Read up to so many bytes, fewer where the next page is not mapped."""
        try:
            return self.read(address, size)
        except NotMapped as missing:
            return self.read(address, missing.address - address)

    def leaf_tables(self) -> ctypes.Array[LeafTable]:
        """Return all leaf tables, with their entries that are in use, for the native core."""
        if self._leaf_array is None:
            used = [(table, self._entries_used.get(table, range(0))) for table in self._leaf_tables.values()]
            self._leaf_array = (LeafTable * len(used))(
                *(LeafTable(table, each.start, each.stop) for table, each in used)
            )
        return self._leaf_array

    def checkpoint(self) -> Mark:
        """Make the memory as it is what `reset` goes back to."""
        self.ram.checkpoint(self.leaf_tables())
        self._on_entry_changed()
        return Mark(self._frames.mark, dict(self._leaf_tables), dict(self._in_page_status))

    def reset(self, mark: Mark) -> None:
        """Go back to the last checkpoint, whose mark this is."""
        if self.ram.reset(self.leaf_tables()):
            self._on_code_changed()
        if self._frames.mark != mark.frames:
            limit = mark.frames << PAGE_SHIFT
            self._frame_offset = {vpn: at for vpn, at in self._frame_offset.items() if at < limit}
            self._frames.release_to(mark.frames)
        if len(self._leaf_tables) != len(mark.leaf_tables):
            self._leaf_tables = dict(mark.leaf_tables)
            self._leaf_array = None
        if self._in_page_status != mark.in_page_status:
            self._in_page_status = dict(mark.in_page_status)
        self._on_entry_changed()


def _why_not(address: Gva) -> str:
    return "has one already" if is_canonical(address) else "is not a canonical address"
