# SPDX-License-Identifier: GPL-2.0-or-later
"""RtlUnwindEx, step by step, on a stack without a machine."""

from collections.abc import Callable

import pytest

from emu.address import Gva
from emu.events import DispatchFailed, FrameUnwound, Landed
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import ExceptionDisposition
from emu.nt.status import NtStatus
from emu.nt.unwind import UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER
from emu.outcome import make_record
from emu.seh import frames as f
from emu.seh.context import RAX, RSP, Context
from emu.seh.environment import StackLimits
from emu.seh.handler_call import PendingException
from emu.seh.requests import CallGuest, GiveUp, Land, RaiseStatus, Request, Steps
from emu.seh.unwind import unwind_to
from tests.seh.dispatches import FRAMES, RECORDS, STACK, Program, frame_of, run
from tests.seh.unwind_images import IMAGE_BASE

DISPATCHER = RECORDS + f.DISPATCHER_CONTEXT
TARGET = Gva(IMAGE_BASE + 0x777)
SEARCH = ExceptionDisposition.CONTINUE_SEARCH


@pytest.fixture
def program() -> Program:
    return Program()


def start(program: Program, exception: PendingException, target: int) -> Steps:
    return unwind_to(program.environment(), exception, target, TARGET, 0x1234, exception.context.copy(), RECORDS, None)


def test_lands_in_the_target_frame(program: Program) -> None:
    functions = [program.function() for _ in range(3)]
    exception = program.exception(*functions, flags=1)
    (request,), _ = run(start(program, exception, frame_of(2)))
    assert isinstance(request, Land)
    context = request.context
    assert (context.rip, context.gpr[RAX], context.gpr[RSP]) == (TARGET, 0x1234, frame_of(2))
    assert request.record.flags == 1, "as filters saw them"
    unwound = [event.establisher for event in program.events if isinstance(event, FrameUnwound)]
    assert unwound == [frame_of(depth) for depth in range(3)]
    assert program.events[-1] == Landed(TARGET, Gva(frame_of(2)))


def test_handlers_are_asked_on_the_way(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(3)]
    exception = program.exception(*functions)
    seen: list[int] = []

    def note(request: Request) -> int:
        seen.append(int.from_bytes(program.memory.read(exception.record_address + 4, 4), "little"))
        return SEARCH

    requests, _ = run(start(program, exception, frame_of(2)), [note] * 3)
    calls = [request for request in requests if isinstance(request, CallGuest)]
    assert [call.address for call in calls] == [FRAMES.unwind_thunk] * 3
    assert [call.arguments[1] for call in calls] == [frame_of(depth) for depth in range(3)]
    assert seen == [2, 2, 0x22], "EXCEPTION_UNWINDING, and EXCEPTION_TARGET_UNWIND for the last"
    assert isinstance(requests[-1], Land)


def test_an_exit_unwind_goes_to_the_end_of_the_stack(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(2)]
    exception = program.exception(*functions)
    # Where the last function returns to lies outside: there the stack ends.
    end = frame_of(2) - f.RETURN_ADDRESS_SIZE
    environment = program.environment()
    environment.stack = StackLimits(STACK.low, end + f.RETURN_ADDRESS_SIZE)
    seen: list[int] = []

    def note(request: Request) -> int:
        seen.append(int.from_bytes(program.memory.read(exception.record_address + 4, 4), "little"))
        return SEARCH

    steps = unwind_to(environment, exception, 0, TARGET, 0, exception.context.copy(), RECORDS, None)
    requests, _ = run(steps, [note] * 2)
    assert seen == [6, 6], "EXCEPTION_UNWINDING and EXCEPTION_EXIT_UNWIND; no frame is the target"
    assert requests[-1] == GiveUp(exception.record)


@pytest.mark.parametrize(
    ("code", "left"),
    [
        (NtStatus.ACCESS_VIOLATION, NtStatus.UNWIND),
        (NtStatus.LONGJUMP, NtStatus.LONGJUMP),
        (NtStatus.UNWIND_CONSOLIDATE, NtStatus.UNWIND_CONSOLIDATE),
    ],
)
def test_what_is_left_of_the_record(program: Program, code: int, left: int) -> None:
    """RtlUnwindEx overwrites the code in guest memory; who handled the exception still knows it."""
    exception = program.exception(program.function(), code=code)
    exception.record = make_record(code, 0, 0, ())
    (request,), _ = run(start(program, exception, frame_of(0)))
    assert isinstance(request, Land)
    assert int.from_bytes(program.memory.read(exception.record_address, 4), "little") == left
    assert request.record.code == code
    assert request.context.rip == (exception.context.rip if code == NtStatus.UNWIND_CONSOLIDATE else TARGET)


def test_handlers_for_the_search_alone_are_not_asked(program: Program) -> None:
    exception = program.exception(program.function(UNW_FLAG_EHANDLER))
    (request,), _ = run(start(program, exception, frame_of(0)))
    assert isinstance(request, Land)


