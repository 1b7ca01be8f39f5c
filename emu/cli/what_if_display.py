# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of what can fail in a call, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from emu.cli.campaign_display import colour_of
from emu.cli.what_if import ChanceRow
from emu.cli.words import plural, shortened

PLACES_SHOWN: Final = 40


def chances_table(rows: Sequence[ChanceRow]) -> Table:
    """Return the table of what can fail."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column()
    table.add_column(justify="right")
    first, left_out, last = shortened(rows, PLACES_SHOWN)
    for number, row in enumerate((*first, *last)):
        if left_out and number == len(first):
            table.add_row(Text(f"⋮ {plural(left_out, 'place')} more", "dim"))
        wrong = Text(", ").join(Text(f"{count:,} {kind.label}", colour_of(kind)) for kind, count in row.failing.items())
        table.add_row(row.what, row.data, Text(f"×{row.times:,}" if row.times > 1 else "", "dim"), row.where, wrong)
    return table
