# SPDX-License-Identifier: GPL-2.0-or-later
"""The buffers' mappings, as the page tables have them."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from emu.campaign import PageFacts, PageRow
from emu.cli.call_result import CallResult
from emu.cli.words import span

_HARDWARE = {"rw": "rw, NX", "ro": "ro, NX", "rx": "ro, executable", "rwx": "rw, executable"}


def mappings_table(result: CallResult) -> Table:
    """Return the table of the buffers' pages."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for heading in ("", "page", "bytes", "U/S", "access", "state"):
        table.add_column(heading)
    table.add_row(*(Text(heading, "dim") for heading in ("", "page", "bytes", "U/S", "access", "state")))
    previous = ""
    for row in result.pages:
        table.add_row(
            Text(row.buffer if row.buffer != previous else "", "bold"),
            _where(row),
            span(row.first, row.last),
            "user" if row.before.user else "kernel",
            Text(_HARDWARE[row.before.protection], "" if row.before.protection == "rw" else "yellow"),
            _state(row),
        )
        previous = row.buffer
    return table


def _where(row: PageRow) -> Text:
    where = Text(f"0x{row.address:016x}")
    if row.pages > 1:
        where.append(f" ×{row.pages}", "dim")
    return where


def _state(row: PageRow) -> Text:
    state = Text(row.before.state, _style(row.before))
    if row.after != row.before:
        state.append(f" → {row.after.state}", _style(row.after))
    return state


def _style(facts: PageFacts) -> str:
    return {"resident": "", "paged-out": "yellow", "guard": "yellow"}.get(facts.state, "red")
