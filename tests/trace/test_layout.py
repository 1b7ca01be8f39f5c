# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a trace, and events as rows of one."""

from __future__ import annotations

import numpy as np

from emu.address import Gva
from emu.events import DebugPrinted, FilterAnswered, TrapTaken
from emu.trace import EVENT, EventKind
from emu.trace.layout import EVENT_TYPES, event_row
from tests.trace.made import SOURCE, TARGET, copied


def test_every_event_has_a_kind_of_its_name() -> None:
    assert [kind.name for kind in EventKind] == [kind.__name__ for kind in EVENT_TYPES]


def test_a_negative_answer_is_its_two_s_complement() -> None:
    row = np.array([event_row(FilterAnswered(Gva(0x10), None, -1), 3, 0)], EVENT)[0]
    assert (row["value"], row["rip"], row["address"], row["instruction"]) == (0xFFFF_FFFF_FFFF_FFFF, 0, 0x10, 3)


def test_a_trap_says_where_and_what() -> None:
    row = event_row(TrapTaken(14, 2, Gva(0x1000), Gva(0x2000), "none"), 7, 1)
    assert row == (7, 0x2000, 0x1000, 14, 1, EventKind.TrapTaken)
    assert event_row(DebugPrinted("hello", 0, 0), 0, 0)[1:4] == (0, 0, 0)


def test_chunks_are_slices_of_the_tables() -> None:
    trace = copied(bytes(range(40)), fault_at=11)
    chunks = list(trace.chunks(7))
    assert np.array_equal(np.concatenate([chunk.instructions for chunk in chunks]), trace.instructions)
    assert np.array_equal(np.concatenate([chunk.accesses for chunk in chunks]), trace.accesses)
    assert np.array_equal(np.concatenate([chunk.events for chunk in chunks]), trace.events)
    assert all(
        chunk.instructions["first_access"][0] == trace.instructions["first_access"][chunk.first] for chunk in chunks
    )
    assert [chunk.first_event for chunk in chunks if len(chunk.events)] == [0]


def test_the_made_trace_copies() -> None:
    trace = copied(b"abc")
    assert len(trace) == 3 * 6 + 1
    reads = trace.accesses[trace.accesses["address"] < 1 << 47]
    assert reads["address"].tolist() == [SOURCE, SOURCE + 1, SOURCE + 2]
    assert bytes(reads["low"].astype(np.uint8)) == b"abc"
    assert TARGET + 2 in trace.accesses["address"]
