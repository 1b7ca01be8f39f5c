# SPDX-License-Identifier: GPL-2.0-or-later
"""What the log of a machine holds: each run's begin and end, what the host changed before it, and the calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine, Raised, Returned, TimedOut
from emu.address import PAGE_SHIFT, PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.recorder import Filter
from emu.memory import page_table as pt
from emu.memory.buffer import Buffer
from emu.trace import TraceError
from emu.trace.recorded import RecordedSource
from emu.trace.run_log import FRESH, LOGGED, Page, Run, RunLog, _flagged
from emu.trace.trace import Trace
from tests.conformance.machines import code


@contextmanager
def logged(machine: Machine) -> Iterator[RunLog]:
    log = RunLog(machine._system)
    machine._log = log
    try:
        yield log
    finally:
        machine._log = None
        log.finish()


def frame_of(machine: Machine, address: int) -> int:
    return machine._system.memory.translate(Gva(address)) >> PAGE_SHIFT


def table_of(machine: Machine, address: int) -> int:
    """Return the frame of the page table that a page has its entry in."""
    return machine._system.memory._leaf_tables[address >> PAGE_SHIFT + 9]


def stack_frame(machine: Machine) -> int:
    """Return the frame that the host writes the arguments of a call to."""
    return frame_of(machine, machine._caller._stack_pointer)


def frames(pages: tuple[Page, ...]) -> set[int]:
    assert len({page.frame for page in pages}) == len(pages)
    return {page.frame for page in pages}


def content(pages: tuple[Page, ...], frame: int) -> bytes:
    return next(page.content for page in pages if page.frame == frame)


def register(state: bytes, index: int) -> int:
    return memoryview(state[: r.XMM_OFFSET]).cast("Q")[index]


@pytest.fixture
def nothing(machine: Machine) -> Gva:
    """Code that only returns."""
    return code(machine, "c3")


@pytest.fixture
def buffer(machine: Machine) -> Buffer:
    return machine.kernel.alloc(b"before", name="buffer")


class TestRuns:
    def test_one_for_each_way_from_the_host_to_the_host(self, machine: Machine, nothing: Gva) -> None:
        source, target = machine.user.alloc(b"x" * 8), machine.kernel.alloc(8)
        with logged(machine) as log:
            machine.call(nothing)
            assert len(log.runs) == 1
            machine.user.page_out(source)
            machine.call("CopyFromUser", target, source, 8)
            assert len(log.runs) == 3, "to the fault, and to the end"
            machine.call("KeGetCurrentIrql")
        assert [run.call for run in log.runs] == [0, 1, 1, *[2] * (len(log.runs) - 3)]

    def test_begins_with_what_the_host_set_and_ends_with_what_the_guest_left(self, machine: Machine) -> None:
        """lea rax, [rcx+rcx]"""
        address = code(machine, "488d0409 c3")
        with logged(machine) as log:
            assert machine.call(address, 21, 7) == Returned(42)
        (run,) = log.runs
        assert (register(run.begin, r.RCX), register(run.begin, r.RDX)) == (21, 7)
        assert register(run.begin, r.RAX) == address
        assert register(run.end, r.RAX) == 42
        assert run.end[r.XMM_OFFSET :] == run.begin[r.XMM_OFFSET :] == bytes(machine._system.cpu.xmm)

    def test_say_how_much_of_the_call_the_host_had_seen(self, machine: Machine) -> None:
        with logged(machine) as log:
            assert isinstance(machine.call("CopyFromUser", machine.kernel.alloc(1), machine.user.alloc(1), 1), Returned)
            outcome = machine.call("CopyFromUser", machine.kernel.alloc(1), 0x1000, 1)
        assert isinstance(outcome, Raised)
        assert [run.events for run in log.runs if run.call == 0] == [0]
        seen = [run.events for run in log.runs if run.call == 1]
        assert seen[0] == 0
        assert seen == sorted(seen)
        assert seen[-1] <= len(log.calls[1].events)
        assert log.calls[1].events == outcome.dispatch.events

    def test_outside_are_not_logged(self, machine: Machine, nothing: Gva) -> None:
        machine.call(nothing)
        with logged(machine) as log:
            pass
        machine.call(nothing)
        assert (log.runs, log.calls) == ([], [])


class TestPages:
    def test_that_the_host_wrote_between_two_calls(self, machine: Machine, nothing: Gva, buffer: Buffer) -> None:
        with logged(machine) as log:
            machine.call(nothing)
            buffer.write(b"first")
            buffer.write(b"2", offset=5)
            machine.call(nothing)
            machine.call(nothing)
        one, two, three = log.runs
        frame, stack = frame_of(machine, buffer.address), stack_frame(machine)
        assert frames(one.pages) == frames(three.pages) == {stack}
        assert frames(two.pages) == {frame, stack}
        assert content(two.pages, frame) == b"first2".ljust(PAGE_SIZE, b"\0")

    def test_that_were_written_before_are_in_the_base_alone(
        self, machine: Machine, nothing: Gva, buffer: Buffer
    ) -> None:
        with logged(machine) as log:
            machine.call(nothing)
        start = frame_of(machine, buffer.address) << PAGE_SHIFT
        assert log.base[start : start + 6] == b"before"
        assert frames(log.runs[0].pages) == {stack_frame(machine)}
        assert log.last_pages == ()

    def test_that_the_guest_wrote_are_left_out(self, machine: Machine, buffer: Buffer) -> None:
        """mov [rcx], edx"""
        address = code(machine, "8911 c3")
        with logged(machine) as log:
            machine.call(address, buffer, 5)
            machine.call(address, buffer, 6)
        assert buffer.read(4) == b"\6\0\0\0"
        assert [frames(run.pages) for run in log.runs] == [{stack_frame(machine)}] * 2

    def test_that_the_guest_and_the_host_wrote_are_as_the_host_left_them(
        self, machine: Machine, buffer: Buffer
    ) -> None:
        address = code(machine, "8911 c3")
        with logged(machine) as log:
            machine.call(address, buffer, 0x41414141)
            buffer.write(b"BB")
            machine.call(address, buffer, 0x43434343)
        assert content(log.runs[1].pages, frame_of(machine, buffer.address))[:6] == b"BBAAre"

    def test_behind_the_last_run(self, machine: Machine, nothing: Gva, buffer: Buffer) -> None:
        with logged(machine) as log:
            machine.call(nothing)
            buffer.write(b"after!")
        frame = frame_of(machine, buffer.address)
        assert log.last_pages == (Page(frame, b"after!".ljust(PAGE_SIZE, b"\0")),)
        assert log.last_block == bytes(machine._system.cpu.block)

    @pytest.mark.parametrize("state", ["unmap", "guard", "page_out", "fail_page_in", "none", "ro"])
    def test_a_page_state_is_a_page_table(self, machine: Machine, nothing: Gva, buffer: Buffer, state: str) -> None:
        with logged(machine) as log:
            if state in ("none", "ro"):
                machine.kernel.protect(buffer, state)
            else:
                getattr(machine.kernel, state)(buffer)
            machine.call(nothing)
        assert frames(log.runs[0].pages) == {table_of(machine, buffer.address), stack_frame(machine)}

    def test_a_page_in_is_a_page_table_before_the_retry(self, machine: Machine) -> None:
        source, target = machine.user.alloc(b"x" * 8), machine.kernel.alloc(8)
        machine.user.page_out(source)
        with logged(machine) as log:
            machine.call("CopyFromUser", target, source, 8)
        assert [frames(run.pages) for run in log.runs] == [
            {stack_frame(machine)},
            {table_of(machine, source.address)},
        ]

    def test_new_ones_are_logged_with_what_is_in_them(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            late = machine.kernel.alloc(b"late")
            machine.call(nothing)
        (run,) = log.runs
        frame = frame_of(machine, late.address)
        assert content(run.pages, frame)[:4] == b"late"

    def test_that_may_be_executed_are_known(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            assert frame_of(machine, nothing) in log.code_frames
            late = code(machine, "c3")
            assert frame_of(machine, late) not in log.code_frames
            machine.call(late)
        assert frame_of(machine, late) in log.code_frames


class TestResets:
    def test_restore_the_processor_before_the_next_run_alone(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            machine.call(nothing)
            machine.reset()
            nothing = code(machine, "c3")
            machine.call(nothing)
            machine.call(nothing)
        assert [run.restored for run in log.runs] == [None, machine._checkpoint.processor, None]

    def test_bring_back_what_the_guest_wrote(self, machine: Machine, buffer: Buffer) -> None:
        """Nobody but the reset wrote the frame."""
        address = code(machine, "8911 c3")
        machine.checkpoint()
        with logged(machine) as log:
            machine.call(address, buffer, 0x41414141)
            machine.reset()
            machine.call(address, buffer, 0x42424242)
        pages = log.runs[1].pages
        assert content(pages, frame_of(machine, buffer.address))[:6] == b"before"

    def test_a_checkpoint_clears_the_dirty_bits(self, machine: Machine, buffer: Buffer) -> None:
        address = code(machine, "8911 c3")
        with logged(machine) as log:
            machine.call(address, buffer, 1)
            machine.checkpoint()
            machine.call(address, buffer, 2)
        table = table_of(machine, buffer.address)
        at = (buffer.address >> PAGE_SHIFT) % 512 * 8
        assert content(log.runs[1].pages, table)[at] & (pt.ACCESSED | pt.DIRTY) == 0
        assert machine._system.memory.entry(buffer.address) & pt.DIRTY


class TestCalls:
    def test_are_named_and_end_behind_their_last_run(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            returned = machine.call("CopyFromUser", machine.kernel.alloc(1), 0x1000, 0)
            timed_out = machine.call(code(machine, "ebfe"), budget=5)
            machine.call(nothing, 1, -1)
        first, second, third = log.calls
        assert (first.function, first.arguments[1:], first.outcome) == ("umaccess!CopyFromUser", (0x1000, 0), returned)
        assert isinstance(timed_out, TimedOut)
        assert second.outcome == timed_out
        assert (third.function, third.arguments) == ("code+0", (1, -1))
        assert [call.end_run for call in log.calls] == [1, 2, 3]

    def test_that_are_refused_leave_nothing(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            with pytest.raises(ValueError, match="a budget of 0 blocks"):
                machine.call(nothing, budget=0)
            machine.call(nothing)
            with pytest.raises(ValueError, match="33 arguments"):
                machine.call(nothing, *range(33))
        assert len(log.calls) == len(log.runs) == 1

    def test_that_an_exception_of_the_hosts_ended(self, machine: Machine) -> None:
        @machine.export("ZwFail")
        def fail() -> None:
            raise ZeroDivisionError

        with logged(machine) as log, pytest.raises(ZeroDivisionError):
            machine.call("ZwFail")
        assert [call.outcome for call in log.calls] == [None]
        assert log.calls[0].end_run == len(log.runs) == 1


class TestSurroundings:
    def test_buffers_that_a_reset_took_away_are_kept(self, machine: Machine, nothing: Gva) -> None:
        with logged(machine) as log:
            gone = machine.user.alloc(3, name="gone").address
            machine.call(nothing)
            machine.reset()
            kept = machine.kernel.alloc(5, offset=7).address
        assert [each for each in log.buffers if each.size in (3, 5)] == [
            ("gone", gone, 3, True),
            ("kernel+0", kept, 5, False),
        ]

    def test_images_are_those_at_any_call_and_at_the_end(self, machine: Machine) -> None:
        with logged(machine) as log:
            pass
        assert [module.name for module in log.modules] == ["ntoskrnl", "umaccess"]
        accessors = machine.modules[1]
        assert log.modules[1] == ("umaccess", accessors.base, accessors.size, accessors["DriverEntry"])


class TestStops:
    def test_are_logged_when_they_are_set(self, machine: Machine, nothing: Gva) -> None:
        cpu = machine._system.cpu
        ranges = ((nothing, Gva(nothing + 1)),)
        with logged(machine) as log:
            machine.call(nothing)
            cpu.stop_in(ranges)
            machine.call(nothing)
            cpu.stop_in(())
            machine.call(nothing)
        by_call: dict[int, list[Run]] = {}
        for run in log.runs:
            by_call.setdefault(run.call, []).append(run)
        assert [len(runs) for runs in by_call.values()] == [1, 2, 1]
        assert [run.stops for run in log.runs] == [(), ranges, None, ()]


class TestLife:
    def test_one_at_a_time(self, machine: Machine) -> None:
        with logged(machine) as log:
            with pytest.raises(
                TraceError, match=r"^a trace is being taken already; end it before the next one begins$"
            ):
                RunLog(machine._system)
            assert machine._system.cpu.log is log, "the first one goes on"
        with logged(machine):
            pass

    def test_finishing_twice_is_finishing_once(self, machine: Machine, nothing: Gva, buffer: Buffer) -> None:
        with logged(machine) as log:
            machine.call(nothing)
            log.finish()
            buffer.write(b"later")
            with logged(machine) as second:
                log.finish()
                machine.call(nothing)
        assert (len(log.runs), log.last_pages) == (1, ())
        assert len(second.runs) == 1
        assert machine._system.cpu.log is None
        assert not machine._system.ram.logged

    def test_what_was_logged_is_still_written_for_a_reset(self, machine: Machine, nothing: Gva) -> None:
        buffer = machine.kernel.alloc(b"before")
        machine.checkpoint()
        buffer.write(b"first!")
        with logged(machine):
            machine.call(nothing)
            other = machine.user.alloc(b"other")
            machine.call(nothing)
        assert other.read() == b"other"
        machine.reset()
        assert buffer.read() == b"before"


@given(marks=st.lists(st.sampled_from([b"\0", FRESH, LOGGED])), flag=st.sampled_from([FRESH, LOGGED]))
def test_frames_with_a_flag(marks: list[bytes], flag: bytes) -> None:
    expected = [number for number, mark in enumerate(marks) if mark == flag]
    assert list(_flagged(b"".join(marks), flag)) == list(_flagged(bytearray(b"".join(marks)), flag)) == expected


class TestSoFar:
    def test_is_a_finished_log_and_the_log_goes_on(self, machine: Machine) -> None:
        source, target = machine.user.alloc(b"first"), machine.kernel.alloc(8)
        with logged(machine) as log:
            machine.call("CopyFromUser", target, source, 5)
            early = log.so_far()
            source.write(b"other")
            machine.call("CopyFromUser", target, source, 5)
            late = log.so_far()
        assert [each.finished for each in (early, late, log)] == [True] * 3
        assert [len(each.calls) for each in (early, late, log)] == [1, 2, 2]
        traces = [Trace(RecordedSource(each, Filter(), [])) for each in (early, late, log)]
        assert [trace.state_at(len(trace)).read(target.address, 5) for trace in traces] == [
            b"first",
            b"other",
            b"other",
        ]
        assert traces[1].text() == traces[2].text()
        assert traces[2].text().startswith(traces[0].text())

    def test_one_that_gives_way_ends_where_another_begins(self, machine: Machine) -> None:
        class Patient(RunLog):
            gives_way = True

        first = Patient(machine._system)
        second = RunLog(machine._system)
        assert first.finished
        assert not second.finished
        with pytest.raises(TraceError, match="being taken already"):
            RunLog(machine._system)
        second.finish()
