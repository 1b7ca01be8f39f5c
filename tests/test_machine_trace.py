# SPDX-License-Identifier: GPL-2.0-or-later
"""`machine.trace`: when it can begin, when it can be asked, and what a machine is like behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emu import Bugchecked, Machine, Returned
from emu.image import UnknownSymbol
from emu.machine import MachineStopped
from emu.outcome import Outcome
from emu.trace import Trace, TraceError
from tests.conformance.machines import code
from tests.traced import compare

STORE = "8911 8bc2 c3"
"""mov [rcx], edx; mov eax, edx; ret"""
LOAD = "8b01 c3"
"""mov eax, [rcx]; ret"""
PER_CALL = 3
"""Instructions of a call beside its function's own: `call rax` before it, its `ret`, and the `hlt` behind it."""


def check(trace: Trace, machine: Machine) -> None:
    """Assert that running the log again leaves what the machine was left with."""
    for _ in Trace(trace._source).chunks():
        pass
    compare(machine, machine._replays[-1])


@pytest.fixture
def other() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


class TestBeginning:
    def test_one_at_a_time(self, machine: Machine) -> None:
        address = code(machine, "c3")
        with machine.trace() as trace:
            machine.call(address)
            with (
                pytest.raises(TraceError, match=r"^a trace is being taken already; end it before the next one begins$"),
                machine.trace(),
            ):
                pytest.fail("it has begun")
            machine.call(address)
        assert len(trace.calls) == 2, "the first one goes on"
        check(trace, machine)

    def test_two_machines_at_once(self, machine: Machine, other: Machine) -> None:
        with machine.trace() as one, other.trace() as two:
            machine.call(code(machine, "90 c3"))
            other.call(code(other, "90 90 c3"))
        assert (len(one), len(two)) == (PER_CALL + 1, PER_CALL + 2)

    @pytest.mark.parametrize(
        ("only", "part", "error", "message"),
        [
            (("CopyFromUsr",), {}, UnknownSymbol, r"has no symbol 'CopyFromUsr'.*CopyFromUser"),
            ((), {"begin": "Nonsense"}, UnknownSymbol, "has no symbol 'Nonsense'"),
            ((), {"end": "Nonsense"}, UnknownSymbol, "has no symbol 'Nonsense'"),
            ((), {"begin": 0}, ValueError, "^0x0 is no address of code$"),
            ((), {"end": -1}, ValueError, "^-0x1 is no address of code$"),
            (((5, 5),), {}, ValueError, "^the range 0x5 to 0x5 holds no code"),
            ((5,), {}, TypeError, "^5 names no code; give a function's symbol, a module, or"),
            ((), {"last": 0}, ValueError, "^the last 0 instructions are no trace; keep 1 or more$"),
            ((), {"last": 1.5}, TypeError, "'float' object cannot be interpreted as an integer"),
        ],
    )
    def test_of_what_cannot_be_begins_nothing(
        self, machine: Machine, only: Any, part: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message), machine.trace(*only, **part):
            pytest.fail("it has begun")
        assert machine._system.cpu.log is None
        with machine.trace() as trace:
            machine.call(code(machine, "c3"))
        assert len(trace) == PER_CALL

    def test_of_a_machine_that_has_stopped(self, machine: Machine) -> None:
        assert isinstance(machine.call(code(machine, LOAD), 0, guarded=False), Bugchecked)
        with pytest.raises(MachineStopped, match="has bugchecked"), machine.trace():
            pytest.fail("it has begun")
        machine.reset()
        with machine.trace() as trace:
            pass
        assert len(trace) == 0

    def test_of_a_closed_machine(self) -> None:
        machine = Machine()
        machine.close()
        with pytest.raises(MachineStopped, match="is closed; boot another one"), machine.trace():
            pytest.fail("it has begun")


