# SPDX-License-Identifier: GPL-2.0-or-later
"""RtlDispatchException, step by step, on a stack without a machine."""

import struct
from collections.abc import Callable

import pytest

from emu.address import Gva
from emu.events import DispatchFailed, ExecutionContinued, FrameSearched
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import EXCEPTION_RECORD64, ExceptionDisposition
from emu.nt.status import NtStatus
from emu.nt.unwind import UNW_FLAG_EHANDLER, UNW_FLAG_UHANDLER
from emu.seh import frames as f
from emu.seh.context import RBP, RSP, Context
from emu.seh.dispatch import HANDLED, UNHANDLED, BadFrame, dispatch_exception, unwind_frame
from emu.seh.handler_call import PendingException
from emu.seh.requests import CallGuest, RaiseStatus, Request, Steps
from tests.seh.dispatches import FRAME_SIZE, FRAMES, HANDLER, RECORDS, STACK, TOP, Program, frame_of, run
from tests.seh.unwind_images import IMAGE_BASE, encode_unwind_info, set_frame

DISPATCHER = RECORDS + f.DISPATCHER_CONTEXT

SEARCH = ExceptionDisposition.CONTINUE_SEARCH
CONTINUE = ExceptionDisposition.CONTINUE_EXECUTION


@pytest.fixture
def program() -> Program:
    return Program()


def start(program: Program, exception: PendingException) -> Steps:
    return dispatch_exception(program.environment(), exception, STACK, RECORDS)


def flags(program: Program) -> int:
    record = EXCEPTION_RECORD64.from_buffer_copy(program.memory.read(RECORDS + f.EXCEPTION_RECORD, 0x98))
    return int(record.ExceptionFlags)


def dispatcher_context(program: Program) -> DISPATCHER_CONTEXT:
    return DISPATCHER_CONTEXT.from_buffer_copy(program.memory.read(DISPATCHER, 0x50))


class TestWalk:
    def test_functions_without_handlers(self, program: Program) -> None:
        functions = [program.function() for _ in range(3)]
        exception = program.exception(*functions)
        requests, result = run(start(program, exception))
        assert (requests, result) == ([], UNHANDLED)
        searched = [event for event in program.events if isinstance(event, FrameSearched)]
        assert [event.establisher for event in searched[:3]] == [frame_of(depth) for depth in range(3)]
        assert [event.pc - IMAGE_BASE for event in searched[:3]] == [begin + 0x20 for begin in functions]

    def test_handlers_for_the_unwind_alone_are_not_asked(self, program: Program) -> None:
        exception = program.exception(program.function(UNW_FLAG_UHANDLER))
        assert run(start(program, exception)) == ([], UNHANDLED)

    def test_leaf_functions(self, program: Program) -> None:
        handler = program.function(UNW_FLAG_EHANDLER)
        exception = program.exception(handler)
        exception.context.rip = 0x7777
        exception.context.gpr[RSP] = TOP - 8
        program.memory.write_u64(TOP - 8, IMAGE_BASE + handler + 0x30)
        (request,), _ = run(start(program, exception))
        assert isinstance(request, CallGuest)
        assert request.arguments[1] == TOP

    def test_the_exceptions_context_stays(self, program: Program) -> None:
        exception = program.exception(program.function(), program.function())
        before = exception.context.pack()
        run(start(program, exception))
        assert exception.context.pack() == before


