# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured of clean runs: how it is counted, and how it is kept."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.case import CopyCase
from emu.campaign.experiment_error import ExperimentError
from emu.campaign.measure import QUANTITIES, Access, Counts, select
from emu.profile import Profile

ACCESSES = [Access("src", 0, 1, 1), Access("dst", 0, 1), Access("src", 8, 1, 1), Access("dst", 0, 2, 1)]


class Fixed:
    """A measure of a routine that makes as many accesses as it has bytes, up to four."""

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        return ACCESSES[: case.length]

    def instructions(self, case: CopyCase) -> int:
        return case.length


def test_what_a_quantity_counts() -> None:
    assert [len(select(ACCESSES, quantity)) for quantity in QUANTITIES[:4]] == [2, 2, 2, 1]


def test_counts_are_those_of_the_cases_in_order() -> None:
    cases = [CopyCase(length, 0, 0, (), Profile()) for length in (4, 0, 1, 2)]
    counts = Counts.measure(Fixed(), cases, QUANTITIES)
    assert [list(counts[quantity]) for quantity in QUANTITIES] == [
        [2, 0, 1, 1],
        [2, 0, 0, 1],
        [2, 0, 1, 1],
        [1, 0, 0, 0],
        # Between two instructions.
        [3, 0, 0, 1],
    ]
    assert Counts.measure(Fixed(), cases, ["instructions"]).to_json() == {"instructions": [[3, 1], [0, 2], [1, 1]]}


@given(st.lists(st.integers(0, 3) | st.integers(0, (1 << 32) - 1), max_size=30))
def test_they_are_read_back(values: list[int]) -> None:
    runs = [[value, 1] for value in values]
    counts = Counts.from_json({"instructions": runs}, ["instructions"], len(values))
    assert list(counts["instructions"]) == values
    again = Counts.from_json(counts.to_json(), ["instructions"], len(values))
    assert list(again["instructions"]) == values


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "measured: instructions belongs here"),
        ({}, "measured: instructions belongs here"),
        ({"instructions": [], "x": []}, "measured: instructions belongs here"),
        ({"instructions": 3}, r"a list of \[count, cells\] belongs here"),
        ({"instructions": [3]}, r"3: \[count, cells\] belongs here"),
        ({"instructions": [[1, 2, 3]]}, r"\[1, 2, 3\]: \[count, cells\] belongs here"),
        ({"instructions": [[True, 2]]}, r"\[True, 2\]: \[count"),
        ({"instructions": [[-1, 2]]}, r"\[-1, 2\] does not fit 2 cells"),
        ({"instructions": [[1 << 32, 2]]}, "does not fit 2 cells"),
        ({"instructions": [[1, 3]]}, r"\[1, 3\] does not fit 2 cells"),
        ({"instructions": [[1, 0], [1, 2]]}, r"\[1, 0\] does not fit 2 cells"),
        ({"instructions": [[1, 1]]}, "1 of 2 cells are missing"),
    ],
)
def test_what_is_damaged_is_refused(data: Any, says: str) -> None:
    with pytest.raises(ExperimentError, match=says):
        Counts.from_json(data, ["instructions"], 2)
