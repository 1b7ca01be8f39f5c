# SPDX-License-Identifier: GPL-2.0-or-later
"""What is folded is what was there before, in whole, and does not depend on how the trace is cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.folding import LEAST, LONGEST, Folding, Piece, PieceKind
from emu.trace.layout import INSTRUCTION, InstructionFlag
from emu.trace.source import Table

PLAIN, REP, REPEATED = PieceKind.PLAIN, PieceKind.REP, PieceKind.REPEATED


def table(codes: Sequence[int], flags: Sequence[int] | None = None) -> Table:
    """Return instructions whose addresses ascend with their codes."""
    rows = np.zeros(len(codes), INSTRUCTION)
    rows["code"] = codes
    rows["rip"] = 0x1000 + 4 * rows["code"]
    rows["flags"] = 0 if flags is None else flags
    return rows


def fold(rows: Table, cuts: Sequence[int] = (), splits: Sequence[int] = (), first: int = 0) -> list[Piece]:
    """Return the pieces of a table that is given in parts; what goes on over several is one."""
    folding = Folding(first)
    found: list[Piece] = []
    bounds = [0, *sorted(splits), len(rows)]
    for begin, end in pairwise(bounds):
        found += folding.feed(rows[begin:end], [cut for cut in cuts if begin <= cut - first < end])
    found += folding.feed(rows[:0], final=True)
    whole: list[Piece] = []
    for piece in found:
        if whole and (not whole[-1].closed or whole[-1].kind is piece.kind is PLAIN):
            assert whole[-1].end == piece.begin
            assert whole[-1][0::3] == piece[0::3]
            whole[-1] = whole[-1]._replace(end=piece.end, closed=piece.closed)
        else:
            whole.append(piece)
    return whole


def test_a_loop_shows_its_first_and_its_last_round() -> None:
    rows = table([9, 0, *[1, 2, 3] * 10, 4, 5])
    assert fold(rows) == [Piece(PLAIN, 0, 5), Piece(REPEATED, 5, 29, 3), Piece(PLAIN, 29, 34)]


def test_a_loop_that_is_entered_in_its_middle_is_folded_from_where_it_comes_again() -> None:
    rows = table([3, *[1, 2, 3] * 10, 4])
    assert fold(rows) == [Piece(PLAIN, 0, 4), Piece(REPEATED, 4, 28, 3), Piece(PLAIN, 28, 32)]


def test_few_rounds_are_shown() -> None:
    assert fold(table([*[1, 2, 3] * LEAST, 4])) == [Piece(PLAIN, 0, 3 * LEAST + 1)]
    assert fold(table([*[1, 2, 3] * (LEAST + 1), 4])) == [
        Piece(PLAIN, 0, 3),
        Piece(REPEATED, 3, 3 * LEAST, 3),
        Piece(PLAIN, 3 * LEAST, 3 * LEAST + 4),
    ]


def test_a_round_that_differs_ends_a_fold() -> None:
    rows = table([*[1, 2, 5] * 8, 1, 3, 5, *[1, 2, 5] * 8])
    kinds = [(piece.kind, piece.begin, piece.end) for piece in fold(rows)]
    assert kinds == [
        (PLAIN, 0, 3),
        (REPEATED, 3, 21),
        (PLAIN, 21, 30),
        (REPEATED, 30, 48),
        (PLAIN, 48, 51),
    ]


def test_no_fold_reaches_across_a_cut() -> None:
    rows = table([1, 2, 3] * 20)
    for cut in range(24, 30):
        folds = [piece for piece in fold(rows, [cut]) if piece.kind is REPEATED]
        assert len(folds) == 2
        assert all(not piece.begin - 3 < cut < piece.end for piece in folds)


def test_a_trapped_instruction_stands_alone() -> None:
    flags = [0] * 60
    flags[31] = InstructionFlag.TRAPPED
    pieces = fold(table([1, 2, 3] * 20, flags))
    assert any(piece.kind is PLAIN and piece.begin <= 31 < piece.end for piece in pieces)
    rep = fold(
        table(
            [7] * 10,
            [InstructionFlag.REP] * 4 + [InstructionFlag.REP | InstructionFlag.TRAPPED] + [InstructionFlag.REP] * 5,
        )
    )
    assert rep == [Piece(REP, 0, 4), Piece(PLAIN, 4, 5), Piece(REP, 5, 10)]


def test_iterations_of_a_rep_are_one_piece() -> None:
    rows = table([1, *[2] * 30, 3], [0, *[InstructionFlag.REP] * 30, 0])
    assert fold(rows) == [Piece(PLAIN, 0, 1), Piece(REP, 1, 31), Piece(PLAIN, 31, 32)]
    assert fold(rows, [11]) == [Piece(PLAIN, 0, 1), Piece(REP, 1, 11), Piece(REP, 11, 31), Piece(PLAIN, 31, 32)]


def test_a_loop_around_a_rep_is_folded() -> None:
    body, flags = [1, 2, 2, 2, 2, 3], [0, *[InstructionFlag.REP] * 4, 0]
    rows = table(body * 10, flags * 10)
    assert fold(rows) == [
        Piece(PLAIN, 0, 1),
        Piece(REP, 1, 5),
        Piece(PLAIN, 5, 6),
        Piece(REPEATED, 6, 54, 6),
        Piece(PLAIN, 54, 55),
        Piece(REP, 55, 59),
        Piece(PLAIN, 59, 60),
    ]


def test_a_loop_that_begins_with_a_rep_is_folded() -> None:
    rows = table([2, 2, 2, 3] * 10, ([InstructionFlag.REP] * 3 + [0]) * 10)
    assert fold(rows)[:3] == [Piece(REP, 0, 3), Piece(PLAIN, 3, 4), Piece(REPEATED, 4, 36, 4)]


def test_an_outer_loop_is_folded_around_inner_ones() -> None:
    rows = table([0, *[1, 2] * 6, 3] * 5)
    assert fold(rows) == [
        Piece(PLAIN, 0, 3),
        Piece(REPEATED, 3, 11, 2),
        Piece(PLAIN, 11, 14),
        Piece(REPEATED, 14, 56, 14),
        Piece(PLAIN, 56, 59),
        Piece(REPEATED, 59, 67, 2),
        Piece(PLAIN, 67, 70),
    ]


def test_a_body_that_is_too_long_is_shown() -> None:
    body = list(range(LONGEST + 1))
    assert fold(table(body * 5)) == [Piece(PLAIN, 0, 5 * len(body))]
    assert [piece.kind for piece in fold(table(body[:-1] * 5))] == [PLAIN, REPEATED, PLAIN]


def test_accesses_are_part_of_what_comes_again() -> None:
    rows = table([1, 2, 3] * 10)
    rows["accesses"][16] = 1
    assert all(not piece.begin - 3 <= 16 < piece.end for piece in fold(rows) if piece.kind is REPEATED)


CODES = st.lists(
    st.one_of(
        st.integers(0, 5).map(lambda code: [code]),
        st.tuples(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 12)).map(
            lambda it: it[0] * it[1]
        ),
    ),
    max_size=12,
).map(lambda parts: [code for part in parts for code in part])


@given(CODES, st.data())
def test_pieces_are_true_whatever_ran_and_however_it_is_cut(codes: list[int], data: st.DataObject) -> None:
    everywhere = st.sets(st.integers(0, max(len(codes) - 1, 0)), max_size=3 if codes else 0)
    cuts, traps, splits = (sorted(data.draw(everywhere)) for _ in range(3))
    first = data.draw(st.sampled_from([0, 1000]))
    flags = [InstructionFlag.REP if code == 5 else 0 for code in codes]
    for trap in traps:
        flags[trap] |= InstructionFlag.TRAPPED
    rows = table(codes, flags)
    pieces = fold(rows, [cut + first for cut in cuts], first=first)
    assert pieces == fold(rows, [cut + first for cut in cuts], splits, first)
    assert pieces == fold(rows, [cut + first for cut in cuts], range(1, len(codes)), first)
    assert [piece.begin for piece in pieces] == [first, *(piece.end for piece in pieces)][: len(pieces)]
    assert (pieces[-1].end if pieces else first) == first + len(codes)
    keys = list(zip(codes, flags, strict=True))
    for kind, begin, end, period, closed in pieces:
        low, high = begin - first, end - first
        assert closed
        if kind is REPEATED:
            assert keys[low:high] == keys[low - period : high - period]
            assert (high - low) % period == 0 < (high - low) // period
            assert keys[high : high + period] == keys[low - period : low]
        if kind is REP:
            assert set(keys[low:high]) == {(5, InstructionFlag.REP)}
        if kind is not PLAIN:
            above = low - period if kind is REPEATED else low
            assert not any(above < cut < high for cut in cuts)
            assert not any(above <= trap < high for trap in traps)
