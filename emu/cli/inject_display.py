# SPDX-License-Identifier: GPL-2.0-or-later
"""The display of a campaign that has been run."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from emu.campaign.judge.verdict import VerdictClass
from emu.cli.campaign_display import display_findings, verdict_table
from emu.cli.inject import CampaignRun
from emu.cli.sections import section
from emu.cli.what_if_display import chances_table
from emu.cli.words import plural


def display_inject(run: CampaignRun) -> Iterator[RenderableType]:
    """Return what `emu inject` prints, part by part."""
    progress = run.progress
    yield Text(str(run.sweep), "bold")
    before = f", {progress.done - progress.fresh:,} before" if progress.fresh < progress.done else ""
    speed = f" in {progress.seconds:.1f} s, {progress.rate:,.0f}/s" if progress.fresh else ""
    yield Text(f"{plural(progress.fresh, 'experiment')}{speed}{before}", "dim")
    if run.chances:
        yield section("What can fail", "", chances_table(run.chances))
    yield section("Verdicts", "", verdict_table(progress.counts))
    failures = progress.done - progress.counts[VerdictClass.CORRECT]
    if failures:
        yield from display_findings(run.found, failures)
    if run.checks is not None:
        yield from run.checks.sections()
    if run.store is not None:
        yield Text.assemble(
            "\n", ("Report", "bold"), f"  emu report {run.store} -o report.html", no_wrap=True, overflow="ignore"
        )
