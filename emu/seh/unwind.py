# SPDX-License-Identifier: GPL-2.0-or-later
"""The unwind phase: RtlUnwindEx. Frame by frame, `__finally` blocks run, until the target's `__except` is landed in.

An exit unwind, whose target frame is null, goes to the end of the stack. Then nobody is left to handle its exception.
"""

from __future__ import annotations

from emu.address import Gva
from emu.events import DispatchFailed, FrameUnwound, Landed
from emu.memory.errors import NotMapped
from emu.nt.exception_record import (
    EXCEPTION_COLLIDED_UNWIND,
    EXCEPTION_EXIT_UNWIND,
    EXCEPTION_TARGET_UNWIND,
    EXCEPTION_UNWINDING,
    ExceptionDisposition,
)
from emu.nt.status import NtStatus
from emu.nt.unwind import UNW_FLAG_UHANDLER
from emu.seh.context import RAX, RSP, Context
from emu.seh.dispatch import BadFrame, check_collision, unwind_frame
from emu.seh.environment import Environment
from emu.seh.handler_call import HandlerCall, PendingException, execute_handler
from emu.seh.requests import GiveUp, Land, RaiseStatus, Steps
from emu.seh.restore import complete_context, is_long_jump
from emu.seh.unwind_info import UnwindError


def unwind_to(
    environment: Environment,
    exception: PendingException,
    target_frame: int,
    target_ip: int,
    return_value: int,
    context: Context,
    records: int,
    parent: HandlerCall | None,
) -> Steps:
    """Unwind from `context` to `target_frame` and land at `target_ip` with RAX = `return_value`. Does not come back.

    `records` is RSP of the unwind's own records frame; `parent` the handler call that asked for the unwind, where
    its frames are still to be written. A `target_frame` of 0 asks for an exit unwind. A frame that is no frame raises
    STATUS_BAD_STACK.
    """
    to_the_end = target_frame == 0
    flags = EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND if to_the_end else EXCEPTION_UNWINDING
    while True:
        if to_the_end and not environment.stack.contains(context.gpr[RSP]):
            yield GiveUp(exception.record)
            raise AssertionError("nothing comes after the end of the stack")
        caller = context.copy()
        pc = context.rip
        try:
            frame, base = unwind_frame(environment, caller, UNW_FLAG_UHANDLER)
            establisher = int(frame.establisher)
            if not environment.stack.holds(establisher):
                raise BadFrame(f"frame {establisher:#x} is not on the stack, or not aligned")
            if establisher > target_frame and not to_the_end:
                raise BadFrame(f"frame {establisher:#x} is past the target {target_frame:#x}")
        except BadFrame as error:
            yield from _raise_bad_stack(environment, pc, str(error), records)
            raise AssertionError("a raised status does not return") from None
        environment.emit(FrameUnwound(Gva(pc), frame.establisher, frame.handler))
        if frame.handler is not None and frame.handler_data is not None:
            call = HandlerCall(
                exception,
                records,
                pc,
                base,
                establisher,
                context,
                frame.handler,
                frame.handler_data,
                target_ip,
                parent,
                unwinding=True,
            )
            while True:
                if call.establisher == target_frame:
                    flags |= EXCEPTION_TARGET_UNWIND
                exception.flags = flags
                call.context.gpr[RAX] = return_value
                try:
                    disposition = yield from execute_handler(environment, call)
                    if disposition == ExceptionDisposition.COLLIDED_UNWIND:
                        # The other unwind stood further up: this one goes on from there.
                        check_collision(environment.stack, establisher, call)
                        establisher, context = call.establisher, call.context
                        caller = context.copy()
                        unwind_frame(environment, caller, UNW_FLAG_UHANDLER)
                except (UnwindError, NotMapped, BadFrame) as error:
                    if isinstance(error, NotMapped) and environment.stack.is_overrun_at(error.address):
                        raise
                    text = str(error) if isinstance(error, BadFrame) else f"the handler's data cannot be read: {error}"
                    yield from _raise_bad_stack(environment, pc, text, records)
                    raise AssertionError("a raised status does not return") from None
                flags &= ~(EXCEPTION_COLLIDED_UNWIND | EXCEPTION_TARGET_UNWIND)
                if disposition != ExceptionDisposition.COLLIDED_UNWIND:
                    break
                flags |= EXCEPTION_COLLIDED_UNWIND
            if disposition != ExceptionDisposition.CONTINUE_SEARCH:
                yield RaiseStatus(NtStatus.INVALID_DISPOSITION, records, environment.frames.records_return)
            context = call.context  # a handler at the target may have written to it
        if establisher == target_frame:
            break
        context = caller
    context.gpr[RAX] = return_value
    yield from _land(environment, exception, context, target_frame, target_ip, records)
    raise AssertionError(f"a landing at {context.gpr[RSP]:#x} does not return")


def _raise_bad_stack(environment: Environment, pc: int, reason: str, records: int) -> Steps:
    environment.emit(DispatchFailed(Gva(pc), reason))
    yield RaiseStatus(NtStatus.BAD_STACK, records, environment.frames.records_return)
    raise AssertionError("a raised status does not return")


def _land(
    environment: Environment,
    exception: PendingException,
    context: Context,
    target_frame: int,
    target_ip: int,
    records: int,
) -> Steps:
    """Go on in the target frame, as the exception's record says."""
    code = exception.record.code
    if code != NtStatus.UNWIND_CONSOLIDATE:
        context.rip = target_ip
        if code != NtStatus.LONGJUMP:
            exception.overwrite_code(environment.memory, NtStatus.UNWIND)
    yield from complete_context(environment, context, exception, records, Gva(target_frame))
    environment.emit(Landed(Gva(context.rip), Gva(target_frame)))
    yield Land(context, exception.final_record(), context.mxcsr if is_long_jump(exception.record) else None)
    raise AssertionError(f"a landing at {context.gpr[RSP]:#x} does not return")
