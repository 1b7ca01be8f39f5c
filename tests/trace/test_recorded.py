# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's trace: the same in whatever pieces it comes, with its events and calls on one time line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine, Raised, Returned, TimedOut
from emu.events import DebugPrinted, Event
from emu.trace import Chunk, EventKind, Trace, TraceError
from emu.trace.layout import event_row
from emu.trace.trace import REGISTER_COLUMNS
from tests.conformance.machines import code
from tests.trace.made_tables import joined

PRINT = "4883ec28 48b8{} ffd0 4883c428 c3"
"""sub rsp, 0x28; mov rax, DbgPrint; call rax; add rsp, 0x28; ret"""


class Case(NamedTuple):
    """A trace of several calls, and what the calls themselves saw."""

    trace: Trace
    events: list[tuple[int, Event]]
    outcomes: list[str]

    def again(self) -> Trace:
        """Return the trace as one that nobody has asked yet: it runs its log again for every pass."""
        return Trace(self.trace._source)


def traced(machine: Machine) -> Case:
    source, target = machine.user.alloc(b"abcdefgh", name="source"), machine.kernel.alloc(8)
    text = machine.kernel.alloc(b"%d\0")
    printer = code(machine, PRINT.format(machine.resolve("DbgPrint").to_bytes(8, "little").hex()))
    endless, events, outcomes = code(machine, "ebfe"), [], []
    machine.user.page_out(source)
    with machine.trace() as trace:
        for number, outcome in enumerate(
            (
                machine.call("CopyFromUser", target, source, 8),
                machine.call(printer, text, 5),
                machine.call("CopyFromUser", target, 0x1000, 3),
                machine.call(endless, budget=4),
            )
        ):
            outcomes.append(outcome.headline)
            events += [(number, event) for event in outcome.dispatch.events]
    assert [type(event) for _, event in events].count(DebugPrinted) == 1
    return Case(trace, events, outcomes)


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    with Machine() as machine:
        yield traced(machine)


class TestPieces:
    @given(size=st.integers(1, 200))
    @settings(max_examples=40)
    def test_of_any_size_are_the_whole(self, case: Case, size: int) -> None:
        whole = case.trace
        chunks = list(case.again().chunks(size))
        tables = joined(chunks)
        for table, expected in zip(tables, (whole.instructions, whole.accesses, whole.events), strict=True):
            for field in expected.dtype.names or ():
                assert np.array_equal(table[field], expected[field]), field
        assert all(len(chunk.instructions) == size for chunk in chunks[:-1])

    def test_number_code_alike(self, case: Case) -> None:
        """Whichever pass is the first."""
        with Machine() as machine:
            other = traced(machine)
            for _ in other.again().chunks(1):
                pass
            assert list(other.trace.code) == list(case.trace.code)

    def test_hold_copies(self, case: Case) -> None:
        """What is given is not written over by what comes next."""
        chunks = list(case.again().chunks(5))
        before = [chunk.instructions["rip"].tolist() for chunk in chunks]
        again = [chunk.instructions["rip"].tolist() for chunk in case.again().chunks(5)]
        assert before == again == [chunk.instructions["rip"].tolist() for chunk in chunks]

    def test_of_two_passes_at_once(self, case: Case) -> None:
        """One that goes fast, one slow; each gives the whole."""
        trace = case.again()
        slow, fast = trace.chunks(3), trace.chunks(11)
        found: tuple[list[Chunk], list[Chunk]] = ([], [])
        for chunk in slow:
            found[0].append(chunk)
            found[1].extend(islice(fast, 2))
        found[1].extend(fast)
        for chunks in found:
            assert joined(chunks)[0]["rip"].tolist() == case.trace.instructions["rip"].tolist()

    def test_while_the_whole_is_asked_for(self, case: Case) -> None:
        trace = case.again()
        pieces = trace.chunks(50)
        first = next(pieces)
        assert len(trace) == len(case.trace)
        assert first.instructions.tolist() == trace.instructions[:50].tolist()
        assert joined([first, *pieces])[1]["low"].tolist() == trace.accesses["low"].tolist()

    def test_that_nobody_takes_to_the_end(self) -> None:
        with Machine() as machine:
            trace = traced(machine).trace
            pieces = trace.chunks(5)
            next(pieces)
            assert len(trace.code) < 10, "as far as it has come"
            del pieces
            assert len(trace.code) > 50
            assert len(trace.calls) == 4
            assert len(machine._replays) == 1


