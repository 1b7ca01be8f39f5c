# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured of clean runs: how it is counted, and how it is kept."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.measure import QUANTITIES, Access, Measured
from emu.profile import Profile

ACCESSES = [Access("src", 0, 1, 1), Access("dst", 0, 1), Access("src", 8, 1, 1), Access("dst", 0, 2, 1)]


class Fixed:
    """A measure that takes the length for the number of a run."""

    def __init__(self, *runs: tuple[Sequence[Access], int]) -> None:
        self.runs = runs

    @property
    def cases(self) -> list[CopyCase]:
        """A case for each run."""
        return [CopyCase(number, 0, 0, (), Profile()) for number in range(len(self.runs))]

    def accesses(self, case: CopyCase) -> Sequence[Access]:
        return self.runs[case.length][0]

    def instructions(self, case: CopyCase) -> int:
        return self.runs[case.length][1]


def places(measured: Measured, quantity: str, cell: int) -> list[tuple[int, int]]:
    pattern = measured.pattern(quantity, cell)
    return [pattern.access(index) for index in range(pattern.size)]


def test_what_a_quantity_has() -> None:
    fixed = Fixed((ACCESSES, 9), ((), 0))
    measured = Measured.measure(fixed, fixed.cases, QUANTITIES)
    assert [places(measured, quantity, 0) for quantity in QUANTITIES[:4]] == [
        [(0, 1), (8, 1)],
        [(0, 1), (0, 2)],
        [(0, 1), (8, 1)],
        [(0, 1)],
    ]
    # Between nine instructions.
    assert [measured.pattern("instructions", cell).size for cell in (0, 1)] == [8, 0]
    assert [measured.pattern(quantity, 1).size for quantity in QUANTITIES] == [0] * 5
    with pytest.raises(IndexError, match="there are 2 accesses"):
        measured.pattern("source-reads", 0).access(2)


def test_runs_that_are_alike_are_kept_once_and_strides_as_such() -> None:
    forwards = [Access("src", byte, 1, 1) for byte in range(0, 64, 16)]
    backwards = [Access("src", byte, 1, 1) for byte in range(64, 0, -8)]
    fixed = Fixed((forwards, 3), (forwards, 4), (backwards, 3), (forwards * 2, 3))
    assert Measured.measure(fixed, fixed.cases, ["source-accesses"]).to_json() == {
        "patterns": [
            {"source-accesses": [[0, 16, 4, 1]]},
            {"source-accesses": [[64, -8, 8, 1]]},
            {"source-accesses": [[0, 16, 4, 1], [0, 16, 4, 1]]},
        ],
        "cells": [[0, 2], [1, 1], [2, 1]],
    }


RUNS = st.lists(
    st.tuples(
        st.lists(
            st.builds(
                Access, st.sampled_from(["src", "dst"]), st.integers(0, 40), st.integers(1, 3), st.integers(0, 2)
            ),
            max_size=12,
        ),
        st.integers(0, 3),
    ),
    max_size=6,
)


@given(RUNS, st.lists(st.sampled_from(QUANTITIES), min_size=1, unique=True))
def test_what_was_measured_is_there_and_is_read_back(
    runs: list[tuple[list[Access], int]], quantities: list[str]
) -> None:
    fixed = Fixed(*runs)
    measured = Measured.measure(fixed, fixed.cases, quantities)
    data = json.loads(json.dumps(measured.to_json()))
    again = Measured.from_json(data, quantities, len(runs))
    assert again.to_json() == data
    for cell, (accesses, instructions) in enumerate(runs):
        for quantity in quantities:
            assert again.pattern(quantity, cell) == measured.pattern(quantity, cell)
            if quantity == "instructions":
                assert again.pattern(quantity, cell).size == max(instructions - 1, 0)
                continue
            buffer, what = quantity.replace("source", "src").replace("target", "dst").split("-")
            mine = [access for access in accesses if access.buffer == buffer]
            assert places(again, quantity, cell) == (
                [(access.offset, access.number) for access in mine]
                if what == "accesses"
                else [(access.offset, access.read_number) for access in mine if access.read_number]
            )


GOOD = {"patterns": [{"instructions": 3, "source-reads": [[8, -4, 3, 1]]}], "cells": [[0, 2]]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "measured: 'patterns' and 'cells' belong here"),
        ({}, "measured: 'patterns' and 'cells' belong here"),
        (GOOD | {"more": 1}, "measured: 'patterns' and 'cells' belong here"),
        (GOOD | {"patterns": {}}, "measured: patterns: a list belongs here"),
        (GOOD | {"patterns": [3]}, "measured: patterns: 3: instructions, source-reads belong here"),
        (GOOD | {"patterns": [{"instructions": 3}]}, "instructions, source-reads belong here"),
        (GOOD | {"patterns": [{"instructions": True, "source-reads": []}]}, "instructions: True: a count belongs here"),
        (GOOD | {"patterns": [{"instructions": -1, "source-reads": []}]}, "instructions: -1: a count belongs here"),
        (GOOD | {"patterns": [{"instructions": 1, "source-reads": 1}]}, "source-reads: 1: a list belongs here"),
        (GOOD | {"cells": 3}, r"cells: a list of \[pattern, cells\] belongs here"),
        (GOOD | {"cells": [3]}, r"cells: 3: \[pattern, cells\] belongs here"),
        (GOOD | {"cells": [[0, 1, 2]]}, r"cells: \[0, 1, 2\]: \[pattern"),
        (GOOD | {"cells": [[-1, 2]]}, r"cells: \[-1, 2\]: \[pattern"),
        (GOOD | {"cells": [[1, 2]]}, r"cells: \[1, 2\] does not fit 1 patterns and 2 cells"),
        (GOOD | {"cells": [[0, 3]]}, r"\[0, 3\] does not fit"),
        (GOOD | {"cells": [[0, 0], [0, 2]]}, r"\[0, 0\] does not fit"),
        (GOOD | {"cells": [[0, 1]]}, "cells: 1 of 2 are missing"),
    ],
)
def test_what_is_damaged_is_refused(data: Any, says: str) -> None:
    Measured.from_json(GOOD, ["instructions", "source-reads"], 2)
    with pytest.raises(ExperimentError, match=says):
        Measured.from_json(data, ["instructions", "source-reads"], 2)


@pytest.mark.parametrize(
    "stride",
    [3, [1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [0, -1, 2, 1], [-1, 1, 2, 1], [0, 1, "2", 1], [0, 1, 1 << 32, 1]],
)
def test_a_stride_that_is_damaged_is_refused(stride: Any) -> None:
    data = {"patterns": [{"source-reads": [stride]}], "cells": []}
    with pytest.raises(ExperimentError, match=r"\[offset, step, count, number\] belongs here"):
        Measured.from_json(data, ["source-reads"], 0)