def test_context_is_the_frames_own(program: Program) -> None:
    functions = [program.function(), program.function(UNW_FLAG_UHANDLER)]
    exception = program.exception(*functions)
    (request,), _ = run(start(program, exception, frame_of(1)))
    assert isinstance(request, CallGuest)
    record = DISPATCHER_CONTEXT.from_buffer_copy(program.memory.read(DISPATCHER, 0x50))
    assert request.arguments[2] == record.ContextRecord
    assert record.TargetIp == TARGET
    context = Context.unpack(program.memory.read(record.ContextRecord, 0x4D0))
    assert (context.gpr[RSP], context.rip) == (frame_of(1), IMAGE_BASE + functions[1] + 0x20)
    assert context.gpr[RAX] == 0x1234


@pytest.mark.parametrize("disposition", [0, 2, 4, 0xFFFF_FFFF])
def test_only_continue_search_is_valid(program: Program, disposition: int) -> None:
    exception = program.exception(program.function(UNW_FLAG_UHANDLER))
    requests, _ = run(start(program, exception, frame_of(0)), [disposition])
    assert requests[-1] == RaiseStatus(NtStatus.INVALID_DISPOSITION, RECORDS, FRAMES.records_return)


@pytest.mark.parametrize("target", [frame_of(0) + 8, frame_of(1) - 8, 0x1234])
def test_a_target_that_is_no_frame(program: Program, target: int) -> None:
    exception = program.exception(program.function(), program.function())
    requests, _ = run(start(program, exception, target))
    assert requests == [RaiseStatus(NtStatus.BAD_STACK, RECORDS, FRAMES.records_return)]
    failed = program.events[-1]
    assert isinstance(failed, DispatchFailed)
    assert "is past the target" in failed.reason


def test_a_target_above_the_stack(program: Program) -> None:
    exception = program.exception(program.function())
    requests, _ = run(start(program, exception, (1 << 64) - 8))
    assert requests == [RaiseStatus(NtStatus.BAD_STACK, RECORDS, FRAMES.records_return)]


def collide_at(program: Program, functions: list[int], depth: int, scope_index: int = 0) -> Callable[[Request], int]:
    def collide(request: Request) -> int:
        context = Context(rip=IMAGE_BASE + functions[depth] + 0x20)
        context.gpr[RSP] = frame_of(depth)
        program.memory.write(0x20_0000, context.pack())
        for name, value in (
            ("ControlPc", context.rip),
            ("EstablisherFrame", frame_of(depth)),
            ("ContextRecord", 0x20_0000),
            ("ScopeIndex", scope_index),
        ):
            program.memory.write_u64(DISPATCHER + getattr(DISPATCHER_CONTEXT, name).offset, value)
        return ExceptionDisposition.COLLIDED_UNWIND

    return collide


def test_collided_goes_on_where_the_other_stood(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(4)]
    exception = program.exception(*functions)
    seen: list[int] = []

    def note(request: Request) -> int:
        seen.append(int.from_bytes(program.memory.read(exception.record_address + 4, 4), "little"))
        return SEARCH

    answers = [collide_at(program, functions, 2), note, note]
    requests, _ = run(start(program, exception, frame_of(3)), answers)
    frames = [request.arguments[1] for request in requests if isinstance(request, CallGuest)]
    assert frames == [frame_of(0), frame_of(2), frame_of(3)]
    assert seen == [0x42, 0x22], "EXCEPTION_COLLIDED_UNWIND for the frame it collided in"
    assert isinstance(requests[-1], Land)


def test_collided_in_the_target(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(2)]
    exception = program.exception(*functions)
    requests, _ = run(start(program, exception, frame_of(1)), [collide_at(program, functions, 1), SEARCH])
    assert isinstance(requests[-1], Land)
    assert requests[-1].context.gpr[RSP] == frame_of(1)


def test_collided_never_leads_down(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(2)]
    exception = program.exception(*functions)
    requests, _ = run(start(program, exception, frame_of(1)), [collide_at(program, functions, 0)])
    assert requests[1:] == [RaiseStatus(NtStatus.BAD_STACK, RECORDS, FRAMES.records_return)]


def test_collided_never_leads_off_the_stack(program: Program) -> None:
    """Structures all over memory could lead from one to the next for as long as there is memory."""
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(2)]
    exception = program.exception(*functions)

    def collide(request: Request) -> int:
        answer = collide_at(program, functions, 1)(request)
        program.memory.write_u64(DISPATCHER + DISPATCHER_CONTEXT.EstablisherFrame.offset, STACK.high)
        return answer

    requests, _ = run(start(program, exception, frame_of(1)), [collide])
    assert requests[1:] == [RaiseStatus(NtStatus.BAD_STACK, RECORDS, FRAMES.records_return)]


def test_collided_with_a_context_that_cannot_be_unwound(program: Program) -> None:
    functions = [program.function(UNW_FLAG_UHANDLER) for _ in range(2)]
    exception = program.exception(*functions)

    def collide(request: Request) -> int:
        answer = collide_at(program, functions, 1)(request)
        context = Context(rip=0x5555)
        context.gpr[RSP] = 0x10
        program.memory.write(0x20_0000, context.pack())
        return answer

    requests, _ = run(start(program, exception, frame_of(1)), [collide])
    assert requests[1:] == [RaiseStatus(NtStatus.BAD_STACK, RECORDS, FRAMES.records_return)]
