# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts by cell, packed, and the choice of what keeps its text."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.report.counts import choose_evenly, occurrence, pack_counts

CELLS = st.lists(st.integers(0, 40), max_size=200)


@given(CELLS)
def test_packed_counts_say_how_often_each_cell_is_named(cells: list[int]) -> None:
    packed = pack_counts(np.array(cells, np.int64), 41)
    if packed.width == 1:
        found = np.unpackbits(np.frombuffer(packed.data, np.uint8), count=41, bitorder="little")
        assert len(packed.data) == 6
    else:
        found = np.frombuffer(packed.data, f"<u{packed.width // 8}")
    assert found.tolist() == [cells.count(cell) for cell in range(41)]
    assert (packed.width == 1) == (len(set(cells)) == len(cells))


def test_counts_take_the_width_that_they_need() -> None:
    assert pack_counts(np.zeros(255, np.int64), 1) == (8, b"\xff")
    assert pack_counts(np.zeros(256, np.int64), 1) == (16, b"\x00\x01")
    assert pack_counts(np.zeros(65536, np.int64), 1) == (32, b"\x00\x00\x01\x00")


@given(st.lists(st.integers(0, 5), max_size=50))
def test_occurrence_counts_equal_keys_before(keys: list[int]) -> None:
    assert occurrence(np.array(keys, np.int64)).tolist() == [keys[:at].count(key) for at, key in enumerate(keys)]


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(1, 3)), max_size=80), st.integers(0, 80))
def test_every_kind_of_a_cell_comes_before_a_second_of_any(rows: list[tuple[int, int]], most: int) -> None:
    cells = np.array([cell for cell, _ in rows], np.int64)
    kinds = np.array([kind for _, kind in rows], np.int64)
    chosen = choose_evenly(cells, kinds, 10, most).tolist()
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(most, len(rows))
    found = Counter(rows[at] for at in chosen)
    if any(count > 1 for count in found.values()):
        assert set(found) == set(rows)
    if len(chosen) < len(rows):
        maps = Counter(cell // 10 for at in chosen for cell in [rows[at][0]] if rows.index(rows[at]) == at)
        left = Counter(
            cell // 10 for at, (cell, kind) in enumerate(rows) if at not in chosen and rows.index((cell, kind)) == at
        )
        for number in left:
            assert maps[number] >= max(maps.values(), default=1) - 1
