# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a trace in pieces, and a trace that is all there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.events import DebugPrinted
from emu.trace import StoredSource, Trace, TraceError
from emu.trace.source import slices
from tests.trace.made_tables import Whole, joined, made, wholes

NOTHING = made([])
EVENTS_ALONE = made([([], 2)])


class TestSlices:
    @given(whole=wholes, size=st.integers(1, 40))
    @example(whole=NOTHING, size=1)
    @example(whole=EVENTS_ALONE, size=1)
    def test_together_are_the_whole(self, whole: Whole, size: int) -> None:
        chunks = list(slices(whole.instructions, whole.accesses, whole.events, size))
        for table, expected in zip(joined(chunks), whole[:3], strict=True):
            assert np.array_equal(table, expected)
        assert all(len(chunk.instructions) == size for chunk in chunks[:-1])
        assert len(chunks) == max(-(-len(whole.instructions) // size), 1)

    @given(whole=wholes)
    def test_of_the_whole_size_are_one(self, whole: Whole) -> None:
        (chunk,) = slices(whole.instructions, whole.accesses, whole.events, max(len(whole.instructions), 1))
        assert (chunk.first, chunk.first_event) == (0, 0)
        assert np.array_equal(chunk.events, whole.events)

    def test_an_event_goes_with_the_instruction_behind_it_and_the_last_ones_with_the_last_chunk(self) -> None:
        whole = made([([(0, 1), (1, 1), (2, 0), (0, 2)], 2)])
        chunks = list(slices(whole.instructions, whole.accesses, whole.events, 2))
        assert [chunk.events["instruction"].tolist() for chunk in chunks] == [[1], [2, 2, 4, 4]]
        assert [chunk.first_event for chunk in chunks] == [0, 1]
        assert [chunk.accesses["instruction"].tolist() for chunk in chunks] == [[0, 1], [3, 3]]


class TestStoredSource:
    WHOLE = made([([(1, 0), (1, 2)], 1)])

    def test_gives_what_it_was_given(self) -> None:
        trace = Trace(self.WHOLE.source())
        assert len(trace) == 2
        assert np.array_equal(trace.accesses, self.WHOLE.accesses)
        assert np.array_equal(trace.events, self.WHOLE.events)
        assert trace.calls == self.WHOLE.calls
        assert [trace.event(number) for number in range(3)] == [DebugPrinted(str(number), 0, 0) for number in range(3)]
        assert trace.explain(1) == "event 1"
        assert (trace.images, trace.modules, trace.buffers) == ((), (), ())

    def test_has_no_registers_and_no_state_and_says_so(self) -> None:
        trace = Trace(self.WHOLE.source())
        with pytest.raises(TraceError, match=r"^this trace has no registers: they come from running again, so ask"):
            trace.registers()
        with pytest.raises(TraceError, match=r"^this trace has no state: it comes from running again, so ask"):
            trace.state_at(0)

    def test_is_called_by_its_name(self) -> None:
        source = StoredSource(*self.WHOLE[:3], code=(), name="copy.trace")
        with pytest.raises(TraceError, match=r"^copy\.trace has no registers"):
            source.registers(0, 1)
        with pytest.raises(TraceError, match=r"^copy\.trace has no state"):
            source.state_at(0)


class TestPieces:
    @pytest.mark.parametrize("size", [0, -1])
    @pytest.mark.parametrize("gathered", [False, True])
    def test_hold_an_instruction_at_least(self, size: int, gathered: bool) -> None:
        trace = Trace(made([([(0, 0)] * 3, 0)]).source())
        if gathered:
            assert len(trace) == 3
        with pytest.raises(ValueError, match=rf"^chunks of {size} instructions hold none; give 1 or more$"):
            trace.chunks(size)

    @given(whole=wholes, size=st.integers(1, 40))
    def test_are_the_same_before_and_after_the_tables_were_asked_for(self, whole: Whole, size: int) -> None:
        trace = Trace(whole.source())
        before = list(trace.chunks(size))
        assert len(trace) == len(whole.instructions)
        after = list(trace.chunks(size))
        for one, other in zip(before, after, strict=True):
            assert (one.first, one.first_event) == (other.first, other.first_event)
            for left, right in zip(one[1:4], other[1:4], strict=True):
                assert np.array_equal(left, right)
