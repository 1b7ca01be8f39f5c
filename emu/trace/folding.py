# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds what a listing need not say twice: the iterations of a `rep`, and loops.

A loop shows itself by a step backwards to an instruction that ran before. Where what ran from then on is what ran from
there up to it, over and over, all but the last time is folded. Only what came before is compared, so a fold does not
depend on how the trace is cut into chunks, and the first time of an outer loop shows the folds of its inner ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from emu.trace.layout import InstructionFlag
from emu.trace.source import Table, Words

LONGEST: Final = 1 << 14
"""Instructions of the longest loop body that is folded; three times as many may have to wait for what follows."""

LEAST: Final = 3
"""How often a body must come again: once less is folded, as the last time is shown."""

Cuts: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class PieceKind(Enum):
    """What the instructions of a piece are."""

    PLAIN = "plain"
    """Instructions to be shown one by one."""
    REP = "rep"
    """Iterations of one `rep`."""
    REPEATED = "repeated"
    """The same as the `period` instructions before them, over and over."""


class Piece(NamedTuple):
    """Instructions that are shown alike. Pieces come in order and leave nothing out."""

    kind: PieceKind
    begin: int
    end: int
    period: int = 1
    closed: bool = True
    """False where the next piece goes on with this one; that one may be empty."""


