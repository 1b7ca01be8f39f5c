# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges of positions against plain sets of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.run.done import DoneRanges


@given(st.sets(st.integers(0, 60)), st.integers(0, 70))
def test_ranges_hold_and_lack_what_a_set_does(positions: set[int], total: int) -> None:
    done = DoneRanges(range(each, each + 1) for each in positions)
    assert {position for each in done for position in each} == positions
    assert [position in done for position in range(-2, 70)] == [position in positions for position in range(-2, 70)]
    assert done.count == len(positions)
    assert done.end == max(positions, default=-1) + 1
    missing = list(done.missing(total))
    assert [position for each in missing for position in each] == sorted(set(range(total)) - positions)
    ranges = list(done)
    assert all(before.stop < after.start for before, after in pairwise(ranges))
    assert DoneRanges(ranges) == done
    assert hash(DoneRanges(ranges)) == hash(done)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([range(4), range(3, 5)], "position"),
        ([range(5, 5)], "no range"),
        ([range(-1, 3)], "no range"),
        ([range(0, 8, 2)], "no range"),
    ],
)
def test_what_is_no_set_of_positions_is_refused(ranges: list[range], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DoneRanges(ranges)


def test_a_million_in_order_are_one_range() -> None:
    assert repr(DoneRanges([range(500_000, 1_000_000), range(500_000)])) == "DoneRanges(0-999999)"
