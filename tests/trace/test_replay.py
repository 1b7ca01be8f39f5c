# SPDX-License-Identifier: GPL-2.0-or-later
"""A log that is run again: to its end, to any instruction, against what was logged, and one log after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from emu import Bugchecked, Machine, Raised, Returned
from emu.address import PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.recorder import Filter
from emu.memory.errors import NotMapped
from emu.outcome import Outcome
from emu.trace import Trace
from emu.trace.replay import Replay, ReplayDiverged
from emu.trace.run_log import RunLog
from tests.conformance.machines import code
from tests.traced import compare

COUNT_DOWN = "b903000000 ffc8 e2fc c3"
"""mov ecx, 3; L: dec eax; loop L; ret"""


class Logged(NamedTuple):
    trace: Trace
    log: RunLog
    outcome: Outcome


def logged(machine: Machine, call: Callable[[], Outcome]) -> Logged:
    with machine.trace() as trace:
        log = machine._log
        assert log is not None
        outcome = call()
    return Logged(trace, log, outcome)


@contextmanager
def replay_of(log: RunLog) -> Iterator[Replay]:
    replay = Replay(log)
    try:
        replay.begin(log, Filter())
        yield replay
    finally:
        replay.close()


def with_register(state: bytes, index: int, value: int) -> bytes:
    return state[: index * 8] + value.to_bytes(8, "little") + state[index * 8 + 8 :]


def diverges(trace: Trace) -> str:
    with pytest.raises(ReplayDiverged) as caught:
        _ = trace.instructions
    return str(caught.value)


@pytest.fixture
def counted(machine: Machine) -> Logged:
    """A call of ten instructions."""
    return logged(machine, lambda: machine.call(code(machine, COUNT_DOWN)))


class TestToTheEnd:
    def copied(self, machine: Machine) -> Logged:
        source, target = machine.user.alloc(b"x" * 100, offset=4000), machine.kernel.alloc(100)
        machine.user.page_out(source)
        return logged(machine, lambda: machine.call("CopyFromUser", target, source, 100))

    def raised(self, machine: Machine) -> Logged:
        return logged(machine, lambda: machine.call("CopyFromUser", machine.kernel.alloc(8), 0x1000, 8))

    def bugchecked(self, machine: Machine) -> Logged:
        return logged(machine, lambda: machine.call(code(machine, "488b01 c3"), 0, guarded=False))

    @pytest.mark.parametrize(("made", "kind"), [("copied", Returned), ("raised", Raised), ("bugchecked", Bugchecked)])
    def test_it_is_the_machine(self, machine: Machine, made: str, kind: type) -> None:
        """Its registers, and its memory to the byte."""
        trace, log, outcome = getattr(self, made)(machine)
        assert isinstance(outcome, kind)
        with replay_of(log) as replay:
            replay.set_room(1000)
            replay.fill()
            assert replay.has_ended
            assert replay.instructions["rip"].tolist() == trace.instructions["rip"].tolist()
            compare(machine, replay)
            assert replay.state_registers() == machine.registers | {"irql": 0}

    def test_it_stops_where_there_is_no_room(self, machine: Machine, counted: Logged) -> None:
        rips = counted.trace.instructions["rip"].tolist()
        assert len(rips) == 10
        found = []
        with replay_of(counted.log) as replay:
            while not replay.has_ended:
                replay.set_room(4, registers=True)
                replay.fill()
                assert replay.is_full or replay.has_ended
                found.append(replay.instructions["rip"].tolist())
                assert replay.registers[:, r.RIP].tolist() == found[-1]
            assert [len(each) for each in found] == [4, 4, 2]
            assert [rip for each in found for rip in each] == rips
            assert replay.recorder.first == 8

    def test_the_table_of_accesses_grows(self, machine: Machine) -> None:
        """fxsave [rcx], many times: it makes far more accesses than there is room for at first."""
        area = machine.kernel.alloc(512)
        address = code(machine, "0fae01" * 100 + "c3")
        trace, log, outcome = logged(machine, lambda: machine.call(address, area))
        assert isinstance(outcome, Returned)
        saved = trace.instructions["accesses"][1:101]
        assert len(set(saved.tolist())) == 1
        assert saved.sum() > 2 * len(trace) + 256
        assert len(trace.accesses) == saved.sum() + 2
        first, last = (trace.accesses[trace.accesses["instruction"] == at] for at in (1, 100))
        for field in ("address", "low", "high", "size", "kind", "flags"):
            assert first[field].tolist() == last[field].tolist()
        content = area.read()
        for _, address, low, high, size, _, _ in last.tolist():
            at = address - area.address
            assert (low | high << 64).to_bytes(16, "little")[:size] == content[at : at + size]
        with replay_of(log) as replay:
            replay.set_room(1)
            replay.fill()
            assert len(replay._accesses) == 258

    def test_of_no_run(self, machine: Machine) -> None:
        with machine.trace():
            log = machine._log
            assert log is not None
        with replay_of(log) as replay:
            assert replay.has_ended
            replay.seek(0)
            assert replay.state_registers() == machine.registers | {"irql": 0}


class TestDiverged:
    @pytest.mark.parametrize(
        ("index", "name"),
        [
            (r.RAX, "rax"),
            (r.R15, "r15"),
            (r.RIP, "rip"),
            (r.CR3, "cr3"),
            (r.BUDGET, "budget"),
            (r.BLOCKS, "blocks"),
            (r.TIMESTAMP_READS, "timestamp reads"),
        ],
    )
    def test_says_in_which_run_what_differs(self, counted: Logged, index: int, name: str) -> None:
        (run,) = counted.log.runs
        true = int.from_bytes(run.end[index * 8 : index * 8 + 8], "little")
        counted.log.runs[0] = run._replace(end=with_register(run.end, index, true + 0x100))
        assert diverges(counted.trace) == (
            f"run 0 of the trace ended with {name} {true + 0x100:#x}, and {true:#x} when run again; "
            "please report this with the program"
        )

    def test_in_flags(self, counted: Logged) -> None:
        (run,) = counted.log.runs
        flags = int.from_bytes(run.end[r.RFLAGS * 8 : r.RFLAGS * 8 + 8], "little")
        counted.log.runs[0] = run._replace(end=with_register(run.end, r.RFLAGS, flags ^ r.FLAG_DF))
        assert diverges(counted.trace).startswith(
            f"run 0 of the trace ended with rflags {flags ^ r.FLAG_DF:#x}, and {flags:#x} when run again"
        )

    def test_in_xmm_registers(self, counted: Logged) -> None:
        (run,) = counted.log.runs
        counted.log.runs[0] = run._replace(end=run.end[:-1] + bytes((run.end[-1] ^ 1,)))
        assert diverges(counted.trace) == "run 0 of the trace ended with other XMM registers when run again"

    def test_in_what_is_no_register(self, counted: Logged) -> None:
        (run,) = counted.log.runs
        index = r.MXCSR // 2
        value = int.from_bytes(run.end[index * 8 : index * 8 + 8], "little")
        counted.log.runs[0] = run._replace(end=with_register(run.end, index, value ^ 1 << 32 * (r.MXCSR % 2)))
        assert diverges(counted.trace).startswith(
            f"run 0 of the trace ended with quadword {index} of the state block {value ^ 1 << 32 * (r.MXCSR % 2):#x}"
        )

    def test_by_the_registers_that_a_run_is_given(self, machine: Machine) -> None:
        """mov eax, ecx"""
        address = code(machine, "8bc1 c3")
        trace, log, _ = logged(machine, lambda: machine.call(address, 7))
        (run,) = log.runs
        log.runs[0] = run._replace(begin=with_register(run.begin, r.RCX, 8))
        assert "ended with rax 0x7, and 0x8 when run again" in diverges(trace)

    def test_by_the_memory_that_a_run_is_given(self, machine: Machine) -> None:
        """mov eax, [rcx], in the second call, after the host has written."""
        buffer = machine.kernel.alloc(b"\1\0\0\0")
        address = code(machine, "8b01 c3")

        def calls() -> Outcome:
            machine.call(address, buffer)
            buffer.write(b"\2")
            return machine.call(address, buffer)

        trace, log, _ = logged(machine, calls)
        log.runs[1] = log.runs[1]._replace(pages=log.runs[1].pages[:0])
        assert "run 1 of the trace ended with rax 0x2, and 0x1 when run again" in diverges(trace)

    def test_in_the_run_that_it_says(self, machine: Machine) -> None:
        address = code(machine, "8bc1 c3")

        def calls() -> Outcome:
            for number in range(5):
                outcome = machine.call(address, number)
            return outcome

        trace, log, _ = logged(machine, calls)
        log.runs[3] = log.runs[3]._replace(end=with_register(log.runs[3].end, r.RAX, 99))
        assert "run 3 of the trace ended with rax 0x63, and 0x3 when run again" in diverges(trace)
        assert trace.state_at(6).registers["rax"] == 1, "what lies before is as it was"
        with pytest.raises(ReplayDiverged, match="run 3 of the trace"):
            trace.state_at(20)

    def test_the_replay_is_as_good_as_new_for_another_trace(self, machine: Machine, counted: Logged) -> None:
        (run,) = counted.log.runs
        counted.log.runs[0] = run._replace(end=with_register(run.end, r.RAX, 5))
        diverges(counted.trace)
        (spare,) = machine._replays
        other = logged(machine, lambda: machine.call(code(machine, COUNT_DOWN)))
        assert len(other.trace) == 10
        assert machine._replays == [spare]
        compare(machine, spare)
        counted.log.runs[0] = run
        assert len(counted.trace) == 10, "and for this one, were it true"


class TestSeek:
    def test_forwards_to_each_instruction(self, counted: Logged) -> None:
        rips = counted.trace.instructions["rip"].tolist()
        rows = counted.trace.registers().tolist()
        with replay_of(counted.log) as replay:
            replay.set_room(3)
            for position in range(10):
                for _ in range(2):  # a second time it stands there already
                    replay.seek(position)
                    assert replay.recorder.position == position
                    assert replay.state_registers()["rip"] == rips[position]
                    assert replay._processor.registers[:18].tolist() == rows[position]
            replay.seek(10)
            assert replay.has_ended

    def test_behind_the_end(self, counted: Logged) -> None:
        with replay_of(counted.log) as replay:
            replay.set_room(3)
            with pytest.raises(IndexError, match=r"^instruction 11 lies behind the end of the trace$"):
                replay.seek(11)

    def test_any_way_through_the_trace(self, counted: Logged) -> None:
        """Backwards it begins anew, on the same replay."""
        expected = [*counted.trace.registers()[:, r.RCX].tolist(), 0]
        order = [9, 0, 10, 10, 3, 10, 9, 8, 0, 0, 4, 5]
        assert [counted.trace.state_at(at).registers["rcx"] for at in order] == [expected[at] for at in order]

    def test_after_an_index_that_is_none(self, counted: Logged) -> None:
        for _ in range(2):
            with pytest.raises(IndexError, match=r"^instruction 12 lies behind the end of the trace$"):
                counted.trace.state_at(12)
            assert counted.trace.state_at(10).registers["rcx"] == 0
            assert counted.trace.state_at(4).registers["rcx"] == 2

    def test_a_state_stays_while_another_is_looked_at(self, machine: Machine) -> None:
        """mov [rcx], edx"""
        buffer = machine.kernel.alloc(b"....")
        address = code(machine, "8911 c3")
        trace, _, _ = logged(machine, lambda: machine.call(address, buffer, 0x41414141))
        before, after = trace.state_at(1), trace.state_at(2)
        for _ in range(2):
            assert (before.read(buffer.address, 4), after.read(buffer.address, 4)) == (b"....", b"AAAA")
            assert (before.registers["rip"], after.registers["rip"]) == (address, address + 2)

    def test_the_end_is_what_the_host_left(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"....")
        address = code(machine, "8911 c3")
        with machine.trace() as trace:
            machine.call(address, buffer, 0x41414141)
            buffer.write(b"late")
        states = [trace.state_at(at).read(buffer.address, 4) for at in range(len(trace) + 1)]
        assert states == [b"....", b"....", b"AAAA", b"AAAA", b"late"]

    def test_what_the_host_did_between_two_calls_is_done_before_the_first_instruction(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"....")
        address = code(machine, "c3")
        with machine.trace() as trace:
            machine.call(address)
            buffer.write(b"host")
            machine.call(address)
        assert [call.begin for call in trace.calls] == [0, 3]
        assert [trace.state_at(at).read(buffer.address, 4) for at in (2, 3)] == [b"....", b"host"]


class TestRead:
    def test_through_every_page_state_and_across_pages(self, machine: Machine) -> None:
        content = bytes(range(200))
        buffers = []
        for state in ("unmap", "guard", "page_out", "fail_page_in"):
            buffer = machine.user.alloc(content, offset=PAGE_SIZE - 100)
            getattr(machine.user, state)(buffer)
            buffers.append(buffer)
        trace, _, _ = logged(machine, lambda: machine.call(code(machine, "c3")))
        for buffer in buffers:
            assert trace.state_at(0).read(buffer.address, 200) == content
            assert trace.state_at(0).read(buffer.address + 99, 2) == content[99:101]
            assert trace.state_at(0).read(buffer.address, 0) == b""

    def test_where_nothing_is(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"x" * PAGE_SIZE)
        trace, _, _ = logged(machine, lambda: machine.call(code(machine, "c3")))
        state = trace.state_at(0)
        for address, size in ((0, 1), (0x1000, 1), (buffer.address + PAGE_SIZE, 1), (buffer.address, PAGE_SIZE + 1)):
            with pytest.raises(NotMapped) as caught:
                state.read(address, size)
            assert caught.value.address == address + size - 1

    def test_an_address_that_is_none(self, machine: Machine) -> None:
        """Bits 63 to 48 are not those of a page table's index, but they must be the sign of bit 47."""
        buffer = machine.user.alloc(b"x")
        trace, _, _ = logged(machine, lambda: machine.call(code(machine, "c3")))
        for address in (buffer.address | 1 << 48, buffer.address | 1 << 63, buffer.address | 1 << 64, -1):
            with pytest.raises(NotMapped):
                trace.state_at(0).read(address, 1)
            with pytest.raises(NotMapped):
                machine._system.memory.read(Gva(address), 1)


