# SPDX-License-Identifier: GPL-2.0-or-later
"""A buffer after the call, with the bytes marked that the call changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rich.text import Text

from emu.cli.hex_dump import FAULTED, NARROW_ROW, ROWS_OF_INTEREST, ROWS_SHOWN_WHOLE, WIDE_ROW, Mark
from emu.cli.words import plural, span

CHANGED: Final = "bold green"

_NOT_ZERO: Final = re.compile(rb"[^\0]+")


class ChangedRun(NamedTuple):
    """Neighbouring bytes that are not what they were."""

    first: int
    length: int


def difference(before: bytes, after: bytes) -> bytes:
    """Return a byte for each byte, zero where nothing changed."""
    changed = int.from_bytes(before, "little") ^ int.from_bytes(after, "little")
    return changed.to_bytes(len(before), "little")


def changed_runs(before: bytes, after: bytes) -> list[ChangedRun]:
    """Return the runs of bytes that differ, in order."""
    found = _NOT_ZERO.finditer(difference(before, after))
    return [ChangedRun(run.start(), run.end() - run.start()) for run in found]


def describe_change(size: int, runs: list[ChangedRun]) -> str:
    """Return how much of a buffer changed, and where."""
    if not runs:
        return f"{plural(size, 'byte')}, unchanged"
    count, last = sum(run.length for run in runs), sum(runs[-1]) - 1
    where = span(runs[0].first, last) if len(runs) == 1 else f"between {runs[0].first} and {last}"
    return f"{count:,} of {plural(size, 'byte')} changed (*): {where}"


class BufferDump:
    """Rows of bytes and the same as text; a star stands before a byte that changed."""

    def __init__(self, before: bytes, after: bytes, width: int, mark: Mark | None) -> None:
        self._content = after
        self._runs = changed_runs(before, after)
        self._difference = difference(before, after)
        self._mark = mark
        self._digits = max(4, len(f"{len(after):x}"))
        self._width = width
        self._per_row = WIDE_ROW if width >= self._digits + 4 + WIDE_ROW * 4 else NARROW_ROW

    def lines(self) -> Iterator[Text]:
        """Return the dump, line by line; rows where nothing changes are left out of a long one."""
        previous = -1
        for row in self._rows_shown(-(-len(self._content) // self._per_row)):
            if row != previous + 1:
                yield self._gap((previous + 1) * self._per_row, row * self._per_row)
            yield self._row(row * self._per_row)
            if self._mark is not None and self._mark.offset // self._per_row == row:
                yield self._caret(self._mark)
            previous = row

    def _rows_shown(self, rows: int) -> Iterable[int]:
        if rows <= ROWS_SHOWN_WHOLE:
            return range(rows)
        edges = [edge // self._per_row for run in self._runs[:ROWS_OF_INTEREST] for edge in (run.first, sum(run) - 1)]
        if self._mark is not None:
            edges.append(self._mark.offset // self._per_row)
        around = {row + step for row in edges for step in (-1, 0, 1)}
        return sorted(row for row in around | {0, 1, rows - 1} if 0 <= row < rows)

    def _gap(self, first: int, end: int) -> Text:
        changed = end - first - self._difference.count(0, first, end)
        what = "all changed" if changed == end - first else f"{changed:,} changed" if changed else "unchanged"
        return Text(f"{'⋮':>{self._digits + 1}}  {end - first:,} bytes, {what}", "dim")

    def _row(self, first: int) -> Text:
        offsets = range(first, min(first + self._per_row, len(self._content)))
        line = Text(f"+{first:0{self._digits}x} ")
        for at in offsets:
            line.append("*" if self._difference[at] else " ", CHANGED)
            line.append(f"{self._content[at]:02x}", self._style(at))
        line.append("   " * (self._per_row - len(offsets)) + "  ")
        for at in offsets:
            byte = self._content[at]
            line.append(chr(byte) if 0x20 <= byte < 0x7F else ".", CHANGED if self._difference[at] else "")
        return line

    def _style(self, at: int) -> str:
        if self._mark is not None and self._mark.offset == at:
            return FAULTED
        return CHANGED if self._difference[at] else ""

    def _caret(self, mark: Mark) -> Text:
        column = self._digits + 3 + mark.offset % self._per_row * 3
        label = f"byte {mark.offset}: {mark.reason}"
        if column + 3 + len(label) <= self._width:
            return Text.assemble(" " * column, ("^^ ", "bold red"), (label, "red"))
        return Text.assemble(" " * max(column - len(label) - 1, 0), (f"{label} ", "red"), ("^^", "bold red"))
