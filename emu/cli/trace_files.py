# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes traces and coverage into files, each by the writer of its format."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO, cast

from emu.cli import trace_formats as f
from emu.cli.located_coverage import LocatedCoverage
from emu.cli.mistakes import Mistake
from emu.cli.trace_formats import Format, Output
from emu.cli.watched_trace import WatchedTrace, progress_shown
from emu.cli.whole_file import STANDARD_OUTPUT, whole_file
from emu.trace import Trace
from emu.trace.coverage import Coverage, coverage


class Listed(NamedTuple):
    """What a listing shows of a trace."""

    begin: int = 0
    end: int | None = None
    fold: bool = True


class WrittenFile(NamedTuple):
    """A file that was written."""

    path: str
    format: Format
    size: int


def write_trace(
    trace: WatchedTrace, output: Output, listed: Listed, images: Sequence[str], own: Sequence[str] = ()
) -> list[WrittenFile]:
    """Write a trace; coverage of the modules `own`, of all if there are none.

    Raises `Mistake`, `TraceError` for what has no place in the format.
    """
    with progress_shown(trace, output.name):
        if output.format is f.PARQUET:
            return _write_parquet(trace, output)
        with whole_file(output.name) as stream:
            counted = _Counted(stream)
            counting = cast(BinaryIO, counted)
            if output.format in f.COVERAGE_FORMATS:
                covered = coverage(trace, trace.images)
                _write_coverage(covered.only(*own) if own else covered, output.format, images, counting)
            else:
                _writer(output.format, listed)(trace, counting)
    return [WrittenFile(output.name, output.format, counted.size)]


def write_coverage(covered: Coverage, output: Output, images: Sequence[str]) -> WrittenFile:
    """Write coverage. Raises `Mistake`."""
    with whole_file(output.name) as stream:
        counted = _Counted(stream)
        _write_coverage(covered, output.format, images, cast(BinaryIO, counted))
    return WrittenFile(output.name, output.format, counted.size)


class _Counted(io.RawIOBase):
    """Passes on what is written, and counts it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        self.size += memoryview(data).nbytes
        return self._stream.write(data)

    def flush(self) -> None:
        self._stream.flush()


def _writer(chosen: Format, listed: Listed) -> Callable[[Trace, BinaryIO], None]:
    """Return what writes a trace in a format. Each writer is imported when it is needed."""
    if chosen is f.TRACE:
        from emu.trace.file.writer import write  # noqa: PLC0415

        return write
    return lambda trace, stream: _write_text(chosen, listed, trace, stream)


def _write_text(chosen: Format, listed: Listed, trace: Trace, stream: BinaryIO) -> None:
    from emu.trace.formats import html, json_lines, tenet, trace_event  # noqa: PLC0415
    from emu.trace.listing import listing  # noqa: PLC0415

    writers: dict[Format, Callable[[Trace, TextIO], None]] = {
        f.JSON_LINES: json_lines.write,
        f.TENET: tenet.write,
        f.TRACE_EVENT: trace_event.write,
        f.HTML: html.write,
    }
    with _text(stream) as text:
        if chosen is f.TEXT:
            lines = listing(trace, begin=listed.begin, end=listed.end, fold=listed.fold)
            text.writelines(f"{line}\n" for line in lines)
        else:
            writers[chosen](trace, text)


@contextlib.contextmanager
def _text(stream: BinaryIO) -> Iterator[TextIO]:
    text = io.TextIOWrapper(stream, "utf-8", newline="\n")
    try:
        yield text
        text.flush()
    finally:
        text.detach()


def _write_coverage(covered: Coverage, chosen: Format, images: Sequence[str], stream: BinaryIO) -> None:
    from emu.trace.formats import drcov, lcov  # noqa: PLC0415

    if chosen is f.DRCOV:
        drcov.write_coverage(covered, stream)
        return
    with _text(stream) as text:
        lcov.write_coverage(LocatedCoverage(covered, images), text)


def _write_parquet(trace: Trace, output: Output) -> list[WrittenFile]:
    """Write the two files of the format, which has no place for both tables in one."""
    from emu.trace.formats import parquet  # noqa: PLC0415

    if output.name == STANDARD_OUTPUT:
        raise Mistake("parquet is two files, and standard output is one; give the name of a file")
    path = Path(output.name)
    events = path.with_name(f"{path.stem}.events.parquet")
    with whole_file(str(path)) as stream, whole_file(str(events)) as event_stream:
        parquet.write(trace, stream, event_stream)
    return [WrittenFile(str(each), output.format, each.stat().st_size) for each in (path, events)]