class TestReuse:
    def test_one_replay_serves_one_trace_after_the_other(self, machine: Machine) -> None:
        replays = set()
        for number in range(4):
            trace, _, _ = logged(machine, lambda: machine.call(code(machine, COUNT_DOWN)))
            assert len(trace) == 10
            replays |= {id(replay) for replay in machine._replays}
            compare(machine, machine._replays[-1])
            if number == 1:
                machine.reset()
        assert len(replays) == 1

    def test_after_other_code_at_the_same_address(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(16)
        machine.kernel.protect(buffer, "rx")
        texts = []
        for encoding in ("90 c3", "b007 c3", "90 c3"):
            buffer.write(bytes.fromhex(encoding))
            trace, _, _ = logged(machine, lambda: machine.call(int(buffer)))
            texts.append([trace.code[number].text for number in trace.instructions["code"][1:-2]])
            compare(machine, machine._replays[-1])
        assert texts == [["nop"], ["mov al, 7"], ["nop"]]
        assert len(machine._replays) == 1

    def test_after_what_an_earlier_trace_left_behind_its_memory(self) -> None:
        """Pages that the machine did not have when the later trace began are zero."""
        with Machine(ram_size=4 << 20) as small:
            with small.trace() as first:
                buffer = small.kernel.alloc(b"x" * 0x10000)
                small.call(code(small, "c3"))
            assert len(first) == 3
            address = buffer.address
            assert first.state_at(3).read(address, 1) == b"x"
            small.reset()
            with small.trace() as second:
                again = small.kernel.alloc(0x10000)
                small.call(code(small, "c3"))
            assert again.address == address
            assert len(second) == 3
            assert second.state_at(0).read(again.address, 0x10000) == bytes(0x10000)

    def test_an_older_trace_asked_again(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"one.")
        address = code(machine, "8b01 c3")
        older, _, _ = logged(machine, lambda: machine.call(address, buffer))
        buffer.write(b"two.")
        newer, _, _ = logged(machine, lambda: machine.call(address, buffer))
        values = []
        for trace in (older, newer, older, newer):
            for chunk in Trace(trace._source).chunks():
                values.append(int(chunk.accesses["low"][1]).to_bytes(4, "little"))
        assert values == [b"one.", b"two."] * 2

    def test_two_at_once_take_two(self, machine: Machine) -> None:
        trace, _, _ = logged(machine, lambda: machine.call(code(machine, COUNT_DOWN)))
        one, two = trace.chunks(3), trace.chunks(3)
        assert next(one).instructions.tolist() == next(two).instructions.tolist()
        assert machine._replays == []
        del one, two
        assert len(machine._replays) == 2

    def test_of_a_log_with_stops(self, machine: Machine) -> None:
        """They are set again where they were, and are gone in the next trace."""
        address = code(machine, COUNT_DOWN)
        plain, _, _ = logged(machine, lambda: machine.call(address))
        expected = plain.instructions[["rip", "position"]].tolist()
        cpu = machine._system.cpu

        def stopped() -> Outcome:
            cpu.stop_in([(address, Gva(address + 20))])
            outcome = machine.call(address)
            cpu.stop_in(())
            return outcome

        trace, log, _ = logged(machine, stopped)
        assert len(log.runs) == 9
        assert trace.instructions[["rip", "position"]].tolist() == expected
        again, log, _ = logged(machine, lambda: machine.call(address))
        assert len(log.runs) == 1
        assert again.instructions[["rip", "position"]].tolist() == expected


@pytest.mark.parametrize("begin", [0, 1, 481, 851, 4000, 4095])
@pytest.mark.parametrize("instruction", ["90", "48ffc0", "480501000000"])
def test_straight_code_that_runs_on_into_an_absent_page_is_run_again(begin: int, instruction: str) -> None:
    """The recorder's engine cuts it into other blocks, and takes another one back."""
    encoding = bytes.fromhex(instruction)
    with Machine() as machine:
        buffer = machine.kernel.alloc(2 * PAGE_SIZE)
        count = (PAGE_SIZE - begin) // len(encoding)
        buffer.write(b"\xcc" * begin + (encoding * (count + 1))[: PAGE_SIZE - begin])
        machine.kernel.protect(buffer, "rwx")
        machine.kernel.unmap(buffer.origin + PAGE_SIZE)
        with machine.trace() as trace:
            outcome = machine.call(buffer.origin + begin)
        assert isinstance(outcome, Bugchecked)
        ran = trace.instructions["rip"]
        mine = ran[(ran >= buffer.origin) & (ran < buffer.origin + PAGE_SIZE)]
        assert mine.tolist() == [buffer.origin + begin + at * len(encoding) for at in range(count)]
