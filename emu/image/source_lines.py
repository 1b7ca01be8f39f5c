# SPDX-License-Identifier: GPL-2.0-or-later
"""From code to the source line that it was built from."""

import bisect
from typing import NamedTuple

from emu.image.dwarf import LineRange, read_line_ranges
from emu.image.errors import ImageError
from emu.image.pe import PeImage


class SourceLine(NamedTuple):
    """A line of a source file; the file is named relative to the directory of the source that was compiled."""

    file: str
    line: int


class SourceLines:
    """The line tables of an image."""

    def __init__(self, image: PeImage) -> None:
        """Read them; without debug information there are none."""
        self._ranges: list[LineRange] = []
        self._damage = ""
        try:
            self._ranges = read_line_ranges(image)
        except ImageError as error:  # not to be read anew for every line of a report
            self._damage = str(error)
        self._begins = [each.begin for each in self._ranges]

    def find(self, rva: int) -> SourceLine | None:
        """Return the line of the instruction at an RVA. Raises ImageError where the debug information is damaged."""
        if self._damage:
            raise ImageError(self._damage)
        index = bisect.bisect_right(self._begins, rva) - 1
        if index < 0 or rva >= self._ranges[index].end:
            return None
        return SourceLine(self._ranges[index].file, self._ranges[index].line)


def source_lines(image: PeImage) -> SourceLines:
    """Return the line tables of an image, read once for every module that is loaded from it."""
    return image.derive(SourceLines)
