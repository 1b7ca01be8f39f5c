# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the work of a run was done: instructions and bytes by symbol, by source line and by mnemonic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emu.trace.code import Code
from emu.trace.layout import AccessFlag, InstructionFlag

if TYPE_CHECKING:
    from emu.trace.trace import Trace

MOST_SHOWN = 20
"""Rows of each table that `str` prints."""

_TRAPPED = 4
"""The column behind the four of bytes; the one behind it counts the instructions that retired."""
_COLUMNS = 6


class ProfileRow(NamedTuple):
    """The sums of one symbol, source line or mnemonic."""

    name: str
    """`module!symbol`, `file:line` or the mnemonic; the module or `outside every image`, `no line` where there is
    none."""
    instructions: int
    """Those that retired; an iteration of a `rep` is one."""
    trapped: int
    """Those that did not."""
    read_user: int
    """Bytes read from user memory; these and the next three without what was not performed."""
    read_kernel: int
    written_user: int
    written_kernel: int


class TraceProfile(NamedTuple):
    """Three views of one trace, each sorted by instructions, the most first."""

    total: ProfileRow
    symbols: tuple[ProfileRow, ...]
    lines: tuple[ProfileRow, ...]
    mnemonics: tuple[ProfileRow, ...]

    def __str__(self) -> str:
        """Return the three tables, of each the first rows."""
        parts = []
        for title, rows in (("symbol", self.symbols), ("line", self.lines), ("mnemonic", self.mnemonics)):
            parts.append(_table(title, rows[:MOST_SHOWN], self.total))
            if len(rows) > MOST_SHOWN:
                parts.append(f"… and {len(rows) - MOST_SHOWN} more")
            parts.append("")
        return "\n".join(parts).rstrip()


def profile(trace: Trace) -> TraceProfile:
    """Sum a trace up. It is read in chunks, once."""
    sums = np.zeros((0, _COLUMNS), np.int64)
    for chunk in trace.chunks():
        known = len(trace.code)
        if known > len(sums):
            sums = np.concatenate([sums, np.zeros((known - len(sums), _COLUMNS), np.int64)])
        code = chunk.instructions["code"].astype(np.int64)
        trapped = chunk.instructions["flags"] & InstructionFlag.TRAPPED != 0
        sums[:, _TRAPPED] += np.bincount(code[trapped], minlength=len(sums))
        sums[:, _TRAPPED + 1] += np.bincount(code[~trapped], minlength=len(sums))
        accesses = chunk.accesses[chunk.accesses["flags"] & AccessFlag.NOT_PERFORMED == 0]
        kernel = accesses["flags"] & AccessFlag.USER == 0
        column = accesses["kind"].astype(np.int64) * 2 + kernel
        index = code[accesses["instruction"].astype(np.int64) - chunk.first] * 4 + column
        # The sums of a chunk are far below 2**53, up to which a float64 is exact.
        size = np.bincount(index, weights=accesses["size"], minlength=len(sums) * 4)
        sums[:, :4] += size.reshape(-1, 4).astype(np.int64)
    code_table = [trace.code[number] for number in range(len(sums))]
    return TraceProfile(
        total=_row("total", sums.sum(axis=0)),
        symbols=_rows(code_table, sums, _symbol),
        lines=_rows(code_table, sums, lambda code: code.source or "no line"),
        mnemonics=_rows(code_table, sums, lambda code: code.mnemonic),
    )


def _symbol(code: Code) -> str:
    if code.symbol:
        return f"{code.module}!{code.symbol}"
    return code.module or "outside every image"


def _rows(
    code: Iterable[Code], sums: np.ndarray[Any, np.dtype[np.int64]], name_of: Callable[[Code], str]
) -> tuple[ProfileRow, ...]:
    numbers: dict[str, int] = {}
    group = np.array([numbers.setdefault(name_of(each), len(numbers)) for each in code], np.int64)
    grouped = np.zeros((len(numbers), _COLUMNS), np.int64)
    np.add.at(grouped, group, sums)
    rows = [_row(name, values) for name, values in zip(numbers, grouped, strict=True) if values.any()]
    return tuple(sorted(rows, key=lambda row: (-row.instructions, row.name)))


def _row(name: str, values: np.ndarray[Any, np.dtype[np.int64]]) -> ProfileRow:
    read_user, read_kernel, written_user, written_kernel, trapped, instructions = values.tolist()
    return ProfileRow(name, instructions, trapped, read_user, read_kernel, written_user, written_kernel)


def _table(title: str, rows: tuple[ProfileRow, ...], total: ProfileRow) -> str:
    head = (title, "instructions", "share", "trapped", "read user", "kernel", "written user", "kernel")
    lines: list[tuple[str, ...]] = [head]
    for row in (*rows, total):
        share = row.instructions / total.instructions if total.instructions else 0.0
        bytes_moved = (row.read_user, row.read_kernel, row.written_user, row.written_kernel)
        numbers = (f"{row.instructions:,}", f"{share:.1%}", f"{row.trapped:,}", *(f"{each:,}" for each in bytes_moved))
        lines.append((row.name, *numbers))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            (line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)))
        )
        for line in lines
    )
