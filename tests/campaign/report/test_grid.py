# SPDX-License-Identifier: GPL-2.0-or-later
"""The cells of the maps."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.report.grid import LONGEST_SIDE, MOST_CELLS, NOWHERE, Grid, Span, spans

VALUES = st.lists(st.integers(0, 5000), min_size=1, max_size=60)


@given(VALUES, st.integers(1, 40))
def test_spans_hold_every_value_once_in_order(values: list[int], most: int) -> None:
    found = spans(values, most)
    assert len(found) <= most
    assert all(span.first <= span.last for span in found)
    assert all(one.last < other.first for one, other in itertools.pairwise(found))
    for value in values:
        assert sum(span.first <= value <= span.last for span in found) == 1
    if len(set(values)) <= most:
        assert found == tuple(Span(value, value) for value in sorted(set(values)))


ROWS = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 15), st.integers(0, 4096), st.integers(NOWHERE, 4096)),
    min_size=1,
    max_size=50,
)


@given(ROWS)
def test_a_cell_is_where_its_values_are(rows: list[tuple[int, int, int, int]]) -> None:
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    grid = Grid.over(*columns)
    cells = grid.cell(*columns).tolist()
    assert grid.nowhere is any(place == NOWHERE for *_, place in rows)
    for cell, (source, target, length, place) in zip(cells, rows, strict=True):
        assert 0 <= cell < grid.cells
        rest, column = divmod(cell, grid.columns)
        rest, row = divmod(rest, len(grid.lengths))
        across, down = divmod(rest, len(grid.targets))
        assert grid.sources[across].first <= source <= grid.sources[across].last
        assert grid.targets[down].first <= target <= grid.targets[down].last
        assert grid.lengths[row].first <= length <= grid.lengths[row].last
        if place == NOWHERE:
            assert column == 0
        else:
            span = grid.places[column - grid.nowhere]
            assert span.first <= place <= span.last


def test_cells_are_bounded_whatever_the_axes() -> None:
    offsets = np.repeat(np.arange(16), 16)
    grid = Grid.over(offsets, np.tile(np.arange(16), 16), np.arange(256) * 16, np.arange(256) * 16 - 1)
    assert grid.cells <= MOST_CELLS
    assert len(grid.sources) == len(grid.targets) == 16
    one = Grid.over(np.zeros(5000), np.zeros(5000), np.arange(5000), np.arange(5000) - 1)
    assert len(one.lengths) == 500
    assert one.columns <= LONGEST_SIDE + 1


def test_the_sweep_of_the_tests_has_a_cell_a_byte() -> None:
    offsets = np.repeat(np.arange(16), 16)
    lengths = np.arange(256) % 129
    grid = Grid.over(offsets, np.tile(np.arange(16), 16), lengths, lengths)
    assert (len(grid.lengths), grid.columns, grid.cells) == (129, 129, 256 * 129 * 129)
