# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in an image: its exports, and once those do not answer, the functions and labels of its DWARF."""

import bisect
import functools
from collections.abc import Mapping

from emu.image.dwarf import read_labels
from emu.image.errors import ImageError
from emu.image.pe import PeImage


class SymbolTable:
    """From names to RVAs and back. An export wins over a label of the same name or place."""

    def __init__(self, image: PeImage) -> None:
        """Nothing is read before it is asked for."""
        self._image = image

    @functools.cached_property
    def all(self) -> dict[str, int]:
        """Every name with its RVA; raises ImageError for damaged debug information."""
        return {**read_labels(self._image), **self._image.exports}

    @functools.cached_property
    def _known(self) -> Mapping[str, int]:
        """The same, but of an image whose debug information is damaged the exports."""
        try:
            return self.all
        except ImageError:
            return self._image.exports

    @functools.cached_property
    def _exported_at(self) -> dict[int, str]:
        return {rva: name for name, rva in sorted(self._image.exports.items(), reverse=True)}

    @functools.cached_property
    def _sorted(self) -> list[tuple[int, str]]:
        by_rva = {rva: name for name, rva in sorted(self._known.items(), reverse=True)}
        return sorted((by_rva | self._exported_at).items())

    def find(self, name: str) -> int | None:
        """Return the RVA of a name."""
        rva = self._image.exports.get(name)
        return rva if rva is not None else self._known.get(name)

    def next_behind(self, rva: int, end: int) -> int:
        """Return the RVA of the first name behind one, or `end` where there is none."""
        index = bisect.bisect_left(self._sorted, (rva + 1,))
        return self._sorted[index][0] if index < len(self._sorted) else end

    def nearest(self, rva: int) -> tuple[str, int] | None:
        """Return the name that an RVA belongs to and the offset from it; None where no name is.

        It is the function's name where the function table knows the function, and else the nearest one below in the
        same section.
        """
        function = self._image.functions.lookup(rva)
        begin = rva if function is None or function.begin > rva else function.begin
        exported = self._exported_at.get(begin)
        if exported is not None:
            return exported, rva - begin
        index = bisect.bisect_left(self._sorted, (begin + 1,)) - 1
        section = self._image.section_at(rva)
        if index < 0 or section is None or not section.covers(self._sorted[index][0]):
            return None
        found, name = self._sorted[index]
        return name, rva - found


def symbol_table(image: PeImage) -> SymbolTable:
    """Return the symbols of an image, one table for every module that is loaded from it."""
    return image.derive(SymbolTable)