class TestTimeline:
    def test_events_are_those_of_the_calls(self, case: Case) -> None:
        trace = case.trace
        assert [trace.event(number) for number in range(len(trace.events))] == [event for _, event in case.events]
        rows = [
            event_row(event, int(row["instruction"]), call)
            for (call, event), row in zip(case.events, trace.events, strict=True)
        ]
        assert trace.events.tolist() == rows
        assert (np.diff(trace.events["instruction"].astype(np.int64)) >= 0).all()

    def test_calls_follow_each_other(self, case: Case) -> None:
        calls = case.trace.calls
        assert [call.outcome for call in calls] == case.outcomes
        assert case.outcomes[0] == "returned 0x68"
        assert [call.function for call in calls] == [
            "umaccess!CopyFromUser",
            "code+0",
            "umaccess!CopyFromUser",
            "code+0",
        ]
        assert calls[0].begin == 0
        assert [call.begin for call in calls[1:]] == [call.end for call in calls[:-1]]
        assert calls[-1].end == len(case.trace)
        for row in case.trace.events:
            assert calls[row["call"]].begin <= row["instruction"] <= calls[row["call"]].end

    def test_a_trap_lies_behind_its_instruction_and_before_the_retry(self, case: Case) -> None:
        trace = case.trace
        (paged_in,) = np.flatnonzero(trace.events["kind"] == EventKind.PagedIn)
        at = int(trace.events["instruction"][paged_in])
        assert trace.instructions["rip"][at - 1] == trace.instructions["rip"][at] == trace.events["rip"][paged_in]
        assert trace.instructions["flags"][at - 1 : at + 1].tolist() == [1, 0]

    def test_a_host_call_lies_behind_the_halt_of_its_stub(self, case: Case) -> None:
        trace = case.trace
        (printed,) = np.flatnonzero(trace.events["kind"] == EventKind.DebugPrinted)
        at = int(trace.events["instruction"][printed])
        assert trace.code[trace.instructions["code"][at - 1]].text == "hlt"
        event = trace.event(int(printed))
        assert isinstance(event, DebugPrinted)
        assert event.text == "5"

    def test_words(self, case: Case) -> None:
        words = [case.trace.explain(number) for number in range(len(case.trace.events))]
        assert words[0].startswith("#PF error code 0x0 (read, supervisor mode, page not present)")
        assert "byte 0 of source (8 bytes), page paged-out" in words[0]
        assert words[1].startswith("paged in ")
        assert len(words) == len(case.events)
        assert all("\n" not in each for each in words)

    def test_there_is_none_outside(self, case: Case) -> None:
        count = len(case.events)
        assert case.trace.event(-1) == case.events[-1][1]
        for number in (count, -count - 1):
            with pytest.raises(IndexError):
                case.trace.event(number)
            with pytest.raises(IndexError):
                case.trace.explain(number)

    def test_a_call_that_the_host_ended(self, machine: Machine) -> None:
        @machine.export("ZwFail")
        def fail() -> None:
            raise ZeroDivisionError

        with machine.trace() as trace:
            with pytest.raises(ZeroDivisionError):
                machine.call("ZwFail")
            assert isinstance(machine.call(code(machine, "c3")), Returned)
        interrupted, ended = trace.calls
        assert (interrupted.function, interrupted.outcome) == ("ntoskrnl!ZwFail", "interrupted")
        assert ended.outcome.startswith("returned")
        assert (interrupted.begin, interrupted.end, ended.end) == (0, ended.begin, len(trace))
        assert [type(trace.event(number)).__name__ for number in range(len(trace.events))] == ["ExportCalled"]


