# SPDX-License-Identifier: GPL-2.0-or-later
"""Batches hold every position that is missing, once, and become about a second long."""

import pickle
import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.run.batches import FIRST_SIZE, LARGEST_SIZE, Batch, Pace, cut_batches
from emu.campaign.run.done import DoneRanges


class Squares(Sequence[int]):
    """Numbers that are made when they are asked for."""

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, position: int) -> int:  # type: ignore[override]
        return position * position


@given(
    st.sets(st.integers(0, 2000), max_size=40),
    st.integers(0, 2500),
    st.integers(1, 8),
    st.lists(st.floats(0, 20), max_size=20),
    st.booleans(),
)
def test_every_missing_position_is_in_one_batch(
    done: set[int], total: int, workers: int, seconds: list[float], sampled: bool
) -> None:
    numbers = random.Random(1).sample(range(10_000), total) if sampled else range(total)
    pace = Pace(workers)
    seen: list[int] = []
    missing = DoneRanges(range(each, each + 1) for each in done).missing(total)
    for batch in cut_batches(numbers, missing, pace):
        assert 1 <= len(batch.positions) == len(batch.numbers) <= LARGEST_SIZE
        assert list(batch.numbers) == [numbers[position] for position in batch.positions]
        seen.extend(batch.positions)
        if seconds:
            pace.observe(len(batch.positions), seconds.pop())
    assert seen == sorted(set(range(total)) - done)


@given(st.integers(1, 500), st.integers(1, 20), st.booleans())
def test_the_parts_of_a_batch_are_the_batch(length: int, parts: int, sampled: bool) -> None:
    positions = range(7, 7 + length)
    batch = next(cut_batches(Squares() if sampled else range(10**9), [positions], _fixed(length)))
    split = batch.split(parts)
    assert len(split) <= min(parts, length)
    assert [position for part in split for position in part.positions] == list(positions)
    assert [number for part in split for number in part.numbers] == list(batch.numbers)
    assert {len(part.positions) for part in split[:-1]} <= {len(split[0].positions)}


def _fixed(size: int) -> Pace:
    pace = Pace()
    pace.observe(size, 1.0)
    return pace


def test_batches_become_a_second_long_and_grow_step_by_step() -> None:
    pace, sizes = Pace(), []
    for _ in range(6):
        size = pace.size(1_000_000)
        sizes.append(size)
        pace.observe(size, size / 20_000)
    assert sizes == [64, 512, 4096, 20_000, 20_000, 20_000]
    sizes.clear()
    for _ in range(4):
        size = pace.size(1_000_000)
        sizes.append(size)
        pace.observe(size, size / 50)
    assert sizes[1:] == [100, 67, 57]


def test_a_batch_is_bounded_and_never_empty() -> None:
    pace = Pace()
    for _ in range(5):
        pace.observe(10**9, 0.0)
    assert pace.size(10**9) == LARGEST_SIZE
    for _ in range(60):
        pace.observe(1, 1e6)
    assert pace.size(10**9) == 1
    pace.observe(0, 5.0)
    assert pace.size(10**9) == 1


def test_the_end_is_shared_among_the_workers() -> None:
    pace = Pace(4)
    for _ in range(5):
        pace.observe(20_000, 1.0)
    assert pace.size(1_000_000) == 20_000
    assert pace.size(16_000) == 2_000
    assert pace.size(100) == FIRST_SIZE
    assert pace.size(10) == 10


def test_a_batch_of_a_sweep_is_handed_over_as_its_ends() -> None:
    batch = next(cut_batches(range(10**6), [range(10**6)], _fixed(20_000)))
    assert batch == Batch(range(20_000), range(20_000))
    assert len(pickle.dumps(batch.numbers)) < 60
    sampled = next(cut_batches(Squares(), [range(10**6)], _fixed(20_000)))
    assert len(pickle.dumps(sampled.numbers)) < 8 * 20_000 + 200
