# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace that tells how far its readers have come, and shows it where that takes long."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from emu.trace import Chunk, Trace
from emu.trace.source import CHUNK

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE: Final = 0.5
"""Seconds before a progress bar is shown."""


class TraceCounts(NamedTuple):
    """How long a trace is."""

    instructions: int
    accesses: int
    events: int


class WatchedTrace(Trace):
    """Another trace; `report` is called with the number of instructions that a reader has had."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace)
        self.report: Callable[[int], None] = _nobody_asks
        self._counts: TraceCounts | None = None

    @property
    def counts(self) -> TraceCounts:
        """How long it is: what the first reader that came to its end has seen."""
        if self._counts is None:
            for _ in self.chunks():
                pass
        assert self._counts is not None
        return self._counts

    @property
    def length(self) -> int | None:
        """How many instructions there are, None until a reader has come to the end."""
        return None if self._counts is None else self._counts.instructions

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """Give the trace in pieces, and report each when it is done with."""
        instructions = accesses = events = 0
        for chunk in self._source.chunks(size):
            yield chunk
            instructions += len(chunk.instructions)
            accesses += len(chunk.accesses)
            events += len(chunk.events)
            self.report(instructions)
        self._counts = TraceCounts(instructions, accesses, events)


def _nobody_asks(_: int) -> None:
    pass


@contextlib.contextmanager
def progress_shown(trace: WatchedTrace, what: str) -> Iterator[None]:
    """Show on standard error how far the reader is that is called inside, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    display = _Display(what, trace.length)
    trace.report = display.report
    try:
        yield
    finally:
        trace.report = _nobody_asks
        display.stop()


class _Display:
    """A progress bar that appears when the work has taken a while, and goes away with it."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._begin = time.monotonic()
        self._progress: Progress | None = None

    def report(self, done: int) -> None:
        """Show how many instructions are done with."""
        if self._progress is None:
            if time.monotonic() - self._begin < PATIENCE:
                return
            self._progress = _make_progress()
            self._progress.add_task(self._what, total=self._total, shown="")
            self._progress.start()
        rate = done / max(time.monotonic() - self._begin, 1e-3)
        self._progress.update(self._progress.task_ids[0], completed=done, shown=f"{done:,} instructions, {rate:,.0f}/s")

    def stop(self) -> None:
        """Take it away."""
        if self._progress is not None:
            self._progress.stop()


def _make_progress() -> Progress:
    from rich.console import Console  # noqa: PLC0415 (few traces take that long)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}")
    return Progress(*columns, console=Console(stderr=True, markup=False), transient=True)
