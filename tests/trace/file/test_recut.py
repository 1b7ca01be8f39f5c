# SPDX-License-Identifier: GPL-2.0-or-later
"""Chunks of one length made of chunks of any."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import ACCESS, EVENT, INSTRUCTION, Chunk, Trace
from emu.trace.file.recut import recut
from tests.trace.made import copied

TRACES = {
    "copied": copied(bytes(range(30)), fault_at=11),
    "stopped": copied(bytes(range(30)), fault_at=11, retried=False),
    "empty": copied(b"", fault_at=0),
}


def _pieces(trace: Trace, sizes: list[int]) -> Iterator[Chunk]:
    """Give a trace in pieces of several lengths, an empty one where it says 0; what is left of events comes last."""
    chunk = Chunk(0, trace.instructions, trace.accesses, trace.events, 0)
    for size in sizes:
        if size < len(chunk.instructions):
            begin, behind = chunk.instructions["first_access"][0], chunk.instructions["first_access"][size]
            accesses, events = int(behind - begin), int(np.sum(chunk.events["instruction"] < chunk.first + size))
            parts = chunk.instructions[:size], chunk.accesses[:accesses], chunk.events[:events]
            yield Chunk(chunk.first, *parts, chunk.first_event)
            chunk = Chunk(
                chunk.first + size,
                chunk.instructions[size:],
                chunk.accesses[accesses:],
                chunk.events[events:],
                chunk.first_event + events,
            )
    yield chunk


@given(st.sampled_from(sorted(TRACES)), st.lists(st.integers(0, 40), max_size=9), st.integers(1, 250))
def test_it_does_not_matter_in_which_pieces_a_trace_came(name: str, sizes: list[int], size: int) -> None:
    trace = TRACES[name]
    found, expected = list(recut(_pieces(trace, sizes), size)), list(trace.chunks(size))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.first, one.first_event) == (other.first, other.first_event)
        assert one.instructions.tobytes() == other.instructions.tobytes()
        assert one.accesses.tobytes() == other.accesses.tobytes()
        assert one.events.tobytes() == other.events.tobytes()
        assert [table.dtype for table in one[1:4]] == [INSTRUCTION, ACCESS, EVENT]


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="size=0"):
        next(recut((), 0))