class TestAsking:
    def test_inside_the_block(self, machine: Machine) -> None:
        with machine.trace() as trace:
            machine.call(code(machine, "c3"))
            with pytest.raises(TraceError, match="is still being taken; ask it behind its `with` block"):
                _ = trace.instructions
            with pytest.raises(TraceError, match="is still being taken"):
                trace.text()
            machine.call(code(machine, "90 c3"))
        assert len(trace) == 2 * PER_CALL + 1

    def test_after_an_exception_left_the_block(self, machine: Machine) -> None:
        traces = []

        def fail() -> None:
            with machine.trace() as trace:
                traces.append(trace)
                machine.call(code(machine, "c3"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert [len(trace) for trace in traces] == [PER_CALL]
        with machine.trace() as another:
            pass
        assert len(another) == 0

    def test_after_the_machine_was_closed(self) -> None:
        machine = Machine()
        buffer = machine.kernel.alloc(b"abcd")
        with machine.trace() as trace:
            machine.call(code(machine, LOAD), buffer)
        address = buffer.address
        machine.close()
        assert len(trace) == PER_CALL + 1
        assert trace.state_at(0).read(address, 4) == b"abcd"
        assert [call.outcome for call in trace.calls] == ["returned 0x64636261"]
        assert "returned 0x64636261" in trace.text()

    def test_of_a_machine_closed_inside_the_block(self) -> None:
        machine = Machine()
        with machine.trace() as trace:
            machine.call(code(machine, "90 c3"))
            machine.close()
            with pytest.raises(MachineStopped, match="is closed"):
                machine.call(0)
        assert len(trace) == PER_CALL + 1
        assert trace.state_at(2).registers["rip"] == trace.instructions["rip"][2]

    def test_after_the_machine_has_gone_on(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"abcd")
        address = code(machine, STORE)
        with machine.trace() as trace:
            machine.call(address, buffer, 0x31313131)
        machine.call(address, buffer, 0x32323232)
        place = buffer.address
        machine.reset()
        assert [trace.state_at(at).read(place, 4) for at in (0, 2)] == [b"abcd", b"1111"]
        assert trace.accesses["low"][1] == 0x31313131


class TestCalls:
    def test_none(self, machine: Machine) -> None:
        with machine.trace() as trace:
            pass
        assert [len(table) for table in (trace.instructions, trace.accesses, trace.events)] == [0, 0, 0]
        assert (list(trace.calls), list(trace.code)) == ([], [])
        assert trace.registers().shape == (0, 18)
        assert trace.state_at(0).registers == machine.registers | {"irql": 0}
        with pytest.raises(IndexError, match=r"^instruction 1 lies behind the end of the trace$"):
            trace.state_at(1)
        (chunk,) = trace.chunks()
        assert len(chunk.instructions) == 0

    def test_none_but_what_the_host_wrote(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"before")
        with machine.trace() as trace:
            buffer.write(b"after!")
        assert trace.state_at(0).read(buffer.address, 6) == b"after!"

    def test_that_are_refused(self, machine: Machine) -> None:
        address = code(machine, "c3")
        with machine.trace() as trace:
            with pytest.raises(UnknownSymbol):
                machine.call("Nonsense")
            with pytest.raises(TypeError):
                machine.call(address, "text")  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="irql 16 does not exist"):
                machine.call(address, irql=16)
            with pytest.raises(ValueError, match="a budget of 0 blocks"):
                machine.call(address, budget=0)
            assert isinstance(machine.call(address), Returned)
        assert len(trace.calls) == 1
        check(trace, machine)


def test_what_a_trace_costs_the_machine_is_nothing(machine: Machine) -> None:
    """The clock, the budget and every register are as without it."""
    address = code(machine, "31c0 b90a000000 01c8 e2fc 0f31 c3")

    def ran() -> tuple[Outcome, dict[str, int]]:
        return machine.call(address, budget=12), machine.registers

    machine.checkpoint()
    plain = ran()
    machine.reset()
    with machine.trace():
        traced = ran()
    machine.reset()
    with machine.trace(last=1) as trace:
        last = ran()
    assert len(trace) == 1
    assert plain == traced == last
