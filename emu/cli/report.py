# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu report`: a campaign's store as files, or summed up on the terminal."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, TextIO

from emu.campaign.report import CampaignResults
from emu.campaign.run.store import Store
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show
from emu.cli.trace_formats import Format, Output, parse_outputs
from emu.cli.whole_file import STANDARD_OUTPUT, whole_file

HTML: Final = Format("html", (".html", ".htm"), "maps of the verdicts and what is not correct, for a browser")
JSON: Final = Format("json", (".json",), "counts, groups and what is not correct, for scripts")
JUNIT: Final = Format("junit", (".xml",), "JUnit XML, for CI systems")
CSV: Final = Format("csv", (".csv",), "a row an experiment, for spreadsheets")
PARQUET: Final = Format("parquet", (".parquet",), "a row an experiment, for DuckDB, pandas and Polars")

REPORT_FORMATS: Final = (HTML, JSON, JUNIT, CSV, PARQUET)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of `emu report`, as given; None: left out."""

    store: str
    outputs: tuple[str, ...]
    format_name: str | None


def run_report(options: ReportOptions, *, as_json: bool) -> int:
    """Run `emu report`; returns the exit status."""
    with mistakes_reported():
        outputs = parse_outputs(options.outputs, options.format_name, REPORT_FORMATS)
        if as_json:
            if outputs:
                raise Mistake("--json writes the JSON report to standard output; leave it out, or -o")
            outputs = (Output(STANDARD_OUTPUT, JSON),)
        with Store.open(options.store) as store:
            if not outputs:
                from emu.cli.report_display import display_report  # noqa: PLC0415 (not needed for files)

                show(make_console(), *display_report(store))
            for output in outputs:
                with _waiting_shown(output.name):
                    write_report(CampaignResults(store), output)
    return 0


def write_report(campaign: CampaignResults, output: Output) -> None:
    """Write a file. Raises `Mistake`, and what reading the store raises."""
    with whole_file(output.name) as stream:
        if output.format is PARQUET:
            from emu.campaign.report import parquet  # noqa: PLC0415

            parquet.write(campaign, stream)
        else:
            with _text(stream) as text:
                _text_writer(output.format)(campaign, text)


def _text_writer(chosen: Format) -> Callable[[CampaignResults, TextIO], None]:
    from emu.campaign.report import csv_report, html, json_report, junit  # noqa: PLC0415

    return {HTML: html.write, JSON: json_report.write, JUNIT: junit.write, CSV: csv_report.write}[chosen]


@contextlib.contextmanager
def _text(stream: BinaryIO) -> Iterator[TextIO]:
    text = io.TextIOWrapper(stream, "utf-8", errors="replace", newline="")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


@contextlib.contextmanager
def _waiting_shown(name: str) -> Iterator[None]:
    """Show on a terminal what is being written."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 (not needed in a pipe)

    with Console(stderr=True, markup=False).status(f"writing {name}"):
        yield
