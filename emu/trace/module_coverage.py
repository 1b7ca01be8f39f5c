# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs reached of one module. Everything in it is by RVA, so that runs with other bases go together."""

from __future__ import annotations

import bisect
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from emu.image import ImageError, PeImage
from emu.image.dwarf import LineRange, read_line_ranges
from emu.image.symbols import symbol_table
from emu.trace.scope_coverage import TryBlock, TryCounts, primary_function, try_blocks

LARGEST_BLOCK = 0xFFFF
"""Bytes of a basic block; a longer one is cut."""

_PROLOGUE_SIZE = 32
"""Bytes at the begin of a piece of code for which the line table may have no line."""


_NOP = b"\x90"


class CoveredInstruction(NamedTuple):
    """An instruction that was reached."""

    size: int
    hits: int
    """How often; a retry is none of its own, an iteration of a `rep` is one."""
    leads: bool
    """It begins a basic block: control came to it from elsewhere, or from a jump, a call or a return before it."""
    symbol: str
    offset: int
    file: str
    line: int


class FunctionCoverage(NamedTuple):
    """A function, and whether it was reached."""

    module: str
    name: str
    """Its symbol; `code_RVA` for one of the function table that has none."""
    rva: int
    hits: int
    """How often its first instruction ran."""
    reached: bool
    """Whether any of its instructions ran."""
    file: str
    """Empty where the image has no line for it."""
    line: int

    @property
    def is_named(self) -> bool:
        """Whether its name is a symbol."""
        return self.name != nameless(self.rva)


class TryBlockCoverage(NamedTuple):
    """A `__try` block, and what was reached of it."""

    module: str
    function: str
    block: TryBlock
    counts: TryCounts
    file: str
    """Where its body begins; empty where the image has no line for it."""
    line: int

    def __str__(self) -> str:
        """Return where it is and how often each part was reached."""
        kind = "__try/__finally" if self.block.is_finally else "__try/__except"
        where = f" ({self.file}:{self.line})" if self.file else ""
        parts = [f"{part.name.lower()} {self.counts.of(part)}" for part in self.block.parts]
        if self.counts.continued:
            parts.append(f"continued {self.counts.continued}")
        return f"{self.module}!{self.function}{where} {kind}: {', '.join(parts)}"


