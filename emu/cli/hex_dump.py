# SPDX-License-Identifier: GPL-2.0-or-later
"""The source and what landed of it, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from rich.text import Text

from emu.address import PAGE_SIZE
from emu.campaign import CopyResult

STYLES: Final = {"landed": "green", "untouched": "dim", "wrong": "bold magenta"}
FAULTED: Final = "bold white on red"
UNREADABLE: Final = "dim"
BOUNDARY: Final = "bold yellow"

WIDE_ROW, NARROW_ROW = 16, 8
ROWS_SHOWN_WHOLE: Final = 12
ROWS_OF_INTEREST: Final = 6


class Mark(NamedTuple):
    """A byte to point at."""

    buffer: str
    offset: int
    reason: str


class HexDump:
    """Rows of source bytes, target bytes, and the target's bytes as text.

    A byte that never landed is shown as two dots, whatever poison is there. A bar between two bytes is a page boundary.
    """

    def __init__(self, result: CopyResult, width: int, mark: Mark | None) -> None:
        self._result = result
        self._mark = mark
        self._digits = max(4, len(f"{len(result.content):x}"))
        room = width - self._digits - 3
        self._per_row = WIDE_ROW if room >= 2 * WIDE_ROW * 3 + 6 + WIDE_ROW else NARROW_ROW
        self._fate = result.landing.fate
        self._unreadable = [
            (row.first, row.last) for row in result.pages if row.buffer == "source" and row.after.state != "resident"
        ]

    def lines(self) -> Iterator[Text]:
        """Return the dump, line by line; rows where nothing changes are left out of a long one."""
        rows = -(-len(self._result.content) // self._per_row)
        yield self._heading()
        previous = -1
        for row in self._rows_shown(rows):
            if row != previous + 1:
                yield self._gap(previous + 1, row)
            yield self._row(row)
            if self._mark is not None and self._mark.offset // self._per_row == row:
                yield self._caret(self._mark)
            previous = row

    def _rows_shown(self, rows: int) -> Iterable[int]:
        if rows <= ROWS_SHOWN_WHOLE:
            return range(rows)
        changes = [run.first // self._per_row for run in self._result.landing.runs[1:]][:ROWS_OF_INTEREST]
        if self._mark is not None:
            changes.append(self._mark.offset // self._per_row)
        around = {row + step for row in changes for step in (-1, 0, 1)}
        return sorted(row for row in around | {0, 1, rows - 1} if 0 <= row < rows)

    @property
    def _hex_width(self) -> int:
        return self._per_row * 3 - 1

    def _heading(self) -> Text:
        indent = " " * (self._digits + 3)
        return Text(f"{indent}{'source':<{self._hex_width + 3}}target", "dim")

    def _gap(self, first_row: int, next_row: int) -> Text:
        first, end = first_row * self._per_row, next_row * self._per_row
        fates = self._result.landing.fates(first, end)
        what = {"landed": "all landed", "untouched": "none landed", "wrong": "all wrong"}
        word = what[fates.pop()] if len(fates) == 1 else "some landed"
        return Text(f"{'⋮':>{self._digits + 1}}  {end - first:,} bytes, {word}", "dim")

    def _row(self, row: int) -> Text:
        first = row * self._per_row
        offsets = range(first, min(first + self._per_row, len(self._result.content)))
        line = Text(f"+{first:0{self._digits}x} ")
        result = self._result
        self._append_bytes(
            line, "source", result.source_address, offsets, [f"{result.source[at]:02x}" for at in offsets]
        )
        line.append("  ")
        shown = ["··" if self._fate(at) == "untouched" else f"{result.target[at]:02x}" for at in offsets]
        self._append_bytes(line, "target", result.target_address, offsets, shown)
        line.append("  ")
        for at in offsets:
            byte = result.target[at]
            untouched = self._fate(at) == "untouched"
            printable = 0x20 <= byte < 0x7F and not untouched
            line.append(chr(byte) if printable else " " if untouched else ".", STYLES[self._fate(at)])
        return line

    def _append_bytes(self, line: Text, buffer: str, address: int, offsets: range, shown: list[str]) -> None:
        for at, text in zip(offsets, shown, strict=True):
            line.append("│" if at and (address + at) % PAGE_SIZE == 0 else " ", BOUNDARY)
            line.append(text, self._style(buffer, at))
        line.append("   " * (self._per_row - len(offsets)))

    def _style(self, buffer: str, at: int) -> str:
        mark = self._mark
        if mark is not None and (buffer, at) == (mark.buffer, mark.offset):
            return FAULTED
        if buffer == "target":
            return STYLES[self._fate(at)]
        return UNREADABLE if any(first <= at <= last for first, last in self._unreadable) else ""

    def _caret(self, mark: Mark) -> Text:
        column = self._digits + 3 + mark.offset % self._per_row * 3
        if mark.buffer == "target":
            column += self._hex_width + 3
        label = f"byte {mark.offset}: {mark.reason}"
        line = Text(" " * column)
        line.append("^^ ", "bold red")
        line.append(label, "red")
        if line.cell_len <= self._digits + 3 + 2 * self._hex_width + 3 + 2 + self._per_row:
            return line
        line = Text(" " * max(column - len(label) - 1, 0))
        line.append(f"{label} ", "red")
        line.append("^^", "bold red")
        return line
