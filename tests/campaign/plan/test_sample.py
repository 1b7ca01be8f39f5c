# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples: distinct, in order, the same for a seed, spread over everything, in no memory."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.sample import Sample

TOTALS = st.integers(1, 5000) | st.integers(1, (1 << 63) - 1)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    total = draw(TOTALS)
    return Sample(total, draw(st.integers(1, min(total, 300))), draw(st.integers(-(1 << 70), 1 << 70)))


@given(samples())
def test_the_numbers_are_distinct_ascend_and_are_the_same_for_a_seed(sample: Sample) -> None:
    numbers = list(sample)
    assert len(numbers) == len(sample) == sample.size
    assert numbers == sorted(set(numbers))
    assert 0 <= numbers[0] <= numbers[-1] < sample.total
    assert list(Sample(sample.total, sample.size, sample.seed)) == numbers
    assert [sample[index] for index in range(-len(sample), 0)] == numbers
    assert sample[3:50:7] == numbers[3:50:7]


@given(samples(), st.integers(0, (1 << 63) - 1))
def test_a_number_is_found_where_it_is(sample: Sample, number: int) -> None:
    for index, drawn in enumerate(sample):
        assert drawn in sample
        assert sample.index(drawn) == index
    number %= sample.total
    assert (number in sample) == (number in set(sample))
    if number not in sample:
        with pytest.raises(ValueError, match="is not in the sample"):
            sample.index(number)


@pytest.mark.parametrize(("total", "size"), [(1000, 1000), (1, 1)])
def test_a_sample_of_all_is_all(total: int, size: int) -> None:
    assert list(Sample(total, size, 3)) == list(range(total))


def test_every_number_is_drawn_about_as_often() -> None:
    drawn = [0] * 90
    for seed in range(3000):
        for number in Sample(90, 30, seed):
            drawn[number] += 1
    # 1000 each; a standard deviation is 26.
    assert 870 < min(drawn) <= max(drawn) < 1130


def test_seeds_that_are_neighbours_give_unrelated_samples() -> None:
    first, second = set(Sample(10**6, 1000, 1)), set(Sample(10**6, 1000, 2))
    assert len(first & second) < 20


def test_a_sample_of_millions_takes_no_memory() -> None:
    sample = Sample(1 << 62, 1 << 40, 7)
    assert sys.getsizeof(sample) < 200
    assert sample[1 << 39] < sample[(1 << 39) + 1]
    assert sample[-1] < 1 << 62


@pytest.mark.parametrize("size", [0, 11, -1])
def test_a_sample_that_cannot_be_drawn_is_refused(size: int) -> None:
    with pytest.raises(ExperimentError, match=f"a sample of {size} of 10: choose 1 to 10"):
        Sample(10, size, 0)


def test_there_is_nothing_outside() -> None:
    sample = Sample(100, 10, 0)
    for index in (10, -11):
        with pytest.raises(IndexError):
            sample[index]
    for other in (-1, 100, "1", 1.5):
        assert other not in sample
    with pytest.raises(ValueError, match="not in the sample"):
        sample.index(sample[2], 3)
