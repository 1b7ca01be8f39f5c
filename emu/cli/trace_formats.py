# SPDX-License-Identifier: GPL-2.0-or-later
"""The formats that a trace is written in: their names, the extensions that choose them, and what opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from emu.cli.mistakes import Mistake
from emu.cli.whole_file import STANDARD_OUTPUT


class Format(NamedTuple):
    """A format of files."""

    name: str
    suffixes: tuple[str, ...]
    what: str
    """What is in it, and what it is for."""


TEXT: Final = Format("text", (".txt",), "the listing, to be read")
JSON_LINES: Final = Format("jsonl", (".jsonl",), "an object a line, for jq and scripts")
TENET: Final = Format("tenet", (".tenet", ".tenet.txt"), "for Tenet, the trace explorer of IDA")
DRCOV: Final = Format("drcov", (".drcov",), "basic blocks reached, for Lighthouse and its like")
LCOV: Final = Format("lcov", (".info", ".lcov"), "lines and __try blocks reached, for genhtml and editors")
TRACE_EVENT: Final = Format("trace-event", (".json",), "Trace Event JSON, for Perfetto")
PARQUET: Final = Format("parquet", (".parquet",), "tables, for DuckDB, pandas and Polars")
HTML: Final = Format("html", (".html",), "the viewer, for a browser")
TRACE: Final = Format("trace", (".trace",), "the trace itself, for --from, --diff and emu.trace.load")

TRACE_FORMATS: Final = (TEXT, JSON_LINES, TENET, DRCOV, LCOV, TRACE_EVENT, PARQUET, HTML, TRACE)
COVERAGE_FORMATS: Final = (LCOV, DRCOV)


class Output(NamedTuple):
    """A file to be written."""

    name: str
    format: Format


def parse_outputs(names: Sequence[str], format_name: str | None, known: Sequence[Format]) -> tuple[Output, ...]:
    """Return what is to be written, in which format. Raises `Mistake`."""
    if format_name is not None and not names:
        raise Mistake(f"--format {format_name} is about the files of -o; give one with -o FILE")
    for name in names:
        if names.count(name) > 1:
            raise Mistake(f"-o {name} is there twice; give it once")
    return tuple(Output(name, _format_of(name, format_name, known)) for name in names)


def _format_of(name: str, format_name: str | None, known: Sequence[Format]) -> Format:
    if format_name is not None:
        found = next((each for each in known if each.name == format_name), None)
        if found is None:
            raise Mistake(f"--format {format_name!r} does not exist; known: {', '.join(each.name for each in known)}")
        return found
    suffixes = {suffix: each for each in known for suffix in each.suffixes}
    fitting = [suffix for suffix in suffixes if name.lower().endswith(suffix)]
    if fitting:
        return suffixes[max(fitting, key=len)]
    if name == STANDARD_OUTPUT:
        raise Mistake(f"-o - needs --format; known: {', '.join(each.name for each in known)}")
    listed = ", ".join(suffixes)
    raise Mistake(f"-o {name}: no known extension; known: {listed}; --format NAME chooses whatever the name is")
