# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever happens in the block of `machine.trace`, it ends as without a trace, and running it again ends alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emu import Bugchecked, Machine, Raised, Returned, TimedOut, Unmodelled
from emu.machine import MachineStopped
from emu.testing.guest import Guest
from emu.trace import EventKind, Trace, TraceError
from tests.conformance.machines import code
from tests.traced import compare

FUNCTION = """
.intel_syntax noprefix
.globl {name}
.seh_proc {name}
{name}:
.seh_endprologue
    mov eax, {value}
    ret
.seh_endproc
"""

STORE = "8911 8bc2 c3"
"""mov [rcx], edx; mov eax, edx; ret"""
LOAD = "8b01 c3"
"""mov eax, [rcx]; ret"""
PER_CALL = 3
"""Instructions of a call beside its function's own: `call rax` before it, its `ret`, and the `hlt` behind it."""

Script = Callable[[Machine], list[str]]
"""Does things with a machine, and returns what came of each."""


def check(trace: Trace, machine: Machine) -> None:
    """Assert that running the log again leaves what the machine was left with."""
    for _ in Trace(trace._source).chunks():
        pass
    compare(machine, machine._replays[-1])


def same_traced(script: Script) -> tuple[list[str], Trace]:
    """Run a script on two new machines, traced on one of them, and assert that it makes no difference."""
    with Machine() as plain, Machine() as machine:
        expected = script(plain)
        with machine.trace() as trace:
            found = script(machine)
        assert found == expected
        assert machine.registers == plain.registers
        assert machine.irql == plain.irql
        assert machine.debug_output == plain.debug_output
        used = plain._system.memory.frames_used << 12
        assert machine._system.memory.frames_used << 12 == used
        assert bytes(machine._system.ram.bytes[:used]) == bytes(plain._system.ram.bytes[:used])
        check(trace, machine)
        assert machine._system.cpu.log is None
        return found, trace


def outcomes(trace: Trace) -> list[str]:
    return [call.outcome for call in trace.calls]


