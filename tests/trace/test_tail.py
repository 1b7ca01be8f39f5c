# SPDX-License-Identifier: GPL-2.0-or-later
"""The last instructions of a trace are what the whole trace ends with, numbered from 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine, Returned
from emu.events import TrapTaken
from emu.memory.buffer import Buffer
from emu.trace import EventKind, Trace, TraceError
from emu.trace.tail import TailSource
from tests.conformance.machines import code
from tests.trace.made_tables import CODE, Whole, joined, made, wholes


class TestOfTables:
    @given(whole=wholes, count=st.integers(1, 40), came=st.integers(1, 12), size=st.integers(1, 12))
    def test_are_the_end_of_the_whole(self, whole: Whole, count: int, came: int, size: int) -> None:
        """In whatever pieces the whole comes, and the tail is asked for."""
        tail = TailSource(whole.source(came), count)
        instructions, accesses, events = joined(list(tail.chunks(size)))
        skipped = max(len(whole.instructions) - count, 0)
        assert len(instructions) == min(count, len(whole.instructions))
        assert np.array_equal(instructions["position"], whole.instructions["position"][skipped:])
        assert np.array_equal(accesses["address"], whole.accesses["address"][whole.accesses["instruction"] >= skipped])
        assert np.array_equal(
            accesses["instruction"], np.repeat(np.arange(len(instructions)), instructions["accesses"])
        )
        ended = [call for call in whole.calls if skipped and call.end <= skipped]
        kept = (whole.events["instruction"] >= skipped) & (whole.events["call"] >= len(ended))
        assert events["address"].tolist() == whole.events["address"][kept].tolist()
        assert events["instruction"].tolist() == (whole.events["instruction"][kept] - skipped).tolist()
        assert [call.function for call in tail.calls] == [call.function for call in whole.calls[len(ended) :]]
        for number, event in enumerate(events):
            assert tail.event(number) == whole.event_objects[event["address"]]
            assert tail.explain(number) == f"event {event['address']}"
            assert tail.calls[event["call"]].arguments == (whole.events["call"][event["address"]],)
        for call in tail.calls:
            assert 0 <= call.begin <= call.end <= len(instructions)

    @given(whole=wholes, more=st.integers(0, 5))
    def test_as_many_as_there_are_or_more_are_the_whole(self, whole: Whole, more: int) -> None:
        tail = TailSource(whole.source(), max(len(whole.instructions) + more, 1))
        for table, expected in zip(joined(list(tail.chunks(7))), whole[:3], strict=True):
            assert np.array_equal(table, expected)
        assert tuple(tail.calls) == whole.calls

    @given(whole=wholes, count=st.integers(1, 10))
    def test_the_whole_is_not_changed(self, whole: Whole, count: int) -> None:
        before = [table.copy() for table in whole[:3]]
        tail = Trace(TailSource(whole.source(), count))
        tail.accesses["instruction"] = tail.instructions["first_access"].sum()
        for table, expected in zip(whole[:3], before, strict=True):
            assert np.array_equal(table, expected)

    def test_code_is_that_of_the_whole(self) -> None:
        assert TailSource(made([([(0, 0)] * 5, 0)]).source(), 1).code == CODE

    def test_a_call_cut_in_two_begins_at_0(self) -> None:
        tail = TailSource(made([([(0, 0)] * 3, 0), ([(0, 0)] * 4, 0), ([(0, 0)] * 2, 0)]).source(), 4)
        assert [(call.function, call.begin, call.end) for call in tail.calls] == [("call 1", 0, 2), ("call 2", 2, 4)]

    def test_events_of_a_call_that_had_ended_are_left_out(self) -> None:
        """Though they come directly before the first instruction kept, as those of its own call do."""
        tail = Trace(TailSource(made([([(0, 0)], 2), ([(1, 0), (0, 0)], 0)]).source(), 2))
        assert tail.events[["instruction", "call", "address"]].tolist() == [(0, 0, 2)]
        assert [call.function for call in tail.calls] == ["call 1"]

    def test_events_are_numbered_like_a_list(self) -> None:
        tail = TailSource(made([([(1, 0)] * 6, 0)]).source(), 2)
        assert [tail.explain(number) for number in (0, 1, -1, -2)] == ["event 4", "event 5", "event 5", "event 4"]
        for number in (2, -3):
            with pytest.raises(IndexError, match=rf"^no event {number}; there are 2$"):
                tail.event(number)

    def test_registers_are_refused_as_the_whole_refuses_them(self) -> None:
        tail = TailSource(made([([(0, 0)] * 6, 0)]).source(), 2)
        with pytest.raises(TraceError, match="has no registers"):
            tail.registers(0, 2)
        with pytest.raises(TraceError, match="has no state"):
            tail.state_at(2)


@pytest.fixture
def source(machine: Machine) -> Buffer:
    return machine.user.alloc(b"abcdefgh", name="source")


def copies(machine: Machine, source: Buffer) -> None:
    """Copy twice, with a page-in each time."""
    target = machine.kernel.alloc(8, name="target")
    for _ in range(2):
        machine.user.page_out(source)
        assert isinstance(machine.call("CopyFromUser", target, source, 8), Returned)


class TestOfAMachine:
    @pytest.fixture
    def whole(self, machine: Machine, source: Buffer) -> Trace:
        with machine.trace() as trace:
            copies(machine, source)
        return trace

    def tail(self, machine: Machine, last: int) -> Trace:
        machine.reset()
        source = machine.user.alloc(b"abcdefgh", name="source")
        with machine.trace(last=last) as trace:
            copies(machine, source)
        return trace

    @pytest.mark.parametrize("last", [1, 7, 90, 91, 100, 179, 180, 181, 1 << 40])
    def test_its_tables(self, machine: Machine, whole: Trace, last: int) -> None:
        tail = self.tail(machine, last)
        assert len(whole) == 180
        skipped = max(180 - last, 0)
        rows = whole.instructions[skipped:]
        for field in ("rip", "position", "accesses", "size", "flags"):
            assert tail.instructions[field].tolist() == rows[field].tolist()
        assert [tail.code[number] for number in tail.instructions["code"]] == [
            whole.code[number] for number in rows["code"]
        ]
        accesses = whole.accesses[whole.accesses["instruction"] >= skipped]
        accesses["instruction"] -= skipped
        assert tail.accesses.tolist() == accesses.tolist()
        ended = 1 if skipped >= 90 else 0
        assert [(call.begin, call.end) for call in tail.calls] == [
            (max(call.begin - skipped, 0), call.end - skipped) for call in whole.calls[ended:]
        ]
        kept = [number for number, event in enumerate(whole.events) if event["instruction"] >= skipped]
        assert [tail.explain(number) for number in range(len(tail.events))] == [whole.explain(each) for each in kept]
        for event, expected in zip(tail.events, whole.events[kept], strict=True):
            assert tail.calls[event["call"]].outcome == "returned 0x68"
            assert event["instruction"] + skipped == expected["instruction"]
            assert event["call"] + ended == expected["call"]

    def test_its_registers_and_states(self, machine: Machine, whole: Trace) -> None:
        tail = self.tail(machine, 50)
        assert tail.registers().tolist() == whole.registers(130, 180).tolist()
        assert tail.registers(3, 5).tolist() == whole.registers(133, 135).tolist()
        assert tail.registers(50, 50).shape == (0, 18)
        for index in (0, 49, 50, 20):
            assert tail.state_at(index).registers == whole.state_at(130 + index).registers

    def test_outside_there_is_nothing(self, machine: Machine) -> None:
        """Not what was left out, either."""
        tail = self.tail(machine, 50)
        for begin, end in ((-1, 2), (3, 2)):
            with pytest.raises(IndexError, match=rf"^no instructions {begin} to {end}$"):
                tail.registers(begin, end)
        with pytest.raises(IndexError, match=r"^instruction 50 lies behind the end of the trace$"):
            tail.registers(49, 51)
        with pytest.raises(IndexError, match=r"^instruction 60 lies behind the end of the trace$"):
            tail.registers(60, 61)
        with pytest.raises(IndexError, match=r"^no instruction -1; they are numbered from 0$"):
            tail.state_at(-1)
        with pytest.raises(IndexError, match=r"^instruction 51 lies behind the end of the trace$"):
            tail.state_at(51)

    def test_the_last_event_is_the_last_kept(self, machine: Machine) -> None:
        tail = self.tail(machine, 56)
        assert [EventKind(kind) for kind in tail.events["kind"]] == [EventKind.TrapTaken, EventKind.PagedIn]
        assert isinstance(tail.event(-2), TrapTaken)
        with pytest.raises(IndexError, match=r"^no event -3; there are 2$"):
            tail.event(-3)

    def test_of_a_filtered_trace(self, machine: Machine) -> None:
        """What is left out does not count."""
        address = code(machine, "b905000000 ffc8 e2fc c3")
        with machine.trace((address + 5, address + 7), last=2) as trace:
            machine.call(address)
        assert trace.instructions["rip"].tolist() == [address + 5] * 2
        assert trace.instructions["position"].tolist() == [8, 10]
        assert trace.state_at(1).registers["rcx"] == 1

    def test_of_calls_without_instructions(self, machine: Machine) -> None:
        address = code(machine, "90 c3")
        with machine.trace((0x1000, 0x2000), last=5) as trace:
            machine.call(address)
            machine.call(address)
        assert [(call.begin, call.end) for call in trace.calls] == [(0, 0), (0, 0)]
        assert len(trace) == 0
        assert trace.state_at(0).registers == machine.registers | {"irql": 0}

    def test_of_no_call(self, machine: Machine) -> None:
        with machine.trace(last=5) as trace:
            pass
        assert (len(trace), len(trace.accesses), len(trace.events), len(trace.calls)) == (0, 0, 0, 0)

    @pytest.mark.parametrize("last", [0, -1])
    def test_keeps_one_at_least(self, machine: Machine, last: int) -> None:
        with pytest.raises(ValueError, match=rf"^the last {last} instructions are no trace; keep 1 or more$"):
            machine.trace(last=last).__enter__()
        with machine.trace(last=1) as trace:
            machine.call(code(machine, "c3"))
        assert len(trace) == 1
