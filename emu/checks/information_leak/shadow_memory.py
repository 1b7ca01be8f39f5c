# SPDX-License-Identifier: GPL-2.0-or-later
"""The shadow of kernel memory: which bytes nobody has initialised, and what they hold where that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from emu.address import PAGE_SHIFT, PAGE_SIZE
from emu.checks.call.columns import Mask
from emu.checks.information_leak.combinations import Shadow
from emu.trace.source import Words

HERE: Final = 1
"""In a shadow: uninitialised since its memory was allocated. Other numbers are of bytes that were copied there."""

_WIDEST: Final = 16
_OFFSET: Final = PAGE_SIZE - 1
_CLEAN: Final = tuple(bytes(size) for size in range(33))


class ShadowMemory:
    """Pages with uninitialised bytes; what lies on no page of it is initialised.

    What the host writes does not come by here. It is told from what a byte holds: another value than the guest left
    there was written by the host.
    """

    def __init__(
        self, stack: range, read_page: Callable[[int], bytes | None], name_origin: Callable[[int], int]
    ) -> None:
        """`stack` has the addresses that the stack may have, `read_page` what a page held when the call began.

        name_origin  gives the number, from 2, of the origin of a byte that is uninitialised where it is
        """
        self._stack = stack
        self._read_page = read_page
        self._name_origin = name_origin
        self._pages: dict[int, bytearray] = {}
        self._content: dict[int, bytearray] = {}
        self.version = 0
        """Counts the pages that have got a shadow."""
        self.stack_end = 0
        """Behind the last byte of the stack that is dead: below RSP."""
        self.low = 0
        """The lowest byte of the stack that was written since it was dead."""

    def _page(self, number: int) -> bytearray | None:
        page = self._pages.get(number)
        if page is None and number << PAGE_SHIFT in self._stack and number << PAGE_SHIFT < self.stack_end:
            page = self._pages[number] = bytearray(bytes((HERE,)) * PAGE_SIZE)
            self.version += 1
            above = (number + 1 << PAGE_SHIFT) - self.stack_end
            if above > 0:
                page[PAGE_SIZE - above :] = bytes(above)
            content = self._read_page(number << PAGE_SHIFT)
            if content is not None:
                self._content[number] = bytearray(content)
        return page

    def may_have(self, first: Words, last: Words) -> Mask:
        """Tell which accesses, from their first to their last bytes, touch a page with a shadow."""
        pages = np.array(sorted(self._pages), np.uint64)
        shift = np.uint64(PAGE_SHIFT)
        on_stack = (first >= np.uint64(self._stack.start)) & (first < np.uint64(self.stack_end))
        return on_stack | np.isin(first >> shift, pages) | np.isin(last >> shift, pages)

    def _pieces(self, address: int, size: int) -> Iterator[tuple[int, int, int, int]]:
        """Give the parts of a range: page number, offset there, offset in the range, bytes."""
        at = 0
        while at < size:
            offset = address + at & _OFFSET
            count = min(size - at, PAGE_SIZE - offset)
            yield address + at >> PAGE_SHIFT, offset, at, count
            at += count

    def load(self, address: int, size: int, value: int) -> Shadow:
        """Return the shadow of what was read, each origin by its number."""
        number, offset = address >> PAGE_SHIFT, address & _OFFSET
        if offset + size > PAGE_SIZE:
            pieces = self._pieces(address, size)
            return b"".join(self.load(address + at, count, value >> 8 * at) for _, _, at, count in pieces)
        page = self._pages.get(number) or self._page(number)
        if page is None:
            return _CLEAN[size]
        found = bytes(page[offset : offset + size])
        if found == _CLEAN[size]:
            return found
        return self._resolved(page, number, offset, found, value)

    def _resolved(self, page: bytearray, number: int, offset: int, found: Shadow, value: int) -> Shadow:
        size, content = len(found), self._content.get(number)
        if content is not None:
            given = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
            if given != content[offset : offset + size]:
                pairs = zip(found, given, content[offset : offset + size], strict=True)
                found = bytes(mark if byte == known else 0 for mark, byte, known in pairs)
                page[offset : offset + size] = found
                content[offset : offset + size] = given
        if HERE not in found:
            return found
        begin = (number << PAGE_SHIFT) + offset
        return bytes(self._name_origin(begin + at) if mark == HERE else mark for at, mark in enumerate(found))

    def store(self, address: int, shadow: Shadow, value: int) -> None:
        """Note what was written, and its shadow."""
        size = len(shadow)
        number, offset = address >> PAGE_SHIFT, address & _OFFSET
        if offset + size > PAGE_SIZE:
            for _, _, at, count in self._pieces(address, size):
                self.store(address + at, shadow[at : at + count], value >> 8 * at)
            return
        page = self._pages.get(number) or self._page(number)
        if page is None:
            if shadow == _CLEAN[size]:
                return
            page = self._pages[number] = bytearray(PAGE_SIZE)
            self.version += 1
        page[offset : offset + size] = shadow
        content = self._content.get(number)
        if content is not None:
            content[offset : offset + size] = value.to_bytes(_WIDEST, "little")[:size]
        if address < self.low and address in self._stack:
            self.low = address

    def initialize(self, address: int, size: int) -> None:
        """Make a range initialised: the host wrote it, or it is nobody's any more."""
        for number, offset, _, count in self._pieces(address, size):
            page = self._page(number)
            if page is not None:
                page[offset : offset + count] = bytes(count)
        if address in self._stack:
            self.low = min(self.low, address)

    def allocate(self, address: int, size: int, filled_with: int) -> None:
        """Make a range uninitialised; every byte holds the same. Its pages are nothing else."""
        self.version += 1
        for number, offset, _, count in self._pieces(address, size):
            page = self._pages.setdefault(number, bytearray(PAGE_SIZE))
            page[offset : offset + count] = bytes((HERE,)) * count
            content = self._content.setdefault(number, bytearray(PAGE_SIZE))
            content[offset : offset + count] = bytes((filled_with,)) * count

    def stack_moves(self, pointer: int) -> None:
        """Make the stack below RSP uninitialised: what lies there is dead, and the next frame's."""
        if not self.stack_end:
            self.stack_end = pointer
        elif self.low < pointer:
            for number, offset, _, count in self._pieces(self.low, pointer - self.low):
                page = self._page(number)
                if page is not None:
                    page[offset : offset + count] = bytes((HERE,)) * count
        self.low = pointer

    @property
    def known(self) -> Iterator[tuple[int, bytearray, bytearray]]:
        """The pages whose content is known: address, shadow, content."""
        for number, content in self._content.items():
            yield number << PAGE_SHIFT, self._pages[number], content
