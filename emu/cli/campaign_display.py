# SPDX-License-Identifier: GPL-2.0-or-later
"""What `emu inject` and `emu report` both show of a campaign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.run.store import Row
from emu.cli.words import plural

_COLOURS: Final = {VerdictClass.CORRECT: "green", VerdictClass.MASKED: "yellow", VerdictClass.EMULATOR_ERROR: "magenta"}


def verdict_table(counts: Mapping[VerdictClass, int]) -> Table:
    """Return the classes that occur, their counts and shares."""
    done = sum(counts.values())
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for kind, count in counts.items():
        if count or kind is VerdictClass.CORRECT:
            share = f"{count / done:.2%}" if done else ""
            table.add_row(Text(kind.label, colour_of(kind)), f"{count:,}", Text(share, "dim"))
    return table


def colour_of(kind: VerdictClass) -> str:
    """Return the colour of a class on a terminal."""
    return _COLOURS.get(kind, "red")


def display_findings(rows: Iterable[Row], failures: int) -> Iterator[RenderableType]:
    """Return the experiments that are not correct; what can be copied is on a line of its own, whatever the width."""
    rows = list(rows)
    differ = f"the first {len(rows)} that differ, of {failures:,}" if len(rows) > 1 else f"the first of {failures:,}"
    first = differ if len(rows) < failures else plural(failures, "experiment")
    yield Text.assemble("\n", ("Not correct", "bold"), f"  {first}")
    for row in rows:
        kind = row.verdict.kind
        said = Text.assemble((kind.label, f"bold {colour_of(kind)}"), f"  {row.verdict.detail}")
        yield Padding(said, (0, 0, 0, 2))
        yield _command("replay ", row.replay_id)
        if row.minimal_id and row.minimal_id != row.replay_id:
            yield _command("minimal", row.minimal_id)


def _command(name: str, identity: str) -> Text:
    return Text.assemble((f"    {name}  ", "dim"), f"emu replay {identity}", no_wrap=True, overflow="ignore")
