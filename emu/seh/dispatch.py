# SPDX-License-Identifier: GPL-2.0-or-later
"""The search phase: RtlDispatchException (Microsoft Learn, "x64 exception handling").

Every frame between the exception and the end of the stack is unwound on a copy of the context, and its language
handler asked. A handler that accepts the exception starts the unwind phase itself and does not come back.
"""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.events import DispatchFailed, ExecutionContinued, FrameSearched
from emu.memory.errors import NotMapped
from emu.nt.exception_record import (
    EXCEPTION_NESTED_CALL,
    EXCEPTION_NONCONTINUABLE,
    EXCEPTION_SOFTWARE_ORIGINATE,
    EXCEPTION_STACK_INVALID,
    ExceptionDisposition,
)
from emu.nt.status import NtStatus
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.context import RSP, Context
from emu.seh.environment import Environment, StackLimits
from emu.seh.handler_call import HandlerCall, PendingException, execute_handler
from emu.seh.requests import RaiseStatus, Steps
from emu.seh.unwind_info import UnwindError
from emu.seh.virtual_unwind import Frame, unwind_leaf

HANDLED: Final = 1
UNHANDLED: Final = 0


class BadFrame(Exception):
    """A frame cannot be unwound; the text says why."""


def unwind_frame(environment: Environment, context: Context, handler_type: int) -> tuple[Frame, int]:
    """Turn a context into its caller's, and return the frame and the base of its image (0 for none).

    Raises `BadFrame`. RSP must rise from frame to frame, by which every walk ends: Windows does not ask for that,
    but no compiler's frame breaks it.
    """
    pc, stack_pointer = context.rip, context.gpr[RSP]
    image = environment.find_image(pc)
    try:
        if image is None:
            frame, base = unwind_leaf(context, environment.memory), 0
        else:
            frame = image.virtual_unwind(Gva(pc), context, environment.memory, handler_type)
            base = image.base
    except UnwindError as error:
        raise BadFrame(f"bad function table: {error}") from None
    except NotMapped as error:
        raise BadFrame(f"the stack cannot be read: {error}") from None
    if context.gpr[RSP] <= stack_pointer:
        raise BadFrame(f"the caller's RSP {context.gpr[RSP]:#x} is not above {stack_pointer:#x}")
    return frame, base


def check_collision(stack: StackLimits, establisher: int, call: HandlerCall) -> None:
    """Check where a handler at `establisher` sends the walk on. Raises `BadFrame`.

    What it says is the guest's to write. It has to lead upwards and stay on the stack, or the walk would never end.
    """
    if call.establisher <= establisher or not stack.holds(call.establisher):
        raise BadFrame(f"a collided unwind leads from frame {establisher:#x} to {call.establisher:#x}")


def dispatch_exception(
    environment: Environment, exception: PendingException, limits: StackLimits, records: int
) -> Steps:
    """Search for a handler from the exception's context on.

    `records` is RSP of the frame whose records the exception's structures are. The result is `HANDLED` where a
    filter answered EXCEPTION_CONTINUE_EXECUTION: go on from the context in guest memory, which it may have changed;
    and `UNHANDLED` where no frame took the exception or the stack is bad.
    """
    context = exception.context.copy()
    flags = exception.flags & (EXCEPTION_NONCONTINUABLE | EXCEPTION_SOFTWARE_ORIGINATE)
    nested_frame = 0
    emit = environment.emit
    while limits.contains(context.gpr[RSP]):
        pc = context.rip
        try:
            frame, base = unwind_frame(environment, context, UNW_FLAG_EHANDLER)
            if not limits.holds(frame.establisher):
                raise BadFrame(f"frame {frame.establisher:#x} is not on the stack, or not aligned")
        except BadFrame as error:
            exception.flags = flags | EXCEPTION_STACK_INVALID
            emit(DispatchFailed(Gva(pc), str(error)))
            return UNHANDLED
        emit(FrameSearched(Gva(pc), frame.establisher, frame.handler))
        if frame.handler is None or frame.handler_data is None:
            continue
        establisher = int(frame.establisher)
        call = HandlerCall(exception, records, pc, base, establisher, context, frame.handler, frame.handler_data)
        while True:
            exception.flags = flags
            try:
                disposition = yield from execute_handler(environment, call)
            except (UnwindError, NotMapped) as error:
                if isinstance(error, NotMapped) and limits.is_overrun_at(error.address):
                    raise
                exception.flags = flags | EXCEPTION_STACK_INVALID
                emit(DispatchFailed(Gva(pc), f"the handler's data cannot be read: {error}"))
                return UNHANDLED
            flags |= exception.flags & EXCEPTION_NONCONTINUABLE
            if nested_frame == establisher:
                flags &= ~EXCEPTION_NESTED_CALL
                nested_frame = 0
            if disposition != ExceptionDisposition.COLLIDED_UNWIND:
                break
            # An unwind was under way in that frame: go on behind what it had already passed.
            context = call.context
            try:
                check_collision(limits, establisher, call)
                unwind_frame(environment, context, UNW_FLAG_EHANDLER)
            except BadFrame as error:
                exception.flags = flags | EXCEPTION_STACK_INVALID
                emit(DispatchFailed(Gva(call.control_pc), str(error)))
                return UNHANDLED
            establisher = call.establisher
        if disposition == ExceptionDisposition.CONTINUE_EXECUTION:
            if flags & EXCEPTION_NONCONTINUABLE:
                yield RaiseStatus(NtStatus.NONCONTINUABLE_EXCEPTION, records, environment.frames.records_return)
            emit(ExecutionContinued(exception.record.exception_address))
            return HANDLED
        if disposition == ExceptionDisposition.NESTED_EXCEPTION:
            flags |= EXCEPTION_NESTED_CALL
            nested_frame = max(nested_frame, call.establisher)
        elif disposition != ExceptionDisposition.CONTINUE_SEARCH:
            yield RaiseStatus(NtStatus.INVALID_DISPOSITION, records, environment.frames.records_return)
        context = call.context
    exception.flags = flags
    if context.gpr[RSP] != limits.high:
        exception.flags |= EXCEPTION_STACK_INVALID
        emit(DispatchFailed(Gva(context.rip), f"RSP {context.gpr[RSP]:#x} is not on the stack"))
    return UNHANDLED
