# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of a sweep: each names one place, in the order that is promised, and none is left over."""

import itertools
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.fault_template import FaultChoice
from emu.campaign.plan.measure import Measured, Pattern
from emu.campaign.plan.sweep_numbering import MAXIMUM_CASES, Location, Numbering

CHOICES = ("", "none@every-byte", "none@every-byte&guard@every-byte", "none@src+3", "none@every-instruction",
           "none@every-instruction&none@src+0-4:2")  # fmt: skip


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    return Axis.of(draw(st.lists(st.integers(0, 15), min_size=1, max_size=3, unique=True)))


@given(
    st.integers(1, 3),
    st.lists(st.sampled_from(CHOICES), min_size=1, max_size=4, unique=True),
    axes(),
    st.tuples(axes(), axes(), axes()),
    st.data(),
)
def test_a_number_is_a_place_in_a_product(
    profiles: int, texts: list[str], lengths: Axis, offsets: tuple[Axis, Axis, Axis], data: st.DataObject
) -> None:
    choices = [FaultChoice.parse(text) for text in texts]
    cells = list(itertools.product(range(profiles), lengths, *offsets))
    measured = data.draw(st.lists(st.integers(0, 3), min_size=len(cells), max_size=len(cells)))
    patterns = Measured([{"instructions": Pattern(count)} for count in range(4)], array("I", measured))
    numbering = Numbering(profiles, choices, lengths, offsets, patterns)

    def faults(choice: FaultChoice, length: int, cell: int) -> int:
        total = 1
        for template in choice.templates:
            total *= measured[cell] if template.quantity else template.count(length)
        return total

    expected = [
        (profile, index, length, *offset, fault)
        for profile in range(profiles)
        for index, choice in enumerate(choices)
        for cell, (of, length, *offset) in enumerate(cells)
        if of == profile
        for fault in range(faults(choice, length, cell))
    ]
    located = [numbering.locate(number) for number in range(numbering.total)]
    assert [(*each[:6], each.fault) for each in located] == expected
    blocks = list(numbering.blocks())
    assert [block[1:] for block in blocks for _ in block[0]] == [each[:2] for each in expected]
    assert [number for block in blocks for number in block[0]] == list(range(numbering.total))
    for each in located:
        if choices[each.choice].measured:
            assert cells[each.cell] == (each.profile, each.length, each.source_offset, each.target_offset, each.irql)


def test_lengths_are_not_gone_through_to_find_one() -> None:
    one = Axis.of([0])
    numbering = Numbering(4, [FaultChoice.parse("none@every-byte")], Axis.parse("0-99999"), (one, one, one), None)
    assert numbering.total == 4 * 100_000 * 100_001 // 2
    assert numbering.locate(numbering.total - 1) == Location(3, 0, 99_999, 0, 0, 0, 0, 99_999)


@pytest.mark.parametrize("number", [-1, 65, 1 << 70])
def test_other_numbers_are_refused(number: int) -> None:
    one = Axis.of([0])
    numbering = Numbering(1, [FaultChoice()], Axis.parse("0-64"), (one, one, one), None)
    with pytest.raises(ExperimentError, match=rf"case {number} does not exist; the sweep has 65 of them, from 0"):
        numbering.locate(number)


def test_more_cases_than_a_store_numbers_are_refused() -> None:
    one = Axis.of([0])
    many = FaultChoice.parse("&".join(["none@every-byte"] * 4))
    with pytest.raises(ExperimentError, match=f"more than {MAXIMUM_CASES} cases; choose fewer"):
        Numbering(1, [many], Axis.of([100_000]), (one, one, one), None)
