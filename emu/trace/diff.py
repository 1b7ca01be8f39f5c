# SPDX-License-Identifier: GPL-2.0-or-later
"""Where two traces part, and what each of them does from there on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from emu.trace.alignment import align
from emu.trace.comparison import Comparison
from emu.trace.divergence import Divergence, first_divergence, pairs_of
from emu.trace.source import CHUNK, Chunk, Table
from emu.trace.tables import gather

if TYPE_CHECKING:
    from emu.trace.trace import Trace

WINDOW: Final = 4096
"""Instructions that are compared from the first difference on, unless another number is asked for."""
CONTEXT: Final = 3


class Hunk(NamedTuple):
    """A run of instructions in both traces."""

    what: str
    """"same"; "changed": the same code, but other accesses or flags; "events": the same, but other events before it;
    "removed": only in the first; "added": only in the second."""
    a: range
    b: range


class Piece(NamedTuple):
    """The part of one trace that a difference shows."""

    trace: Trace
    first: int
    """Index of its first instruction."""
    instructions: Table
    accesses: Table
    events: Table
    first_event: int

    def accesses_of(self, index: int) -> Table:
        """Return the accesses of an instruction."""
        row = self.instructions[index - self.first]
        begin = int(row["first_access"]) - int(self.instructions["first_access"][0])
        return self.accesses[begin : begin + int(row["accesses"])]

    def events_before(self, index: int) -> range:
        """Return the numbers of the events directly before an instruction, or at the end."""
        instructions = self.events["instruction"]
        begin, end = (int(np.searchsorted(instructions, index, side)) for side in ("left", "right"))
        return range(self.first_event + begin, self.first_event + end)

    @property
    def end(self) -> int:
        """Index behind its last instruction."""
        return self.first + len(self.instructions)


class TraceDiff:
    """The difference of two traces; `print` it to read it."""

    def __init__(
        self, divergence: Divergence, hunks: Sequence[Hunk], pieces: tuple[Piece, Piece], *, complete: bool
    ) -> None:
        self.divergence = divergence
        self.hunks = tuple(hunks)
        """From a few instructions before the first difference on, without a gap in either trace."""
        self.pieces = pieces
        self.complete = complete
        """Whether the hunks reach the end of both traces."""

    def count(self, what: str) -> int:
        """Return how many instructions the hunks of a kind have."""
        return sum(max(len(hunk.a), len(hunk.b)) for hunk in self.hunks if hunk.what == what)

    def __str__(self) -> str:
        from emu.trace.diff_text import describe  # noqa: PLC0415 (it is about this class)

        return describe(self)


def equal(a: Trace, b: Trace, *, relative: bool = True) -> bool:
    """Tell whether two traces have the same instructions, accesses, values and events; see `diff`."""
    comparison = Comparison(a, b, relative=relative)
    return all(first_divergence(comparison, *pair) is None for pair in pairs_of(a, b, CHUNK))


def diff(
    a: Trace, b: Trace, *, relative: bool = True, window: int = WINDOW, context: int = CONTEXT
) -> TraceDiff | None:
    """Return how a trace differs from another one, None where they are the same.

    Code is compared by module, symbol, offset and bytes, so that numbers in `Trace.code` do not matter. With
    `relative`, addresses in modules and buffers are compared by the name and the offset, too, else as they are.
    Names of source files, `position` and what was loaded do not count.

    What they have in common up to the first difference is read once, in pieces. From there on `window` instructions of
    each are aligned by their code; `context` instructions before it are shown. Raises ValueError for a window below 1.
    """
    if window < 1 or context < 0:
        raise ValueError(f"window={window}, context={context}: a window has 1 instruction or more, a context 0 or more")
    comparison = Comparison(a, b, relative=relative)
    pairs = pairs_of(a, b, CHUNK)
    before: deque[tuple[Chunk, Chunk]] = deque()
    for pair in pairs:
        divergence = first_divergence(comparison, *pair)
        if divergence is not None:
            rest = chain(before, (pair,), pairs)
            return _aligned(comparison, divergence, (a, b), rest, window, context)
        before.append(pair)
        while len(before) > 1 and before[1][0].first <= pair[0].first + len(pair[0].instructions) - context:
            before.popleft()
    return None


def _aligned(
    comparison: Comparison,
    divergence: Divergence,
    traces: tuple[Trace, Trace],
    pairs: Iterator[tuple[Chunk, Chunk]],
    window: int,
    context: int,
) -> TraceDiff:
    first = max(divergence.at - context, 0)
    chunks: tuple[list[Chunk], list[Chunk]] = ([], [])
    more = False
    for pair in pairs:
        if all(chunk.first >= divergence.at + window for chunk in pair) and any(
            len(chunk.instructions) for chunk in pair
        ):
            more = True
            break
        for side, chunk in zip(chunks, pair, strict=True):
            side.append(chunk)
    pieces = [_piece(trace, side, first, divergence.at + window) for trace, side in zip(traces, chunks, strict=True)]
    more |= any(
        side[-1].first + len(side[-1].instructions) > piece.end for side, piece in zip(chunks, pieces, strict=True)
    )
    a, b = pieces
    numbers = [
        comparison.numbers(side, piece.instructions[divergence.at - first :]).tolist()
        for side, piece in enumerate(pieces)
    ]
    pairs_, ends = align(*numbers)
    shown = [(index, index) for index in range(first, divergence.at)]
    shown += [(divergence.at + i, divergence.at + j) for i, j in pairs_]
    ends_at = divergence.at + ends[0], divergence.at + ends[1]
    complete = not more and ends_at == (a.end, b.end)
    hunks = list(_hunks(comparison, (a, b), shown, ends_at, first))
    return TraceDiff(divergence, hunks, (a, b), complete=complete)


def _piece(trace: Trace, chunks: Sequence[Chunk], first: int, end: int) -> Piece:
    tables = gather(chunks)
    skipped = first - chunks[0].first
    instructions = tables.instructions[skipped : end - chunks[0].first]
    whole = tables.instructions
    begin = _at_access(whole, skipped, len(tables.accesses))
    behind = _at_access(whole, end - chunks[0].first, len(tables.accesses))
    event = int(np.searchsorted(tables.events["instruction"], first))
    return Piece(
        trace,
        first,
        instructions,
        tables.accesses[begin:behind],
        tables.events[event:],
        chunks[0].first_event + event,
    )


def _at_access(instructions: Table, at: int, accesses: int) -> int:
    if at >= len(instructions):
        return accesses
    return int(instructions["first_access"][at]) - int(instructions["first_access"][0])


def _hunks(
    comparison: Comparison,
    pieces: tuple[Piece, Piece],
    pairs: Sequence[tuple[int, int]],
    ends: tuple[int, int],
    first: int,
) -> Iterator[Hunk]:
    """Give the runs that pairs of the same code leave."""
    at = [first, first]
    run: Hunk | None = None
    for pair in (*pairs, ends):
        gaps = range(at[0], pair[0]), range(at[1], pair[1])
        if run is not None and (gaps[0] or gaps[1] or pair is ends):
            yield run
            run = None
        if gaps[0]:
            yield Hunk("removed", gaps[0], range(at[1], at[1]))
        if gaps[1]:
            yield Hunk("added", range(pair[0], pair[0]), gaps[1])
        if pair is ends:
            return
        what = _what(comparison, pieces, *pair)
        if run is not None and run.what != what:
            yield run
            run = None
        begin = pair if run is None else (run.a.start, run.b.start)
        run = Hunk(what, range(begin[0], pair[0] + 1), range(begin[1], pair[1] + 1))
        at = [pair[0] + 1, pair[1] + 1]


def _what(comparison: Comparison, pieces: tuple[Piece, Piece], i: int, j: int) -> str:
    """Return the kind of hunk that two instructions of the same code belong to."""
    a, b = pieces
    rows = a.instructions[i - a.first : i - a.first + 1], b.instructions[j - b.first : j - b.first + 1]
    if comparison.instructions_differ(*rows)[0]:
        return "changed"
    if comparison.accesses_differ(a.accesses_of(i), b.accesses_of(j)).any():
        return "changed"
    events = a.events_before(i), b.events_before(j)
    same = len(events[0]) == len(events[1]) and all(
        comparison.same_event(a.trace.event(k), b.trace.event(m)) for k, m in zip(*events, strict=True)
    )
    return "same" if same else "events"
