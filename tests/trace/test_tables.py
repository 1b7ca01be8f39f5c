# SPDX-License-Identifier: GPL-2.0-or-later
"""Chunks put together, in memory and in a temporary file."""

from __future__ import annotations

import numpy as np
import pytest

from emu.trace import ACCESS, EVENT, INSTRUCTION
from emu.trace.tables import gather
from tests.trace.made import copied


@pytest.mark.parametrize("limit", [1 << 20, 4096, 0])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_pieces_make_the_whole(limit: int, size: int) -> None:
    trace = copied(bytes(range(50)), fault_at=20)
    tables = gather(trace.chunks(size), limit)
    assert [table.dtype for table in tables] == [INSTRUCTION, ACCESS, EVENT]
    assert np.array_equal(tables.instructions, trace.instructions)
    assert np.array_equal(tables.accesses, trace.accesses)
    assert np.array_equal(tables.events, trace.events)


def test_a_large_table_lies_in_a_file_and_a_small_one_in_memory() -> None:
    tables = gather(copied(bytes(100)).chunks(64), limit=100 * 2 * 40 + 1000)
    assert isinstance(tables.instructions, np.memmap)
    assert not isinstance(tables.accesses, np.memmap)
    assert int(tables.instructions["position"].sum()) == sum(range(601))


def test_no_chunks_are_empty_tables() -> None:
    assert [len(table) for table in gather(())] == [0, 0, 0]