class TestCall:
    def test_is_made_through_the_thunk(self, program: Program) -> None:
        function = program.function(UNW_FLAG_EHANDLER, b"DATA")
        exception = program.exception(program.function(), function)
        (request,), _ = run(start(program, exception))
        assert request == CallGuest(
            FRAMES.search_thunk,
            (exception.record_address, frame_of(1), exception.context_address, DISPATCHER),
            RECORDS,
            FRAMES.records_return,
        )

    def test_dispatcher_context(self, program: Program) -> None:
        function = program.function(UNW_FLAG_EHANDLER, b"DATA")
        run(start(program, program.exception(function)))
        context = dispatcher_context(program)
        assert context.ControlPc == IMAGE_BASE + function + 0x20
        assert context.ImageBase == IMAGE_BASE
        assert context.FunctionEntry == IMAGE_BASE + 0x3000
        assert context.EstablisherFrame == TOP
        assert context.TargetIp == 0
        assert context.LanguageHandler == HANDLER
        assert program.memory.read(context.HandlerData, 4) == b"DATA"
        assert context.HistoryTable == 0
        assert context.ScopeIndex == 0
        working = Context.unpack(program.memory.read(context.ContextRecord, 0x4D0))
        assert working.gpr[RSP] == TOP + FRAME_SIZE + 8, "unwound already"

    def test_every_frame_with_a_handler(self, program: Program) -> None:
        functions = [program.function(UNW_FLAG_EHANDLER) for _ in range(3)]
        requests, result = run(start(program, program.exception(*functions)), [SEARCH] * 3)
        assert result == UNHANDLED
        assert [request.arguments[1] for request in requests if isinstance(request, CallGuest)] == [
            frame_of(depth) for depth in range(3)
        ]


class TestDispositions:
    def test_continue_execution(self, program: Program) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER))
        _, result = run(start(program, exception), [CONTINUE])
        assert result == HANDLED
        assert isinstance(program.events[-1], ExecutionContinued)

    def test_only_the_low_half_counts(self, program: Program) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER))
        _, result = run(start(program, exception), [0x1234_5678_0000_0000])
        assert result == HANDLED

    @pytest.mark.parametrize("disposition", [4, 0xFFFF_FFFF, 0x8000_0000])
    def test_invalid(self, program: Program, disposition: int) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER))
        requests, _ = run(start(program, exception), [disposition])
        assert requests[-1] == RaiseStatus(NtStatus.INVALID_DISPOSITION, RECORDS, FRAMES.records_return)

    def test_continue_execution_of_a_noncontinuable(self, program: Program) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER), flags=1)
        requests, _ = run(start(program, exception), [CONTINUE])
        assert requests[-1] == RaiseStatus(NtStatus.NONCONTINUABLE_EXCEPTION, RECORDS, FRAMES.records_return)

    def test_a_handler_may_make_it_noncontinuable(self, program: Program) -> None:
        functions = [program.function(UNW_FLAG_EHANDLER) for _ in range(2)]

        def poke(request: Request) -> int:
            program.memory.write(RECORDS + f.EXCEPTION_RECORD + 4, b"\x01\0\0\0")
            return SEARCH

        requests, _ = run(start(program, program.exception(*functions)), [poke, CONTINUE])
        assert isinstance(requests[-1], RaiseStatus)

    def test_nested_marks_the_record_up_to_the_frame(self, program: Program) -> None:
        """The flag is set for every handler below the frame that the answer named, and for that one's own."""
        functions = [program.function(UNW_FLAG_EHANDLER) for _ in range(4)]
        seen: list[int] = []

        def note(answer: int, frame: int | None = None) -> Callable[[Request], int]:
            def answer_it(request: Request) -> int:
                seen.append(flags(program))
                if frame is not None:
                    program.memory.write_u64(DISPATCHER + DISPATCHER_CONTEXT.EstablisherFrame.offset, frame)
                return answer

            return answer_it

        nested = ExceptionDisposition.NESTED_EXCEPTION
        answers = [note(nested, frame_of(2)), note(SEARCH), note(SEARCH), note(SEARCH)]
        _, result = run(start(program, program.exception(*functions)), answers)
        assert result == UNHANDLED
        assert seen == [0, 0x10, 0x10, 0]

    def test_collided_goes_on_where_it_is_told(self, program: Program) -> None:
        functions = [program.function(UNW_FLAG_EHANDLER) for _ in range(4)]
        other = program.memory

        def collide(request: Request) -> int:
            context = Context(rip=IMAGE_BASE + functions[2] + 0x20)
            context.gpr[RSP] = frame_of(2)
            other.write(0x20_0000, context.pack())
            other.write(
                DISPATCHER,
                struct.pack(
                    "<9QI4x",
                    context.rip,
                    IMAGE_BASE,
                    0,
                    frame_of(2),
                    0,
                    0x20_0000,
                    HANDLER,
                    0x30_0000,
                    0,
                    3,
                ),
            )
            return ExceptionDisposition.COLLIDED_UNWIND

        requests, result = run(start(program, program.exception(*functions)), [collide, SEARCH, SEARCH])
        frames = [request.arguments[1] for request in requests if isinstance(request, CallGuest)]
        assert frames == [frame_of(0), frame_of(2), frame_of(3)]
        assert result == UNHANDLED

    @pytest.mark.parametrize("frame", [0, TOP - 8, TOP, TOP + 0x100 + 4, STACK.high, (1 << 64) - 8])
    def test_collided_never_leads_down_nor_off_the_stack(self, program: Program, frame: int) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER), program.function())

        def collide(request: Request) -> int:
            program.memory.write_u64(DISPATCHER + DISPATCHER_CONTEXT.EstablisherFrame.offset, frame)
            return ExceptionDisposition.COLLIDED_UNWIND

        requests, result = run(start(program, exception), [collide] * 5)
        assert (len(requests), result) == (1, UNHANDLED)
        assert exception.flags & 8, "EXCEPTION_STACK_INVALID"
        assert isinstance(program.events[-1], DispatchFailed)


