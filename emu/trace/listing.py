# SPDX-License-Identifier: GPL-2.0-or-later
"""A trace as text to be read: a line an instruction, with what it read and wrote, and what happened between two.

    ── call copy(target, source, 0x40)
              copy.S
           0  :10   copy!copy                   movzx eax, byte ptr [rdx]           read source+0 = 0x68 'h'
           1  :11   copy!copy+0x3               mov byte ptr [rcx], al              write target+0 = 0x68 'h'
    …
           …  the 6 instructions above 62 times more: reads source+1..62, writes target+1..62
    …
    !    384  :10   copy!copy                   movzx eax, byte ptr [rdx]           trapped
    !      ·  #PF error code 0x0 …
    ── raised STATUS_ACCESS_VIOLATION …, 385 instructions

The columns are the index in the trace, the line of the source file named above, the place, the disassembly, and the
accesses: of data in a buffer, and its value. A trapped instruction and a fault have a `!` in the first column; an
access that a trapped instruction did not get to make says so. A `rep` is one line, and so are the repetitions of a
loop: its first and its last round are shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from emu.trace.folding import Folding, Piece, PieceKind
from emu.trace.layout import ACCESS, INSTRUCTION
from emu.trace.lines import ACCESSES_SHOWN, Lines
from emu.trace.ranges import BufferNames, Touched
from emu.trace.source import Chunk, Table, TraceError

if TYPE_CHECKING:
    from emu.trace.trace import Trace

CHUNK: Final = 1 << 16
"""Instructions that are taken at a time."""

_SHOWN: Final = ["address", "low", "high", "size", "kind", "flags"]
_STEP: Final = 4096
_NEVER: Final = 1 << 63


class _Mark(NamedTuple):
    """Something before an instruction. Marks sort as they are to be shown: a call, its events, its outcome."""

    instruction: int
    call: int
    stage: int
    event: int = 0
    kind: int = 0


_CALL, _EVENT, _OUTCOME = range(3)


def listing(
    trace: Trace, *, begin: int = 0, end: int | None = None, fold: bool = True, color: bool = False
) -> Iterator[str]:
    """Give the lines of a trace from one index up to, not including, another, in bounded memory.

    What happened before an instruction belongs to it, what happened behind the last one to the index behind it. With
    `fold` unset, every iteration and every round has its line; with `color` set, SGR sequences are in the lines.
    Raises `TraceError` for a range that is none.
    """
    if begin < 0 or (end is not None and end < begin):
        raise TraceError(f"begin={begin}, end={end} is no range of instructions; give 0 <= begin <= end")
    return _Listing(trace, begin, end, fold, color).lines()


class _Rep(NamedTuple):
    """A `rep` whose iterations may go on."""

    begin: int
    code: int
    first: Table
    """The accesses of its first iteration."""
    last: Table
    """Those of its last one so far."""


class _Listing:
    """The work of one listing: it holds the instructions for which it is not certain yet how they are shown."""

    def __init__(self, trace: Trace, begin: int, end: int | None, fold: bool, color: bool) -> None:
        self._trace = trace
        self._begin, self._end = begin, end
        self._folding = Folding(begin) if fold else None
        self._lines = Lines(trace.code, color=color)
        self._first = self._fed = self._behind = begin
        self._instructions: Table = np.zeros(0, INSTRUCTION)
        self._accesses: Table = np.zeros(0, ACCESS)
        self._starts = np.zeros(1, np.int64)
        self._ended = 0
        self._marks: deque[_Mark] = deque()
        self._rep: _Rep | None = None
        self._count = 0
        self._touched = Touched()

    def lines(self) -> Iterator[str]:
        """Give the lines."""
        chunk = None
        for chunk in self._trace.chunks(CHUNK):
            behind = chunk.first + len(chunk.instructions)
            if behind < self._begin:
                continue
            if self._end is not None and chunk.first >= self._end:
                yield from self._show_all(self._pieces([], final=True))
                return
            self._lines.names = BufferNames(self._trace.buffers)
            yield from self._show_all(self._pieces(self._take(chunk), final=False))
            if self._end is not None and self._end < behind:
                yield from self._show_all(self._pieces([], final=True))
                return
        yield from self._show_all(self._pieces([], final=True))
        if self._end is not None and self._end <= self._behind:
            return
        if chunk is not None:
            self._mark(chunk, self._behind, None)
        yield from self._happened(None)

    def _take(self, chunk: Chunk) -> list[int]:
        """Add what of a chunk is asked for, and return before which instructions something happened."""
        instructions = chunk.instructions
        starts = _starts(instructions)
        size = len(instructions)
        low = max(self._begin - chunk.first, 0)
        high = size if self._end is None else min(self._end - chunk.first, size)
        self._instructions = np.concatenate([self._instructions, instructions[low:high]])
        self._accesses = np.concatenate([self._accesses, chunk.accesses[starts[low] : starts[high]]], dtype=ACCESS)
        self._starts = _starts(self._instructions)
        self._behind = chunk.first + high
        return self._mark(chunk, chunk.first + low, self._behind)

    def _mark(self, chunk: Chunk, low: int, high: int | None) -> list[int]:
        """Note what happened from before an instruction on, before `high`, and return which instructions these are."""
        top = _NEVER if high is None else high
        events = chunk.events
        number = np.flatnonzero((events["instruction"] >= low) & (events["instruction"] < top))
        marks = [
            _Mark(at, call, _EVENT, chunk.first_event + which, kind)
            for which, (at, call, kind) in zip(
                number.tolist(), events[["instruction", "call", "kind"]][number].tolist(), strict=True
            )
        ]
        calls = self._trace.calls
        for which in range(self._ended, len(calls)):
            begin, end = calls[which].begin, calls[which].end
            if begin >= top:
                break
            if low <= begin:
                marks.append(_Mark(begin, which, _CALL))
            if low <= end < top:
                marks.append(_Mark(end, which, _OUTCOME))
            if which == self._ended and end < top:
                self._ended += 1
        marks.sort()
        self._marks.extend(marks)
        return [mark.instruction for mark in marks]

    def _pieces(self, cuts: list[int], *, final: bool) -> list[Piece]:
        size = self._first + len(self._instructions)
        if self._folding is None:
            return [Piece(PieceKind.PLAIN, self._first, size)]
        return self._folding.feed(self._instructions[self._fed - self._first :], cuts, final=final)

    def _show_all(self, pieces: list[Piece]) -> Iterator[str]:
        """Show pieces, and forget their instructions."""
        self._fed = self._behind
        for piece in pieces:
            yield from self._happened(piece.begin)
            match piece.kind:
                case PieceKind.PLAIN:
                    yield from self._show(piece.begin, piece.end)
                case PieceKind.REP:
                    yield from self._show_rep(piece)
                case PieceKind.REPEATED:
                    yield from self._show_repeated(piece)
        gone = pieces[-1].end - self._first if pieces else 0
        self._first += gone
        self._accesses = self._accesses[self._starts[gone] :]
        self._instructions = self._instructions[gone:]
        self._starts = self._starts[gone:] - self._starts[gone]

    def _happened(self, index: int | None) -> Iterator[str]:
        """Give the lines of what happened up to before an instruction."""
        while self._marks and (index is None or self._marks[0].instruction <= index):
            mark = self._marks.popleft()
            if mark.stage == _EVENT:
                yield self._lines.event(mark.kind, self._trace.explain(mark.event).strip())
            elif mark.stage == _CALL:
                yield self._lines.call(self._trace.calls[mark.call])
            else:
                yield self._lines.outcome(self._trace.calls[mark.call])

    def _show(self, begin: int, end: int) -> Iterator[str]:
        """Give a line for each of some instructions."""
        for step in range(begin, end, _STEP):
            low, high = step - self._first, min(step + _STEP, end) - self._first
            start = int(self._starts[low])
            accesses = self._accesses[_SHOWN][start : self._starts[high]].tolist()
            at = 0
            rows = self._instructions[["code", "flags", "accesses"]][low:high].tolist()
            for index, (code, flags, count) in enumerate(rows, step):
                if self._marks and self._marks[0].instruction <= index:
                    yield from self._happened(index)
                behind = at + count
                if count <= ACCESSES_SHOWN:
                    yield from self._lines.instruction(index, code, flags, accesses[at:behind])
                else:
                    many = self._accesses[start + at : start + behind]
                    yield from self._lines.many_accesses(index, code, flags, many)
                at = behind

    def _touched_by(self, begin: int, end: int) -> Table:
        """Return the accesses of a range of instructions."""
        return self._accesses[self._starts[begin - self._first] : self._starts[end - self._first]]

    def _show_rep(self, piece: Piece) -> Iterator[str]:
        if piece.begin < piece.end:
            if self._rep is None:
                code = int(self._instructions["code"][piece.begin - self._first])
                first = self._touched_by(piece.begin, piece.begin + 1).copy()
                self._rep = _Rep(piece.begin, code, first, first)
            self._rep = self._rep._replace(last=self._touched_by(piece.end - 1, piece.end).copy())
            self._count += piece.end - piece.begin
        if piece.closed and self._rep is not None:
            begin, code, first, last = self._rep
            yield from self._lines.rep(begin, code, self._count, first, last)
            self._rep, self._count = None, 0

    def _show_repeated(self, piece: Piece) -> Iterator[str]:
        self._touched.add(self._touched_by(piece.begin, piece.end))
        self._count += piece.end - piece.begin
        if piece.closed:
            yield self._lines.repeated(piece.period, self._count // piece.period, self._touched)
            self._touched, self._count = Touched(), 0


def _starts(instructions: Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return where the accesses of each instruction begin, and behind them the end of all."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(instructions["accesses"], dtype=np.int64)])
