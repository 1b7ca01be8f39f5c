# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every benchmark and prints one table. Exit status 1 where a target is missed."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from benchmarks.campaign_cases import campaigns
from benchmarks.check_cases import checks
from benchmarks.exception_cases import exceptions
from benchmarks.machine_cases import boot, emulation, faults
from benchmarks.measure import Row
from benchmarks.plugin_cases import plugin
from benchmarks.trace_cases import traces

REPORT_WIDTH = 130
"""Columns in which no row wraps."""


def main() -> int:
    """Print the table."""
    table = Table(title="umaccess-emu, medians of interleaved rounds", title_justify="left")
    for heading in ("what", "measured", "in the same run", "target", ""):
        table.add_column(heading)
    missed = 0
    for case in (boot, faults, exceptions, emulation, traces, checks, campaigns, plugin):
        rows: list[Row] = case()
        for row in rows:
            verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met]
            missed += row.met is False
            table.add_row(row.what, row.value, row.ratio, row.target, verdict)
        table.add_section()
    Console(width=max(Console().width, REPORT_WIDTH)).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