class Folding:
    """Parts a trace into pieces, given it a table after the other."""

    def __init__(self, first: int = 0) -> None:
        """Begin at an index."""
        self._base = self._at = first
        self._keys: Words = np.zeros(0, np.uint64)
        self._rips: Words = np.zeros(0, np.uint64)
        self._continued: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros(0, np.bool_)
        self._cuts: Cuts = np.zeros(0, np.int64)
        self._open: Piece | None = None

    def feed(self, instructions: Table, cuts: Sequence[int] = (), *, final: bool = False) -> list[Piece]:
        """Take the next instructions and return the pieces that are certain by now; with `final` set, all of them.

        cuts  the indices of those given now before which something happened: no piece that folds reaches across
        """
        self._append(instructions, cuts)
        pieces: list[Piece] = []
        self._go_on(pieces, final)
        if self._open is None:
            self._find_loops(pieces, final)
        self._forget()
        return pieces

    def _append(self, instructions: Table, cuts: Sequence[int]) -> None:
        flags = instructions["flags"]
        keys = instructions["code"].astype(np.uint64)
        keys |= flags.astype(np.uint64) << np.uint64(32)
        keys |= instructions["accesses"].astype(np.uint64) << np.uint64(40)
        behind = self._base + len(self._keys)
        trapped = np.flatnonzero(flags & InstructionFlag.TRAPPED) + behind
        here = np.asarray(cuts, np.int64)
        self._cuts = np.unique(np.concatenate([self._cuts, here, trapped, trapped + 1]))
        same = np.empty(len(keys), np.bool_)
        same[1:] = keys[1:] == keys[:-1]
        same[:1] = bool(len(self._keys)) and keys[:1] == self._keys[-1:]
        same &= flags & InstructionFlag.REP != 0
        same[
            self._cuts[np.searchsorted(self._cuts, behind) : np.searchsorted(self._cuts, behind + len(keys))] - behind
        ] = False
        self._keys = np.concatenate([self._keys, keys])
        self._rips = np.concatenate([self._rips, instructions["rip"]])
        self._continued = np.concatenate([self._continued, same])

    def _go_on(self, pieces: list[Piece], final: bool) -> None:
        """Extend the piece that was open."""
        piece = self._open
        if piece is None:
            return
        at, size = self._at - self._base, len(self._keys)
        if piece.kind is PieceKind.REP:
            end = self._end_of_rep(at)
            closed = end < size or final
        else:
            matched = self._matched(at, piece.period)
            closed = at + matched < size or final or self._base + size in self._cuts
            end = at + (max(matched // piece.period, 1) - 1) * piece.period
        self._open = None
        self._emit(pieces, piece.kind, end, piece.period, closed)

    def _find_loops(self, pieces: list[Piece], final: bool) -> None:
        size = len(self._keys)
        for head, period in self._heads():
            if head < self._at - self._base:
                continue
            matched = self._matched(head, period)
            waits = head + matched == size and not final
            if matched < LEAST * period:
                if waits:
                    self._show(pieces, head, final)
                    return
                continue
            self._show(pieces, head, final)
            self._emit(pieces, PieceKind.REPEATED, head + (matched // period - 1) * period, period, not waits)
            if waits:
                return
        self._show(pieces, size, final)

    def _heads(self) -> list[tuple[int, int]]:
        """Return where a body may come again, with its length: what makes it impossible at a glance is left out."""
        keys, rips = self._keys, self._rips
        starts = np.flatnonzero(~self._continued)
        order = starts[np.argsort(keys[starts], kind="stable")]
        previous = np.full(len(keys), -1, np.int64)
        alike = keys[order[1:]] == keys[order[:-1]]
        previous[order[1:][alike]] = order[:-1][alike]
        heads = starts[starts >= max(self._at - self._base, 1)]
        heads = heads[(previous[heads] >= 0) & (rips[heads] <= rips[heads - 1])]
        period = heads - previous[heads]
        last_cut = np.append(self._cuts, -1)[np.searchsorted(self._cuts, heads + self._base, "right") - 1] - self._base
        likely = (period <= LONGEST) & (last_cut <= previous[heads])
        end = np.minimum(heads + period, len(keys)) - 1
        likely &= keys[end] == keys[end - period]
        return list(zip(heads[likely].tolist(), period[likely].tolist(), strict=True))

    def _matched(self, head: int, period: int) -> int:
        """Return how many instructions from `head` on are those that ran `period` before."""
        keys = self._keys
        cut = int(np.searchsorted(self._cuts, self._base + head, "right"))
        limit = min(len(keys), int(self._cuts[cut]) - self._base) if cut < len(self._cuts) else len(keys)
        at, step = head, 64
        while at < limit:
            end = min(at + step, limit)
            differs = keys[at:end] != keys[at - period : end - period]
            if differs.any():
                return at + int(differs.argmax()) - head
            at, step = end, step * 2
        return limit - head

    def _end_of_rep(self, at: int) -> int:
        """Return where the iterations end that go on at a position."""
        rest = self._continued[at:]
        return at + (len(rest) if rest.all() else int(rest.argmin()))

    def _show(self, pieces: list[Piece], end: int, final: bool) -> None:
        """Show what is left up to a position, the iterations of a `rep` together."""
        begin = self._at - self._base
        flags = (self._keys[begin:end] >> np.uint64(32)).astype(np.uint8)
        is_rep = (flags & InstructionFlag.REP != 0) & (flags & InstructionFlag.TRAPPED == 0)
        for start in (np.flatnonzero(is_rep & ~self._continued[begin:end]) + begin).tolist():
            self._emit(pieces, PieceKind.PLAIN, start, 1, True)
            behind = self._end_of_rep(start + 1)
            self._emit(pieces, PieceKind.REP, behind, 1, behind < len(self._keys) or final)
        self._emit(pieces, PieceKind.PLAIN, end, 1, True)

    def _emit(self, pieces: list[Piece], kind: PieceKind, end: int, period: int, closed: bool) -> None:
        piece = Piece(kind, self._at, self._base + end, period, closed)
        if piece.begin < piece.end or kind is not PieceKind.PLAIN:
            pieces.append(piece)
        self._at = piece.end
        if not closed:
            self._open = piece

    def _forget(self) -> None:
        """Drop what no later body can be compared with."""
        gone = max(self._at - self._base - LONGEST, 0)
        self._base += gone
        self._keys, self._rips, self._continued = self._keys[gone:], self._rips[gone:], self._continued[gone:]
        self._cuts = self._cuts[np.searchsorted(self._cuts, self._base) :]