class TestRegisters:
    def test_of_any_range_are_rows_of_all(self, case: Case) -> None:
        whole = case.trace.registers()
        assert whole.shape == (len(case.trace), len(REGISTER_COLUMNS))
        assert whole[:, REGISTER_COLUMNS.index("rip")].tolist() == case.trace.instructions["rip"].tolist()
        for begin, end in ((0, 1), (0, 0), (7, 30), (len(whole) - 1, len(whole)), (len(whole), len(whole))):
            assert case.trace.registers(begin, end).tolist() == whole[begin:end].tolist()

    @pytest.mark.parametrize(("begin", "end"), [(-1, 1), (5, 4), (-2, -1), (1, 0)])
    def test_of_no_range(self, case: Case, begin: int, end: int) -> None:
        with pytest.raises(IndexError, match=rf"^no instructions {begin} to {end}$"):
            case.trace.registers(begin, end)

    def test_behind_the_end(self, case: Case) -> None:
        count = len(case.trace)
        for begin, end, first in ((0, count + 1, count), (count, count + 5, count), (count + 3, count + 5, count + 3)):
            with pytest.raises(IndexError, match=rf"^instruction {first} lies behind the end of the trace$"):
                case.trace.registers(begin, end)

    def test_of_a_part_are_those_of_its_instructions(self, machine: Machine) -> None:
        """mov ecx, 3; L: dec eax; loop L"""
        address = code(machine, "b903000000 ffc8 e2fc c3")
        with machine.trace((address + 7, address + 9)) as part:
            machine.call(address)
        assert part.registers()[:, REGISTER_COLUMNS.index("rcx")].tolist() == [3, 2, 1]
        assert part.registers(1, 2)[:, REGISTER_COLUMNS.index("rcx")].tolist() == [2]
        assert [part.state_at(at).registers["rcx"] for at in range(4)] == [3, 2, 1, 0]
        with pytest.raises(IndexError, match=r"^instruction 3 lies behind the end of the trace$"):
            part.registers(2, 4)
        with pytest.raises(IndexError, match=r"^instruction 4 lies behind the end of the trace$"):
            part.state_at(4)


class TestFilters:
    def test_leave_events_and_calls(self, machine: Machine) -> None:
        """An event lies where it would: behind what was recorded before it."""
        source, target = machine.user.alloc(b"ab"), machine.kernel.alloc(2)
        machine.user.page_out(source)
        begin = machine.resolve("CopyFromUser")
        with machine.trace((begin, begin + 8)) as part:
            assert isinstance(machine.call("CopyFromUser", target, source, 2), Returned)
            assert isinstance(machine.call("CopyFromUser", target, 0x1000, 2), Raised)
            assert isinstance(machine.call(code(machine, "ebfe"), budget=3), TimedOut)
        assert part.instructions["rip"].tolist() == [begin, begin + 7] * 2
        assert [(call.begin, call.end) for call in part.calls] == [(0, 2), (2, 4), (4, 4)]
        assert set(part.events["instruction"].tolist()) == {2, 4}
        assert part.events["call"].tolist() == sorted(part.events["call"].tolist())

    def test_of_user_pages_leave_the_instructions(self, machine: Machine) -> None:
        source, target = machine.user.alloc(b"ab"), machine.kernel.alloc(2)
        with machine.trace() as whole:
            machine.call("CopyFromUser", target, source, 2)
        with machine.trace(user_only=True) as part:
            machine.call("CopyFromUser", target, source, 2)
        assert part.instructions["rip"].tolist() == whole.instructions["rip"].tolist()
        assert part.accesses["address"].tolist() == [source.address, source.address + 1]
        assert part.registers(3, 5).tolist() == whole.registers(3, 5).tolist()


def test_it_is_asked_behind_its_block(machine: Machine) -> None:
    with machine.trace() as trace:
        machine.call(code(machine, "c3"))
        for ask in (
            lambda: trace.instructions,
            lambda: trace.code,
            lambda: trace.calls,
            lambda: trace.event(0),
            lambda: trace.registers(0, 1),
            lambda: trace.state_at(0),
            lambda: list(trace.chunks()),
        ):
            with pytest.raises(TraceError, match=r"^the trace is still being taken; ask it behind its `with` block$"):
                ask()
    assert len(trace) == 3
    assert len(trace.code) == 3
