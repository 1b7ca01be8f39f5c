# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences side by side: the fewest gaps, in order, and a bound."""

from __future__ import annotations

import functools
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.alignment import align

SEQUENCES = st.lists(st.integers(0, 3), max_size=14)


def longest_common(a: list[int], b: list[int]) -> int:
    """Return the length of a longest common subsequence, by its definition."""

    @functools.cache
    def common(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return 0
        return common(i + 1, j + 1) + 1 if a[i] == b[j] else max(common(i + 1, j), common(i, j + 1))

    return common(0, 0)


@given(SEQUENCES, SEQUENCES)
def test_it_is_a_longest_common_subsequence(a: list[int], b: list[int]) -> None:
    pairs, ends = align(a, b)
    assert ends == (len(a), len(b))
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(i < k and j < m for (i, j), (k, m) in pairwise(pairs))
    assert len(pairs) == longest_common(a, b)


@given(SEQUENCES, SEQUENCES, st.integers(0, 6))
def test_it_stops_where_it_must(a: list[int], b: list[int], most: int) -> None:
    pairs, ends = align(a, b, most)
    assert all(a[i] == b[j] and i < ends[0] and j < ends[1] for i, j in pairs)
    assert ends[0] + ends[1] - 2 * len(pairs) <= most or ends == (len(a), len(b))
    if len(a) + len(b) - 2 * longest_common(a, b) <= most:
        assert ends == (len(a), len(b))


@pytest.mark.parametrize(
    ("a", "b", "pairs"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 2, 3], [(0, 0), (1, 1), (2, 2)]),
        ([1, 9, 2, 3], [1, 2, 3], [(0, 0), (2, 1), (3, 2)]),
        ([1, 2, 3], [1, 2, 8, 9, 3], [(0, 0), (1, 1), (2, 4)]),
        ([1], [2], []),
        ([1, *[5] * 3000, 2], [1, 2], [(0, 0), (3001, 1)]),
    ],
)
def test_examples(a: list[int], b: list[int], pairs: list[tuple[int, int]]) -> None:
    assert align(a, b).pairs == pairs
