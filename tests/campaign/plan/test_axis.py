# SPDX-License-Identifier: GPL-2.0-or-later
"""Axes of a sweep: the text form, the order, and what is refused."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.axis import MAXIMUM_VALUES, Axis

VALUES = st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0-64", list(range(65))),
        ("1,2,4-8", [1, 2, 4, 5, 6, 7, 8]),
        ("0-128:8", list(range(0, 129, 8))),
        ("0-10:4", [0, 4, 8]),
        ("7", [7]),
        ("7-7", [7]),
        ("0x10-0X12", [16, 17, 18]),
        ("9, 3", [9, 3]),
        ("007", [7]),
    ],
)
def test_the_text_form(text: str, values: list[int]) -> None:
    assert list(Axis.parse(text)) == values


@given(VALUES)
def test_an_axis_is_the_sequence_of_its_values_and_its_text_is_read_back(values: list[int]) -> None:
    axis = Axis.of(values)
    assert list(axis) == values
    assert [axis[index] for index in range(len(axis))] == values
    assert [axis[index] for index in range(-len(axis), 0)] == values
    assert axis[1:7:2] == values[1:7:2]
    assert (axis.smallest, axis.largest) == (min(values), max(values))
    assert values[0] in axis
    assert 301 not in axis
    assert Axis.parse(str(axis)) == axis
    with pytest.raises(IndexError):
        axis[len(axis)]
    with pytest.raises(IndexError):
        axis[-len(axis) - 1]


def test_a_long_axis_is_kept_as_a_range() -> None:
    assert Axis.of(range(5, 10_000, 5)).ranges == (range(5, 10_000, 5),)
    assert str(Axis.of([0, 8, 16, 17, 18])) == "0-16:8,17-18"
    assert isinstance(Axis.parse("0-9"), Sequence)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lengths '': a number or a range"),
        ("a", "lengths 'a': a number or a range FIRST-LAST[:STEP] belongs here, as in 0-64 or 0-128:8"),
        ("1,,2", "lengths '1,,2': '': a number"),
        ("-1", "lengths '-1': a number"),
        ("5-3", "lengths '5-3': it runs backwards; write 3-5"),
        ("1,0-8:0", "lengths '1,0-8:0': '0-8:0': a step of 0 goes nowhere"),
        ("1:2", "lengths '1:2': a number"),
        ("٣", "a number or a range"),
        ("1-4,3-9", "lengths 1-4,3-9: 3 is there twice; name it once"),
        ("0-1048576", f"lengths 0-1048576: 1048577 values are too many; choose {MAXIMUM_VALUES} or fewer"),
        ("0-0xFFFFFFFFFFFFFFFF", "18446744073709551616 values are too many"),
        ("0-9999999999999999999:3", "values are too many"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(ExperimentError) as error:
        Axis.parse(text, "lengths")
    assert says in str(error.value)


@given(st.text(max_size=20) | st.from_regex(r"[0-9x,:-]{0,12}", fullmatch=True))
def test_any_text_is_an_axis_or_an_error_of_one_line(text: str) -> None:
    try:
        axis = Axis.parse(text)
    except ExperimentError as error:
        message = str(error)
    else:
        message = ""
        assert Axis.parse(str(axis)) == axis
    assert "\n" not in message


def test_an_axis_has_values_of_0_or_more() -> None:
    with pytest.raises(ExperimentError, match="irqls -1: choose 0 or more"):
        Axis.of([-1], "irqls")
    with pytest.raises(ExperimentError, match="irqls: there is no value"):
        Axis.of([], "irqls")
