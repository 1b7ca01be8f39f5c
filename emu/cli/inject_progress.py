# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows on a terminal how far a campaign has come."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.run.progress import Progress


@contextlib.contextmanager
def progress_shown(total: int) -> Iterator[Callable[[Progress], None] | None]:
    """Give what shows progress on standard error; None where that is no terminal. It is gone afterwards."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 (not needed in a pipe)
    from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Display  # noqa: PLC0415

    columns = TextColumn("{task.percentage:>3.0f}%"), BarColumn(), TextColumn("{task.fields[shown]}")
    with Display(*columns, console=Console(stderr=True, markup=False), transient=True) as display:
        task = display.add_task("", total=total, shown="setting up")

        def report(progress: Progress) -> None:
            display.update(task, completed=progress.done, shown=describe(progress))

        yield report


def describe(progress: Progress) -> str:
    """Return counts, rate, time left and verdicts in one line."""
    parts = [f"{progress.done:,} of {progress.total:,}"]
    left = progress.remaining_seconds
    if left is not None:
        parts += [f"{progress.rate:,.0f}/s", f"{timedelta(seconds=round(left))} left"]
    parts += [
        f"{count:,} {kind.label}"
        for kind, count in progress.counts.items()
        if count and kind is not VerdictClass.CORRECT
    ]
    return " · ".join(parts)
