# SPDX-License-Identifier: GPL-2.0-or-later
"""The summary of a campaign's store on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.campaign.report import CampaignResults
from emu.campaign.run.store import Store
from emu.cli.campaign_display import display_findings, verdict_table
from emu.cli.inject_findings import differing, find_first
from emu.cli.sections import section

_DIGITS: Final = 16
"""Of a file's digest: enough to tell two apart."""


def display_report(store: Store) -> Iterator[RenderableType]:
    """Return what `emu report` prints without `-o`, part by part."""
    campaign = CampaignResults(store)
    yield Text(str(campaign.plan), "bold")
    left = campaign.planned - campaign.done
    yield Text(f"{campaign.done:,} of {campaign.planned:,} experiments are done", "yellow" if left else "dim")
    yield section("Versions", "", _pairs(campaign.versions.items()))
    yield section("Verdicts", "", verdict_table(campaign.counts))
    if campaign.failures:
        yield from display_findings(differing(find_first(store)), campaign.failures)
    if left:
        yield Text.assemble(
            "\n", ("Resume", "bold"), f"  emu inject --resume {store.path}", no_wrap=True, overflow="ignore"
        )


def _pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for name, value in pairs:
        table.add_row(Text(name, "dim"), value[:_DIGITS])
    return table
