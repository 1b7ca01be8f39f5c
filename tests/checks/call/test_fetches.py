# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes of user memory that are touched more than once, against a model that goes through the bytes."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.columns import USER_END
from emu.checks.call.fetches import touched_twice
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.trace.layout import ACCESS, INSTRUCTION, READ, WRITE, AccessFlag

KERNEL = 0xFFFF_8000_0000_0000


class Touch(NamedTuple):
    """One access."""

    address: int
    size: int
    kind: int
    performed: bool
    left_out: bool


touches = st.builds(
    Touch,
    st.one_of(st.integers(0, 60), st.integers(0, 3).map(KERNEL.__add__), st.integers(USER_END - 3, USER_END)),
    st.sampled_from([1, 2, 4, 8, 16]),
    st.sampled_from([READ, WRITE]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([True, False, False, False]),
)
streams = st.builds(  # as copies go: upwards or downwards, each byte once
    lambda begin, size, count, step: [Touch(begin + step * size * at, size, READ, True, False) for at in range(count)],
    st.integers(100, 200),
    st.sampled_from([1, 8]),
    st.integers(0, 8),
    st.sampled_from([1, -1]),
)


@given(
    made=st.one_of(st.lists(touches, max_size=16), st.lists(streams, max_size=4).map(lambda each: list(chain(*each)))),
    leaves_out=st.booleans(),
)
def test_touched_twice(made: list[Touch], leaves_out: bool) -> None:
    table = np.zeros(len(made), ACCESS)
    for number, (row, touch) in enumerate(zip(table, made, strict=True)):
        row["instruction"], row["address"], row["size"], row["kind"] = number, touch.address, touch.size, touch.kind
        row["flags"] = 0 if touch.performed else AccessFlag.NOT_PERFORMED
    counted = {
        number: touch
        for number, touch in enumerate(made)
        if touch.performed and touch.address < USER_END and not (leaves_out and touch.left_out)
    }
    last_read = max((number for number, each in counted.items() if each.kind == READ), default=-1)
    counted = {number: each for number, each in counted.items() if number <= last_read}
    times = Counter(byte for each in counted.values() for byte in range(each.address, each.address + each.size))
    expected = [
        number
        for number, each in counted.items()
        if any(times[byte] > 1 for byte in range(each.address, each.address + each.size))
    ]
    nothing = np.zeros(0, np.int64)
    tables = NativeTables(np.zeros(len(made), INSTRUCTION), table, 0, nothing, np.zeros(0, ACTIVATION), nothing)
    left_out = np.array([touch.left_out for touch in made], bool) if leaves_out else None
    assert touched_twice(tables, len(made), left_out).tolist() == expected
