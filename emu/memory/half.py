# SPDX-License-Identifier: GPL-2.0-or-later
"""One half of the address space, user or supervisor: allocation and page states, as tests write them."""

from __future__ import annotations

from typing import NamedTuple

from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.buffer import Buffer
from emu.memory.errors import NotMapped
from emu.memory.layout import Arena
from emu.memory.page_table import PageState, PageTableEntry

PAGE_MASK = ~(PAGE_SIZE - 1)

STATUS_DEVICE_DATA_ERROR = 0xC000009C


class HalfMark(NamedTuple):
    """What `Half.release_to` takes."""

    arena: int
    buffers: int


class Half:
    """User or kernel memory: `machine.user` and `machine.kernel`.

    `where` is a Buffer (all its pages) or an address (its page).
    """

    def __init__(self, name: str, space: AddressSpace, arena: Arena, *, user: bool) -> None:
        self.name = name
        self._space = space
        self._arena = arena
        self._user = user
        self.buffers: list[Buffer] = []
        """Every buffer allocated, oldest first."""

    def alloc(self, content: bytes | bytearray | memoryview | int, *, offset: int = 0, name: str = "") -> Buffer:
        """Allocate a buffer on pages of its own, readable and writable, unmapped pages around it.

        `content` is the bytes to put there, or a size of zeroes. The buffer starts `offset` bytes into its
        first page, so that an alignment or a page boundary inside it can be chosen. `name` is for reports.
        Raises ValueError for an offset outside a page, `OutOfMemory` when RAM is used up.
        """
        if isinstance(content, bool) or (isinstance(content, int) and content < 0):
            raise ValueError(f"cannot allocate {content!r} bytes; give a size of 0 or more, or the bytes themselves")
        if not 0 <= offset < PAGE_SIZE:
            raise ValueError(f"offset {offset} lies outside a page; choose 0 to {PAGE_SIZE - 1}")
        data = b"" if isinstance(content, int) else bytes(content)
        size = content if isinstance(content, int) else len(data)
        pages = max(1, -(-(offset + size) // PAGE_SIZE))
        self._space.require_room(pages)
        base = self._arena.reserve(pages)
        for page in range(pages):
            self._space.map_page(Gva(base + page * PAGE_SIZE), user=self._user, protection=pt.PROTECTIONS["rw"])
        buffer = Buffer(self._space, Gva(base + offset), size, name)
        self.buffers.append(buffer)
        if data:
            buffer.write(data)
        return buffer

    def _pages(self, where: Buffer | int) -> list[Gva]:
        if isinstance(where, Buffer):
            where.check_alive()
            first, last = where.address & PAGE_MASK, where.address + max(where.size, 1) - 1
            pages = [Gva(page) for page in range(first, last + 1, PAGE_SIZE)]
        else:
            pages = [Gva(int(where) & PAGE_MASK)]
        for page in pages:
            try:
                entry = self._space.entry(page)
            except NotMapped:
                raise ValueError(
                    f"{int(where):#x} is not allocated; allocate it with machine.{self.name}.alloc()"
                ) from None
            if bool(entry & pt.USER) != self._user:
                raise ValueError(f"{int(where):#x} is not {self.name} memory")
        return pages

    def _set_state(self, where: Buffer | int, state: PageState, status: int = 0) -> None:
        for page in self._pages(where):
            self._space.set_state(page, state, status)

    def protect(self, where: Buffer | int, protection: str) -> None:
        """Make pages resident with a protection: "rw", "ro", "rx", "rwx", or "none" for no access at all."""
        if protection == "none":
            self._set_state(where, PageState.NONE)
            return
        if protection not in pt.PROTECTIONS:
            raise ValueError(f"unknown protection {protection!r}; known: none, {', '.join(pt.PROTECTIONS)}")
        for page in self._pages(where):
            self._space.set_entry(page, pt.with_protection(self._space.entry(page), pt.PROTECTIONS[protection]))

    def unmap(self, where: Buffer | int) -> None:
        """Make pages absent: a touch is an access violation."""
        self._set_state(where, PageState.UNMAPPED)

    def guard(self, where: Buffer | int) -> None:
        """Make pages guard pages: the first touch raises and disarms, later ones go by the protection."""
        self._set_state(where, PageState.GUARD)

    def page_out(self, where: Buffer | int) -> None:
        """Page out: a touch brings the page back and the instruction is retried."""
        self._set_state(where, PageState.PAGED_OUT)

    def fail_page_in(self, where: Buffer | int, status: int = STATUS_DEVICE_DATA_ERROR) -> None:
        """Page out for good: a touch is an in-page error with this NTSTATUS."""
        if not 0 <= status <= 0xFFFF_FFFF:
            raise ValueError(f"{status:#x} is no NTSTATUS; it has 32 bits")
        self._set_state(where, PageState.IN_PAGE_ERROR, status)

    def state(self, where: Buffer | int) -> str:
        """Describe the page of an address, or a buffer's first page: a state, or "resident" and its protection."""
        address = Gva(int(where))
        state = self._space.state(address)
        if state != PageState.RESIDENT:
            return pt.STATE_NAMES[state]
        return f"resident, {pt.describe_protection(self._space.entry(address))}"

    def entry(self, where: Buffer | int) -> PageTableEntry:
        """Return the page-table entry of an address, or of a buffer's first page, taken apart."""
        return PageTableEntry.decode(self._space.entry(self._pages(where)[0]))

    def find_buffer(self, address: Gva) -> Buffer | None:
        """Return the buffer on whose pages an address lies."""
        page = address >> PAGE_SHIFT
        for buffer in self.buffers:
            last = buffer.address + max(buffer.size, 1) - 1
            if buffer.address >> PAGE_SHIFT <= page <= last >> PAGE_SHIFT:
                return buffer
        return None

    @property
    def mark(self) -> HalfMark:
        """What `release_to` takes."""
        return HalfMark(self._arena.mark, len(self.buffers))

    def release_to(self, mark: HalfMark) -> None:
        """Forget the buffers allocated after a mark; using one raises from then on."""
        if len(self.buffers) != mark.buffers:
            for buffer in self.buffers[mark.buffers :]:
                buffer.retire()
            del self.buffers[mark.buffers :]
        self._arena.release_to(mark.arena)
