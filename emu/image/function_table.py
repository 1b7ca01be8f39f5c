# SPDX-License-Identifier: GPL-2.0-or-later
"""The function table (`.pdata`): from an RVA to the RUNTIME_FUNCTION that covers it.

Layout: Microsoft, "x64 exception handling": struct RUNTIME_FUNCTION.
"""

import bisect
import struct
from typing import NamedTuple, NoReturn

from emu.image.errors import ImageError

_ENTRY = struct.Struct("<III")
_INDIRECT = 1


class RuntimeFunction(NamedTuple):
    """One entry: RVAs of the first byte, of the byte after the last, and of the UNWIND_INFO."""

    begin: int
    end: int
    unwind_info: int


class FunctionTable:
    """The entries of an image's exception directory, in the order of their addresses."""

    def __init__(self, data: bytes, mapped: bytes, name: str) -> None:
        """Read the directory's bytes; `mapped` is the whole image by RVA, where indirect entries point.

        Raises ImageError, which names the entry's index, for entries that are empty, out of order, overlapping,
        outside the image, or indirect to another indirect one.
        """
        if len(data) % _ENTRY.size:
            raise ImageError(
                f"{name}: exception directory size = 0x{len(data):X}: not a multiple of {_ENTRY.size}, an entry's size"
            )
        self._name = name
        self._entries = [RuntimeFunction(*fields) for fields in _ENTRY.iter_unpack(data)]
        self._begins = [entry.begin for entry in self._entries]
        self._ends = [entry.end for entry in self._entries]
        previous_end = 0
        for index, entry in enumerate(self._entries):
            if not entry.begin < entry.end <= len(mapped):
                self._refuse(index, entry, f"not a range inside the image of 0x{len(mapped):X} bytes")
            if entry.begin < previous_end:
                self._refuse(index, entry, f"starts below the end 0x{previous_end:X} of the entry before it")
            previous_end = entry.end
            if entry.unwind_info & _INDIRECT:
                self._entries[index] = self._follow(index, entry, mapped)
            elif entry.unwind_info % 4 or entry.unwind_info + 4 > len(mapped):
                self._refuse(index, entry, f"unwind information at 0x{entry.unwind_info:X} is unaligned or outside")

    def _follow(self, index: int, entry: RuntimeFunction, mapped: bytes) -> RuntimeFunction:
        target = entry.unwind_info & ~_INDIRECT
        if target % 4 or target + _ENTRY.size > len(mapped):
            self._refuse(index, entry, f"its indirect entry at 0x{target:X} is unaligned or outside the image")
        followed = RuntimeFunction(*_ENTRY.unpack_from(mapped, target))
        if not followed.begin < followed.end <= len(mapped):
            self._refuse(index, entry, f"its indirect entry at 0x{target:X} is not a range inside the image")
        if followed.unwind_info % 4 or followed.unwind_info + 4 > len(mapped):
            self._refuse(index, entry, f"its indirect entry at 0x{target:X} has no unwind information of its own")
        return followed

    def _refuse(self, index: int, entry: RuntimeFunction, why: str) -> NoReturn:
        raise ImageError(f"{self._name}: function table entry {index} = 0x{entry.begin:X}..0x{entry.end:X}: {why}")

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def lookup(self, rva: int) -> RuntimeFunction | None:
        """Return the entry that covers an RVA, an indirect one followed; None means a leaf function or no code."""
        index = self.index(rva)
        return None if index is None else self._entries[index]

    def index(self, rva: int) -> int | None:
        """Return the position of the entry that covers an RVA, or None."""
        index = bisect.bisect_right(self._begins, rva) - 1
        return None if index < 0 or rva >= self._ends[index] else index
