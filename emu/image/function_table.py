# SPDX-License-Identifier: GPL-2.0-or-later
"""The function table (`.pdata`): from an RVA to the RUNTIME_FUNCTION that covers it.

Layout: Microsoft, "x64 exception handling": struct RUNTIME_FUNCTION.
"""

import bisect
import struct
from collections.abc import Iterator
from typing import NamedTuple

from emu.image.errors import ImageError

_ENTRY = struct.Struct("<III")
_INDIRECT = 1


MOST_FUNCTIONS = 0x4_0000
"""Entries that one image may have."""


class RuntimeFunction(NamedTuple):
    """One entry: RVAs of the first byte, of the byte after the last, and of the UNWIND_INFO."""

    begin: int
    end: int
    unwind_info: int


class TableFault(NamedTuple):
    """What is wrong with one entry, or with the table as a whole (`number` None)."""

    number: int | None
    entry: RuntimeFunction | None
    why: str

    def __str__(self) -> str:
        if self.number is None or self.entry is None:
            return self.why
        return f"function table entry {self.number} = 0x{self.entry.begin:X}..0x{self.entry.end:X}: {self.why}"


class FunctionTable:
    """The entries of an image's exception directory, in the order of their addresses."""

    def __init__(self, data: bytes, mapped: bytes, name: str, *, strict: bool = True) -> None:
        """Read the directory's bytes; `mapped` is the whole image by RVA, where indirect entries point.

        Raises ImageError, which names the entry's index, for entries that are empty, out of order, overlapping,
        outside the image, or indirect to another indirect one. Not `strict`: these are left out, and are in `faults`.
        """
        self.faults: list[TableFault] = []
        """What is wrong with the table."""
        if len(data) % _ENTRY.size:
            why = f"exception directory size = 0x{len(data):X}: not a multiple of {_ENTRY.size}, an entry's size"
            self._note(name, TableFault(None, None, why), strict)
        count = len(data) // _ENTRY.size
        if count > MOST_FUNCTIONS:
            why = f"exception directory size = 0x{len(data):X}: more than the limit of 0x{MOST_FUNCTIONS:X} functions"
            self._note(name, TableFault(None, None, why), strict)
            count = MOST_FUNCTIONS
        entries: list[tuple[RuntimeFunction, RuntimeFunction]] = []
        previous_end = 0
        for index, fields in enumerate(_ENTRY.iter_unpack(data[: count * _ENTRY.size])):
            entry = RuntimeFunction(*fields)
            followed, why = _follow(entry, mapped)
            if not entry.begin < entry.end <= len(mapped):
                why = f"not a range inside the image of 0x{len(mapped):X} bytes"
            elif entry.begin < previous_end:
                why = f"starts below the end 0x{previous_end:X} of the entry before it"
            else:
                previous_end = entry.end
            if why:
                self._note(name, TableFault(index, entry, why), strict)
            else:
                entries.append((entry, followed))
        self._begins = [entry.begin for entry, _ in entries]
        self._ends = [entry.end for entry, _ in entries]
        self._entries = [followed for _, followed in entries]

    def _note(self, name: str, fault: TableFault, strict: bool) -> None:
        if strict:
            raise ImageError(f"{name}: {fault}")
        self.faults.append(fault)

    def __iter__(self) -> Iterator[RuntimeFunction]:
        """Go through the entries, indirect ones followed."""
        return iter(self._entries)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Go through the code that each entry covers, which is an indirect one's own."""
        return zip(self._begins, self._ends, strict=True)

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


def _follow(entry: RuntimeFunction, mapped: bytes) -> tuple[RuntimeFunction, str]:
    """Return the entry itself, or the one that it names instead, and what is wrong with its unwind information."""
    if not entry.unwind_info & _INDIRECT:
        if entry.unwind_info % 4 or entry.unwind_info + 4 > len(mapped):
            return entry, f"unwind information at 0x{entry.unwind_info:X} is unaligned or outside"
        return entry, ""
    target = entry.unwind_info & ~_INDIRECT
    if target % 4 or target + _ENTRY.size > len(mapped):
        return entry, f"its indirect entry at 0x{target:X} is unaligned or outside the image"
    followed = RuntimeFunction(*_ENTRY.unpack_from(mapped, target))
    if not followed.begin < followed.end <= len(mapped):
        return entry, f"its indirect entry at 0x{target:X} is not a range inside the image"
    if followed.unwind_info % 4 or followed.unwind_info + 4 > len(mapped):
        return entry, f"its indirect entry at 0x{target:X} has no unwind information of its own"
    return followed, ""
