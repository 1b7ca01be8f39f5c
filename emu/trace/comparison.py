# SPDX-License-Identifier: GPL-2.0-or-later
"""When two instructions, accesses or events of two traces are the same: by what they are, not by how they are numbered.

With `relative`, an address in a module or on the pages of a buffer is the same as another one that lies as far into
the module or buffer of the same name; so is a value of eight bytes that is such an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from emu.address import PAGE_SIZE
from emu.events import Event
from emu.trace.extent import Mask
from emu.trace.layout import InstructionFlag
from emu.trace.source import Table, Words

if TYPE_CHECKING:
    from emu.trace.trace import Trace

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

_INSTRUCTION_FIELDS: Final = ("size", "flags", "accesses")
_ACCESS_FIELDS: Final = ("kind", "size", "flags")


class _Regions(NamedTuple):
    """Modules and buffers, in ascending order, with a number for each name."""

    begins: Words
    lasts: Words
    names: Numbers

    def place(self, addresses: Words) -> tuple[Numbers, Words]:
        """Return the number of the region of each address, 0 for none, and how far into it the address lies."""
        if not len(self.begins):
            return np.zeros(len(addresses), np.int64), addresses
        at = np.searchsorted(self.begins, addresses, "right") - 1
        inside = (at >= 0) & (addresses <= self.lasts[at])
        return np.where(inside, self.names[at], 0), np.where(inside, addresses - self.begins[at], addresses)


class _Side:
    """One of the two traces."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._numbers = np.zeros(0, np.int64)
        self._regions: tuple[int, _Regions] | None = None

    def numbers(self, codes: Words, names: dict[object, int], *, relative: bool) -> Numbers:
        """Return a number for each code that is the same for the same instruction of both traces."""
        needed = int(codes.max()) + 1 if len(codes) else 0
        known = len(self._numbers)
        if needed > known:
            new = []
            for code in (self.trace.code[number] for number in range(known, needed)):
                placed: object = code.rip
                if relative:
                    region, offset = (part[0] for part in self.regions(names).place(np.array([code.rip], np.uint64)))
                    placed = 0 if code.module else (int(region), int(offset))
                new.append(
                    names.setdefault((placed, code.module, code.symbol, code.offset, code.bytes), len(names) + 1)
                )
            self._numbers = np.concatenate([self._numbers, np.array(new, np.int64)])
        return self._numbers[codes]

    def regions(self, names: dict[object, int]) -> _Regions:
        modules, buffers = self.trace.modules, self.trace.buffers
        count = len(modules) + len(buffers)
        if self._regions is not None and self._regions[0] == count:
            return self._regions[1]
        found: dict[int, tuple[int, int]] = {}
        repeated: dict[tuple[str, str], int] = {}

        def add(kind: str, name: str, begin: int, end: int) -> None:
            number = repeated[kind, name] = repeated.get((kind, name), 0) + 1
            found[begin] = end - 1, names.setdefault((kind, name, number), len(names) + 1)

        for module in modules:
            add("module", module.name, module.base, module.base + module.size)
        for buffer in buffers:
            # A buffer's pages are its own: what runs over its end lies there.
            pages = -(-(buffer.address % PAGE_SIZE + max(buffer.size, 1)) // PAGE_SIZE)
            begin = buffer.address - buffer.address % PAGE_SIZE
            add("buffer", buffer.name, begin, begin + pages * PAGE_SIZE)
        begins = np.array(sorted(found), np.uint64)
        lasts = np.array([found[begin][0] for begin in sorted(found)], np.uint64)
        numbers = np.array([found[begin][1] for begin in sorted(found)], np.int64)
        self._regions = count, _Regions(begins, lasts, numbers)
        return self._regions[1]


class Comparison:
    """Compares rows of two traces that stand at the same place of two tables."""

    def __init__(self, a: Trace, b: Trace, *, relative: bool) -> None:
        self._relative = relative
        self._names: dict[object, int] = {}
        self._sides = _Side(a), _Side(b)
        self.traces = a, b

    def numbers(self, side: int, instructions: Table) -> Numbers:
        """Return a number for each instruction: its code, and whether it trapped. The same in both traces."""
        codes = self._sides[side].numbers(instructions["code"], self._names, relative=self._relative)
        found: Numbers = codes * 2 + (instructions["flags"] & InstructionFlag.TRAPPED != 0)
        return found

    def code_differs(self, a: Table, b: Table) -> Mask:
        """Tell which instructions differ in their code, or in whether they trapped."""
        differs: Mask = self.numbers(0, a) != self.numbers(1, b)
        return differs

    def instructions_differ(self, a: Table, b: Table) -> Mask:
        """Tell which instructions differ in anything but the content of their accesses."""
        differs = self.code_differs(a, b)
        for field in _INSTRUCTION_FIELDS:
            differs |= a[field] != b[field]
        return differs

    def accesses_differ(self, a: Table, b: Table) -> Mask:
        """Tell which accesses differ in address, size, kind, value or flags."""
        differs = self.addresses_differ(a["address"], b["address"])
        for field in _ACCESS_FIELDS:
            differs |= a[field] != b[field]
        return differs | self.values_differ(a, b)

    def values_differ(self, a: Table, b: Table) -> Mask:
        """Tell which accesses differ in the value."""
        differs: Mask = (a["low"] != b["low"]) | (a["high"] != b["high"])
        pointers = np.flatnonzero(differs & (a["size"] == 8) & (b["size"] == 8))
        differs[pointers] = self.addresses_differ(a["low"][pointers], b["low"][pointers])
        return differs

    def addresses_differ(self, a: Words, b: Words) -> Mask:
        """Tell which addresses differ."""
        differs: Mask = a != b
        if self._relative and differs.any():
            where = np.flatnonzero(differs)
            (a_region, a_offset), (b_region, b_offset) = (
                side.regions(self._names).place(addresses[where])
                for side, addresses in zip(self._sides, (a, b), strict=True)
            )
            differs[where] = (a_region != b_region) | (a_offset != b_offset)
        return differs

    def same_event(self, a: Event, b: Event) -> bool:
        """Tell whether two events are the same, every field of them."""
        return type(a) is type(b) and self._same_fields(a, b)

    def _same_fields(self, a: Sequence[object], b: Sequence[object]) -> bool:
        return len(a) == len(b) and all(self._same_field(*pair) for pair in zip(a, b, strict=True))

    def _same_field(self, a: object, b: object) -> bool:
        if a == b:
            return True
        if isinstance(a, tuple) and isinstance(b, tuple):
            return self._same_fields(a, b)
        if type(a) is bool or not isinstance(a, int) or not isinstance(b, int) or not (0 <= a < 1 << 64 > b >= 0):
            return False
        return not self.addresses_differ(np.array([a], np.uint64), np.array([b], np.uint64))[0]
