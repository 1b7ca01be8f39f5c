# SPDX-License-Identifier: GPL-2.0-or-later
"""Activations: what calls, returns and unwinds make of a trace."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine, build_guest
from emu.address import Gva
from emu.trace import ACCESS, EVENT, INSTRUCTION, Chunk, Code, StoredSource, Trace
from emu.trace import activations as activations_module
from emu.trace.activations import CALL, HOST, Began, Ended, Happened, activations
from emu.trace.layout import EventKind
from emu.trace.source import TraceError
from tests.conformance.seh.programs import PROGRAMS, Program
from tests.trace.activation_model import Model
from tests.trace.made import copied
from tests.trace.random_calls import CALL_CODE, HLT, NOP, RETURN_CODE, random_traces
from tests.trace.ways_out import ACCEPTED, CONSTANT, NORMAL, REFUSED, trace_ways


class InPieces(Trace):
    """A trace in pieces of three instructions."""

    def chunks(self, size: int = 3) -> Iterator[Chunk]:
        return super().chunks(3)


def made(*path: tuple[int, bytes]) -> Trace:
    """Return the trace of instructions at addresses."""
    code = [Code(Gva(rip), encoding, "", "", 0, "", 0) for rip, encoding in dict.fromkeys(path)]
    numbers = {(each.rip, each.bytes): number for number, each in enumerate(code)}
    rows = [(rip, index, 0, numbers[Gva(rip), each], 0, len(each), 0) for index, (rip, each) in enumerate(path)]
    return Trace(
        StoredSource(np.array(rows, INSTRUCTION), np.zeros(0, ACCESS), np.zeros(0, EVENT), code=code, calls=())
    )


def shape(trace: Trace) -> list[str]:
    """Return a line for each activation, indented by its depth: name, what began it, begin and end."""
    lines: list[str] = []
    depth: list[int] = []
    begins: list[int] = []
    for step in activations(trace):
        match step:
            case Began(at, number, by):
                code = trace.code[number]
                begins.append(at)
                depth.append(len(lines))
                lines.append(f"{'  ' * (len(depth) - 1)}{code.place.partition('!')[2] or f'{code.rip:#x}'} {by} {at}")
            case Ended(at):
                lines[depth.pop()] += f"-{at}"
    assert not depth
    return lines


def test_a_call_and_its_return_are_an_activation() -> None:
    trace = made((0x10, CALL_CODE), (0x100, NOP), (0x101, RETURN_CODE), (0x12, NOP))
    assert shape(trace) == ["0x10 host 0-4", f"  0x100 {CALL} 1-3"]


def test_a_return_ends_what_was_left_open_above_it() -> None:
    trace = made((0x10, CALL_CODE), (0x100, CALL_CODE), (0x200, RETURN_CODE), (0x12, NOP))
    assert shape(trace) == ["0x10 host 0-4", "  0x100 call 1-3", "    0x200 call 2-3"]


def test_a_return_to_nowhere_ends_nothing() -> None:
    trace = made((0x10, CALL_CODE), (0x100, RETURN_CODE), (0x300, RETURN_CODE), (0x12, NOP))
    assert shape(trace) == ["0x10 host 0-4", "  0x100 call 1-3"]


def test_a_return_to_a_hlt_ends_what_the_host_began() -> None:
    trace = made((0x10, HLT), (0x100, RETURN_CODE), (0x50, HLT), (0x200, NOP))
    assert shape(trace) == ["0x10 host 0-4", "  0x100 host 1-2", "  0x200 host 3-4"]


def test_a_call_of_the_next_instruction_is_none() -> None:
    assert shape(made((0x10, CALL_CODE), (0x12, NOP))) == ["0x10 host 0-2"]


def test_recursion_returns_level_by_level() -> None:
    trace = made(
        (0x10, CALL_CODE),
        (0x100, CALL_CODE),
        (0x90, NOP),
        (0x91, RETURN_CODE),
        (0x102, RETURN_CODE),
        (0x12, NOP),
    )
    assert shape(trace) == ["0x10 host 0-6", "  0x100 call 1-5", "    0x90 call 2-4"]


def test_a_copy_with_a_retry_is_one_activation() -> None:
    trace = copied(b"abcd", fault_at=2)
    assert shape(trace) == [f"byte_copy {HOST} 0-{len(trace)}"]


def test_calls_that_never_return_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations_module, "DEEPEST", 3)
    trace = made(*((0x10 * number, CALL_CODE) for number in range(1, 6)))
    lines = shape(trace)
    assert [line.strip().split()[0] for line in lines] == ["0x10", "0x20", "0x30", "0x40", "0x50"]
    assert [line.count("  ") for line in lines] == [0, 1, 2, 0, 1]


@given(random_traces(), st.sampled_from([2, 4096]))
def test_the_native_core_goes_by_the_rules(trace: Trace, deepest: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(activations_module, "DEEPEST", deepest)
        steps = list(activations(trace))
        assert steps == list(Model(trace, deepest).steps())
        assert list(activations(InPieces(trace._source))) == steps
        patched.setattr(activations_module, "_ROOM", 2)
        assert list(activations(trace)) == steps
    open_now, at = 0, 0
    for step in steps:
        open_now += isinstance(step, Began) - isinstance(step, Ended)
        assert open_now >= 0
        assert step.at >= at
        at = step.at
    assert open_now == 0


def test_code_that_a_trace_does_not_have_is_refused() -> None:
    rows = [(0x10, 0, 0, 0, 0, 1, 0), (0x20, 1, 0, 7, 0, 1, 0)]
    code = [Code(Gva(0x10), NOP, "", "", 0, "", 0)]
    source = StoredSource(np.array(rows, INSTRUCTION), np.zeros(0, ACCESS), np.zeros(0, EVENT), code=code, calls=())
    with pytest.raises(TraceError, match="a code that the trace does not have"):
        list(activations(Trace(source)))


def test_an_unwind_ends_what_it_passes() -> None:
    lines = shape(trace_ways(ACCEPTED, optimize="0"))
    names = [line.split()[0] + " " + " ".join(line.split()[1:-1]) for line in lines]
    assert [line.count("  ") for line in lines] == [0, 1, 2, 3, 4, 2, 3]
    assert names[:3] == ["KiGuardedCall+0x7 host", "guarded_read call", "touch call"]
    assert names[3].endswith("filter or handler")
    assert names[4] == "answer_with call"
    assert names[5].endswith("__finally")
    ends = {line.split()[0]: line.split()[-1].split("-")[1] for line in lines}
    begins = {line.split()[0]: line.split()[-1].split("-")[0] for line in lines}
    assert ends["touch"] == begins[lines[5].split()[0]]  # the frame is unwound before the __finally runs


def test_every_call_of_the_host_is_an_activation_of_its_own() -> None:
    trace = trace_ways(NORMAL, REFUSED, CONSTANT)
    lines = [line for line in shape(trace) if not line.startswith(" ")]
    assert lines == [f"KiGuardedCall+0x7 {HOST} {call.begin}-{call.end}" for call in trace.calls]


def test_events_stand_at_their_instruction() -> None:
    trace = trace_ways(ACCEPTED)
    happened = [step for step in activations(trace) if isinstance(step, Happened)]
    assert [step.event for step in happened] == list(range(len(trace.events)))
    assert [step.at for step in happened] == trace.events["instruction"].tolist()
    assert [step.kind for step in happened] == [EventKind(kind) for kind in trace.events["kind"].tolist()]


@pytest.mark.parametrize(
    "program", [program for program in PROGRAMS if program.path.suffix == ".c"], ids=lambda program: program.name
)
def test_a_function_that_ran_to_its_end_was_never_cut_short(machine: Machine, program: Program) -> None:
    """The activation of the program ends where its last instruction hands control back."""
    module = machine.load(build_guest([program.path], optimize="1"))
    with machine.trace() as trace:
        machine.call(module[program.name])
    lines = shape(trace)
    called = [line for line in lines if line.startswith("  ") and not line.startswith("    ")]
    outermost = [line for line in lines if not line.startswith(" ")]
    assert [line.split()[-1] for line in outermost] == [f"0-{len(trace)}"]
    assert len(called) == 1, "\n".join(lines)
