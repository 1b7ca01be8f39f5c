# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts of accesses by byte are those of counting them one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.coverage import Coverage, coverage

SIZES = st.integers(1, 40)
ACCESSES = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 16)), max_size=20)


def counted(accesses: list[tuple[int, int]], size: int) -> Coverage:
    counts = [0] * size
    for begin, length in accesses:
        for byte in range(begin, min(begin + length, size)):
            counts[byte] += 1
    missed = [byte for byte, count in enumerate(counts) if count == 0]
    repeated = [byte for byte, count in enumerate(counts) if count > 1]
    return Coverage(
        len(missed), missed[0] if missed else None, len(repeated), repeated[0] if repeated else None, max(counts)
    )


def columns(accesses: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    begin = np.array([begin for begin, _ in accesses], np.uint64)
    return begin, begin + np.array([length for _, length in accesses], np.uint64)


@given(ACCESSES, SIZES)
def test_as_counted(accesses: list[tuple[int, int]], size: int) -> None:
    assert coverage(*columns(accesses), size) == counted(accesses, size)


@given(st.lists(st.integers(1, 16), min_size=1, max_size=20), st.booleans())
def test_one_after_another(lengths: list[int], upwards: bool) -> None:
    ends = np.cumsum(lengths).tolist()
    accesses = [(end - length, length) for end, length in zip(ends, lengths, strict=True)]
    found = coverage(*columns(accesses if upwards else accesses[::-1]), ends[-1])
    assert found == Coverage(0, None, 0, None, 1)


def test_a_range_of_the_whole_address_space() -> None:
    found = coverage(*columns([(0, 8), (4, 8)]), (1 << 64) - 1)
    assert found == Coverage((1 << 64) - 13, 12, 4, 4, 2)