@dataclass(frozen=True)
class ModuleCoverage:
    """What was reached of a module. `image` None: only what ran is known."""

    name: str
    base: int
    size: int
    entry: int
    """Address of its entry point, 0 for none."""
    image: PeImage | None
    instructions: dict[int, CoveredInstruction]
    """RVA → what was reached there."""
    counts: dict[TryBlock, TryCounts]

    @property
    def path(self) -> str:
        """The image's file name, where there is an image; else the module's name."""
        return self.name if self.image is None else self.image.name

    @property
    def key(self) -> object:
        """What two coverages of the same image have in common, wherever it was loaded."""
        return self.name, self.size, self.image and self.image.derive(_checksum)

    def merged(self, other: ModuleCoverage) -> ModuleCoverage:
        """Return both together, at the base of this one."""
        instructions = dict(self.instructions)
        for rva, theirs in other.instructions.items():
            ours = instructions.get(rva)
            if ours is not None:
                theirs = ours._replace(hits=ours.hits + theirs.hits, leads=ours.leads or theirs.leads)
            instructions[rva] = theirs
        counts = {block: count + other.counts.get(block, TryCounts()) for block, count in self.counts.items()}
        return ModuleCoverage(self.name, self.base, self.size, self.entry, self.image, instructions, counts)

    def blocks(self) -> list[tuple[int, int]]:
        """Return the basic blocks that were reached, (RVA, bytes), in order."""
        found: list[tuple[int, int]] = []
        end = -1
        for rva, instruction in sorted(self.instructions.items()):
            if rva != end or instruction.leads or rva + instruction.size - found[-1][0] > LARGEST_BLOCK:
                found.append((rva, 0))
            end = rva + instruction.size
            found[-1] = found[-1][0], end - found[-1][0]
        return found

    def lines(self) -> dict[tuple[str, int], int]:
        """Return (file, line) → how often the one of its instructions ran that ran most.

        With an image that has line tables these are all its lines, else those that ran.
        """
        ranges = _ranges(self.image)
        lines = {(each.file, each.line): 0 for each in ranges}
        for rva, instruction in self.instructions.items():
            place = self._line_of(rva) if ranges else (instruction.file, instruction.line)
            if place[0]:
                lines[place] = max(lines.get(place, 0), instruction.hits)
        return lines

    def functions(self) -> list[FunctionCoverage]:
        """Return the functions in order: those of the function table, and the symbols of code that is in none of them.

        Filters and `__finally` blocks are none: they are parts of their `__try` block. Without an image these are the
        symbols of what ran.
        """
        if self.image is None:
            return self._functions_that_ran()
        reached = sorted(self.instructions)
        functions = []
        for rva, end, name in _functions(self.image):
            at = bisect.bisect_left(reached, rva)
            hits = self.instructions[rva].hits if rva in self.instructions else 0
            ran = at < len(reached) and reached[at] < end
            functions.append(FunctionCoverage(self.name, name, rva, hits, ran, *self._line_near(rva, end)))
        return functions

    def _functions_that_ran(self) -> list[FunctionCoverage]:
        first: dict[str, tuple[int, CoveredInstruction]] = {}
        for rva, each in sorted(self.instructions.items()):
            if each.symbol:
                first.setdefault(each.symbol, (rva, each))
        return [
            FunctionCoverage(
                self.name, name, rva - each.offset, 0 if each.offset else each.hits, True, each.file, each.line
            )
            for name, (rva, each) in first.items()
        ]

    def try_blocks(self) -> list[TryBlockCoverage]:
        """Return the `__try` blocks of the image, by function, the innermost first."""
        if self.image is None:
            return []
        found, mapped = [], self.image.mapped()
        for block in try_blocks(self.image):
            nearest = symbol_table(self.image).nearest(block.function)
            function = nameless(block.function) if nearest is None or nearest[1] else nearest[0]
            counts = self.counts.get(block, TryCounts())
            begin, end = block.body[0]
            while mapped[begin : begin + 1] == _NOP:  # compilers begin a body with one, which has any line
                begin += 1
            found.append(TryBlockCoverage(self.name, function, block, counts, *self._line_near(begin, end)))
        return found

    def _line_of(self, rva: int) -> tuple[str, int]:
        ranges = _ranges(self.image)
        index = bisect.bisect_right(ranges, rva, key=lambda each: each.begin) - 1
        if index < 0 or rva >= ranges[index].end:
            return "", 0
        return ranges[index].file, ranges[index].line

    def _line_near(self, rva: int, end: int) -> tuple[str, int]:
        places = (self._line_of(at) for at in range(rva, min(end, rva + _PROLOGUE_SIZE)))
        return next((place for place in places if place[0]), ("", 0))


def nameless(rva: int) -> str:
    """Return what a function without a symbol is called."""
    return f"code_{rva:x}"


def _ranges(image: PeImage | None) -> list[LineRange]:
    return [] if image is None else image.derive(_read_ranges)


def _read_ranges(image: PeImage) -> list[LineRange]:
    """Return the line tables; none where the debug information is damaged, as then the rest is worth having."""
    try:
        return read_line_ranges(image)
    except ImageError:
        return []


def _checksum(image: PeImage) -> int:
    return zlib.crc32(image.mapped())


def _functions(image: PeImage) -> list[tuple[int, int, str]]:
    return image.derive(_read_functions)


def _read_functions(image: PeImage) -> list[tuple[int, int, str]]:
    """Return begin, end and name of each function, in order."""
    symbols = symbol_table(image)
    blocks = {block.handler for block in try_blocks(image)}
    functions: dict[int, tuple[int, str]] = {}
    for entry in image.functions:
        if entry.begin in blocks or primary_function(image, entry.begin) != entry.begin:
            continue
        found = symbols.nearest(entry.begin)
        functions[entry.begin] = entry.end, nameless(entry.begin) if found is None or found[1] else found[0]
    try:
        named = set(symbols.all.values())
    except ImageError:
        named = set(image.exports.values())
    for rva in named:
        section, found = image.section_at(rva), symbols.nearest(rva)
        if section is not None and section.executable and found is not None and image.functions.lookup(rva) is None:
            functions[rva] = rva + 1, found[0]
    return sorted((begin, end, name) for begin, (end, name) in functions.items())