class TestCalls:
    def test_several(self) -> None:
        def script(machine: Machine) -> list[str]:
            buffer = machine.kernel.alloc(b"....")
            store, load = code(machine, STORE), code(machine, LOAD)
            found = []
            for number in range(3):
                found.append(str(machine.call(store, buffer, number)))
                buffer.write(b"\7", offset=1)
                found.append(str(machine.call(load, buffer)))
            return found

        found, trace = same_traced(script)
        assert found == [line for n in range(3) for line in (f"returned {n:#x}", f"returned {0x700 | n:#x}")]
        assert outcomes(trace) == found
        assert [call.end - call.begin for call in trace.calls] == [PER_CALL + 2, PER_CALL + 1] * 3

    def test_that_time_out(self) -> None:
        """And the next one begins as if nothing had been."""

        def script(machine: Machine) -> list[str]:
            endless, address = code(machine, "ffc0 ebfc"), code(machine, "90 c3")
            outcome = machine.call(endless, budget=100)
            assert isinstance(outcome, TimedOut)
            return [outcome.headline, str(machine.call(address, budget=2)), machine.call(address).headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == found
        first = trace.calls[0]
        assert first.outcome.startswith("timed out: the budget of 100 blocks")
        assert 2 * 98 <= first.end - first.begin <= 2 * 100 + 1

    def test_that_bugcheck(self) -> None:
        def script(machine: Machine) -> list[str]:
            outcome = machine.call(code(machine, LOAD), 0, guarded=False)
            assert isinstance(outcome, Bugchecked)
            with pytest.raises(MachineStopped):
                machine.call(code(machine, "c3"))
            return [outcome.headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == found
        assert EventKind(trace.events["kind"][-1]) is EventKind.BugcheckRaised
        assert trace.events["instruction"][-1] == len(trace) == 2
        assert trace.instructions["flags"].tolist() == [0, 1]

    def test_that_bugcheck_and_go_on_after_a_reset(self) -> None:
        def script(machine: Machine) -> list[str]:
            first = machine.call(code(machine, LOAD), 0, guarded=False)
            machine.reset()
            return [first.headline, machine.call(code(machine, "90 c3")).headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == found
        assert [(call.begin, call.end) for call in trace.calls] == [(0, 2), (2, 2 + PER_CALL + 1)]

    def test_that_meet_what_is_not_modelled(self) -> None:
        def script(machine: Machine) -> list[str]:
            outcome = machine.call(code(machine, "90 e460 c3"))  # in al, 0x60
            assert isinstance(outcome, Unmodelled)
            return [outcome.headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == found


class TestInTheBlock:
    def test_reset(self) -> None:
        def script(machine: Machine) -> list[str]:
            found = []
            for number in range(3):
                buffer = machine.kernel.alloc(bytes((number,)) * 4)
                machine.user.page_out(machine.user_stack.limit)
                found.append(machine.call(code(machine, LOAD), buffer).headline)
                found.append(machine.call(code(machine, "b803000000 440f22c0 c3")).headline)  # mov cr8, rax
                assert machine.irql == 3
                machine.reset()
                assert machine.irql == 0
            return found

        found, trace = same_traced(script)
        assert outcomes(trace) == found
        assert found[::2] == ["returned 0x0", "returned 0x1010101", "returned 0x2020202"]
        assert [trace.state_at(call.end - 1).registers["irql"] for call in trace.calls] == [0, 3] * 3
        assert trace.state_at(len(trace)).registers["irql"] == 0

    def test_checkpoint(self) -> None:
        def script(machine: Machine) -> list[str]:
            buffer = machine.kernel.alloc(b"\0\0\0\0")
            store, load = code(machine, STORE), code(machine, LOAD)
            found = []
            for number in range(3):
                found.append(machine.call(store, buffer, number).headline)
                if number < 2:
                    machine.checkpoint()
            machine.reset()
            found.append(machine.call(load, buffer).headline)
            return found

        found, trace = same_traced(script)
        assert outcomes(trace) == found == ["returned 0x0", "returned 0x1", "returned 0x2", "returned 0x1"]

    def test_a_reset_to_a_checkpoint_of_before(self) -> None:
        """Nothing that was written in the block or before it stays behind."""
        with Machine() as machine:
            buffer = machine.kernel.alloc(b"kept")
            store, load = code(machine, STORE), code(machine, LOAD)
            machine.checkpoint()
            machine.call(store, buffer, 1)
            with machine.trace() as trace:
                machine.call(load, buffer)
                machine.reset()
                machine.call(load, buffer)
                machine.call(store, buffer, 2)
            assert outcomes(trace) == ["returned 0x1", "returned 0x7470656b", "returned 0x2"]
            check(trace, machine)
            machine.reset()
            assert buffer.read() == b"kept"

    def test_load(self, guest: Guest) -> None:
        images = [
            guest.build_text(FUNCTION.format(name=name, value=value), name=f"{name}_image")
            for name, value in (("one", 1), ("two", 2))
        ]

        def script(machine: Machine) -> list[str]:
            found = []
            for image, name in zip(images, ("one", "two"), strict=True):
                machine.load(image)
                found.append(machine.call(name).headline)
            return found

        found, trace = same_traced(script)
        assert outcomes(trace) == found == ["returned 0x1", "returned 0x2"]
        assert [module.name for module in trace.modules] == ["ntoskrnl", "umaccess", "one_image", "two_image"]
        assert [call.function for call in trace.calls] == ["one_image!one", "two_image!two"]
        assert trace.where(rip="two").tolist() == [PER_CALL + 2, PER_CALL + 3]

    def test_a_load_that_fails(self, machine: Machine, tmp_path: Path) -> None:
        with machine.trace() as trace:
            with pytest.raises(FileNotFoundError):
                machine.load(tmp_path / "nothing.sys")
            machine.call(code(machine, "c3"))
        assert len(trace) == PER_CALL
        check(trace, machine)

    @pytest.mark.parametrize("state", ["page_out", "guard", "unmap", "fail_page_in", "none", "ro"])
    def test_page_states(self, state: str) -> None:
        def script(machine: Machine) -> list[str]:
            source, target = machine.user.alloc(b"abcd"), machine.kernel.alloc(4)
            found = [machine.call("CopyFromUser", target, source, 4).headline]
            if state in ("none", "ro"):
                machine.user.protect(source, state)
            else:
                getattr(machine.user, state)(source)
            found += [machine.call("CopyFromUser", target, source, 4).headline for _ in range(2)]
            machine.user.protect(source, "rw")
            found += [machine.call("CopyFromUser", target, source, 4).headline, machine.user.state(source)]
            return found

        found, trace = same_traced(script)
        assert outcomes(trace) == found[:-1]
        assert found[0] == found[3] == "returned 0x64"
        raised = {"page_out": 0, "ro": 0, "guard": 1}.get(state, 2)
        assert sum(line.startswith("raised") for line in found) == raised
        assert (trace.events["kind"] == EventKind.PagedIn).sum() == (state == "page_out")

    def test_inject(self) -> None:
        def script(machine: Machine) -> list[str]:
            source, target = machine.user.alloc(bytes(8), offset=4092), machine.kernel.alloc(8)
            found = [machine.call("CopyFromUser", target, source, 8).headline]
            machine.inject("none@src+4", src=source)
            outcome = machine.call("CopyFromUser", target, source, 8)
            assert isinstance(outcome, Raised)
            assert outcome.record.fault_address == source.address + 4
            return [*found, outcome.headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == found

    def test_code_that_the_host_writes(self) -> None:
        def script(machine: Machine) -> list[str]:
            buffer = machine.kernel.alloc(bytes.fromhex("b001 c3"))
            machine.kernel.protect(buffer, "rx")
            found = []
            for number in range(4):
                buffer.write(bytes((number,)), offset=1)
                found.append(str(machine.call(int(buffer)).headline)[-1])
            return found

        found, trace = same_traced(script)
        assert found == ["0", "1", "2", "3"]
        texts = [trace.code[number].text for number in trace.instructions["code"][1 :: PER_CALL + 1]]
        assert texts == [f"mov al, {number}" for number in range(4)]

    def test_the_clock(self) -> None:
        """rdtsc: it goes on from call to call."""

        def script(machine: Machine) -> list[str]:
            address = code(machine, "0f31 c3")
            found = [machine.call(address).headline for _ in range(3)]
            assert len(set(found)) == 3
            return found

        found, trace = same_traced(script)
        assert outcomes(trace) == found


class TestExports:
    def test_in_python(self) -> None:
        """They may do with the machine's memory what they like."""

        def script(machine: Machine) -> list[str]:
            buffer = machine.kernel.alloc(b"....")
            user = machine.user.alloc(b"abcd")

            @machine.export("ZwTouch")
            def touch(value: int) -> int:
                buffer.write(value.to_bytes(4, "little"))
                machine.user.page_out(user)
                return value + 1

            target, load = machine.kernel.alloc(4), code(machine, LOAD)
            return [
                machine.call("ZwTouch", 41).headline,
                machine.call(load, buffer).headline,
                machine.call("CopyFromUser", target, user, 4).headline,
                machine.call("ZwTouch", 1).headline,
            ]

        found, trace = same_traced(script)
        assert outcomes(trace) == found
        assert found == ["returned 0x2a", "returned 0x29", "returned 0x64", "returned 0x2"]
        kinds = [EventKind(kind).name for kind in trace.events["kind"]]
        assert kinds == ["ExportCalled", "TrapTaken", "PagedIn", "ExportCalled"]

    def test_that_raise_a_python_exception(self) -> None:
        def script(machine: Machine) -> list[str]:
            buffer = machine.kernel.alloc(b"....")

            @machine.export("ZwFail")
            def fail() -> None:
                buffer.write(b"fail")
                raise ZeroDivisionError("of the export's")

            with pytest.raises(ZeroDivisionError, match="of the export's"):
                machine.call("ZwFail")
            return [machine.call(code(machine, LOAD), buffer).headline]

        found, trace = same_traced(script)
        assert outcomes(trace) == ["interrupted", *found]
        assert found == ["returned 0x6c696166"]
        assert trace.calls[0].end == trace.calls[1].begin

    def test_that_are_interrupted(self, machine: Machine) -> None:
        @machine.export("ZwStop")
        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), machine.trace() as trace:
            machine.call("ZwStop")
        assert outcomes(trace) == ["interrupted"]
        assert machine._system.cpu.log is None

    def test_that_begin_a_trace_themselves(self, machine: Machine) -> None:
        """Are refused, and the trace that is being taken goes on."""

        @machine.export("ZwTrace")
        def trace_more() -> None:
            with (
                pytest.raises(TraceError, match=r"^a trace is being taken already; end it before the next one begins$"),
                machine.trace(),
            ):
                pytest.fail("it has begun")

        with machine.trace() as trace:
            assert machine.call("ZwTrace") == Returned(0)
            machine.call(code(machine, "c3"))
        assert len(trace.calls) == 2
        check(trace, machine)

    def test_that_are_added_in_the_block(self, machine: Machine) -> None:
        with machine.trace() as trace:
            machine.export("ZwLate")(lambda: 7)
            assert machine.call("ZwLate") == Returned(7)
        assert trace.calls[0].function == "ntoskrnl!ZwLate"
        check(trace, machine)