class TestBadStacks:
    @pytest.mark.parametrize("stack_pointer", [0, 8, STACK.low - 8, STACK.high + 8, TOP + 4, TOP + 1, (1 << 64) - 8])
    def test_outside_or_misaligned(self, program: Program, stack_pointer: int) -> None:
        exception = program.exception(program.function(UNW_FLAG_EHANDLER))
        exception.context.gpr[RSP] = stack_pointer
        assert run(start(program, exception)) == ([], UNHANDLED)
        assert exception.flags & 8
        (failed,) = program.events
        assert isinstance(failed, DispatchFailed)

    def test_at_its_end_nothing_is_wrong(self, program: Program) -> None:
        exception = program.exception(program.function())
        exception.context.gpr[RSP] = STACK.high
        assert run(start(program, exception)) == ([], UNHANDLED)
        assert not exception.flags
        assert program.events == []

    def test_a_caller_below(self, program: Program) -> None:
        """RSP has to rise from frame to frame: here it comes from a frame register."""
        program.image.place(0x1000, encode_unwind_info([set_frame(0)], frame_register=RBP))
        program.image.function(0x100, 0x200, 0x1000)
        context = Context(rip=IMAGE_BASE + 0x120)
        context.gpr[RSP], context.gpr[RBP] = TOP, TOP - 8
        with pytest.raises(BadFrame, match="is not above"):
            unwind_frame(program.environment(), context, UNW_FLAG_EHANDLER)

    def test_a_stack_that_ends(self, program: Program) -> None:
        context = Context(rip=0x5555)
        context.gpr[RSP] = 0x10
        with pytest.raises(BadFrame, match="the stack cannot be read"):
            unwind_frame(program.environment(), context, UNW_FLAG_EHANDLER)

    def test_a_leaf_that_returns_to_itself(self, program: Program) -> None:
        context = Context(rip=0x5555)
        context.gpr[RSP] = TOP
        program.memory.write_u64(TOP, 0x5555)
        with pytest.raises(BadFrame, match="returns to itself"):
            unwind_frame(program.environment(), context, UNW_FLAG_EHANDLER)


def test_software_origin_survives_the_search(program: Program) -> None:
    exception = program.exception(program.function(UNW_FLAG_EHANDLER), flags=0xFF)
    run(start(program, exception))
    assert flags(program) == 0x81
    assert exception.context_address == Gva(RECORDS + f.ORIGINAL_CONTEXT)
