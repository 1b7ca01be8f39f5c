# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that belong together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.trace.file.columns import words
from emu.trace.file.groups import Groups, Owners

KEYS = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1)), max_size=40)


@given(KEYS)
def test_rows_are_sorted_by_key_and_then_by_time(keys: list[int]) -> None:
    groups = Groups(np.array(keys, np.uint32))
    expected = sorted(range(len(keys)), key=lambda at: (keys[at], at))
    assert groups.order.tolist() == expected
    assert groups.begins.tolist() == [
        at for at in range(len(keys)) if at == 0 or keys[expected[at]] != keys[expected[at - 1]]
    ]
    assert groups.sizes.tolist() == [keys.count(key) for key in sorted(set(keys))]
    assert groups.in_time(groups.order).tolist() == list(range(len(keys)))


@given(KEYS)
def test_the_row_before_is_the_last_with_the_same_key(keys: list[int]) -> None:
    expected = [max((at for at in range(row) if keys[at] == keys[row]), default=-1) for row in range(len(keys))]
    assert Groups(np.array(keys, np.uint32)).before().tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=30), st.integers(0, 40))
def test_accesses_belong_to_the_instructions_that_announce_them(rows: list[tuple[int, int]], accesses: int) -> None:
    code, numbers = [row[0] for row in rows], [row[1] for row in rows]
    owners = Owners(Groups(np.array(code, np.uint32)), words(numbers), accesses)
    announced = [(at, ordinal) for at, number in enumerate(numbers) for ordinal in range(number)][:accesses]
    left_over = [len(rows)] * (accesses - len(announced))
    assert owners.instruction.tolist() == [at for at, _ in announced] + left_over
    keys = [(code[at], ordinal) for at, ordinal in announced] + [(5, 0)] * len(left_over)
    assert owners.operands.order.tolist() == sorted(range(accesses), key=lambda at: (keys[at], at))
    assert len(owners.operands.begins) == len(set(keys))
