# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a trace's profile: where instructions ran and bytes went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.trace.profile import ProfileRow, TraceProfile

ROWS_SHOWN: Final = 10
"""Of each table."""

_COUNTS: Final = {
    "trapped": "trapped",
    "read_user": "user read",
    "read_kernel": "kernel read",
    "written_user": "user written",
    "written_kernel": "kernel written",
}
"""Columns that are there where one of their numbers is not 0, and their titles."""


def profile_tables(profile: TraceProfile) -> Iterator[RenderableType]:
    """Return the three tables: how many instructions ran, their share of all, and the bytes that went each way."""
    columns = [name for name in _COUNTS if getattr(profile.total, name)]
    for number, (title, rows) in enumerate(
        (("symbol", profile.symbols), ("line", profile.lines), ("mnemonic", profile.mnemonics))
    ):
        if number:
            yield Text("")
        yield _table(title, rows, columns, profile.total.instructions)


def _table(title: str, rows: Sequence[ProfileRow], columns: Sequence[str], total: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column(title, no_wrap=True)
    for name in ("ran", "share", *(_COUNTS[column] for column in columns)):
        table.add_column(name, justify="right")
    for row in rows[:ROWS_SHOWN]:
        share = f"{row.instructions / total:.1%}" if total else ""
        numbers = (f"{getattr(row, column):,}" if getattr(row, column) else "" for column in columns)
        table.add_row(Text(row.name, "cyan"), f"{row.instructions:,}", share, *numbers)
    if len(rows) > ROWS_SHOWN:
        table.add_row(Text(f"⋮ {len(rows) - ROWS_SHOWN:,} more", "dim"))
    return table
