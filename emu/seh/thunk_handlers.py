# SPDX-License-Identifier: GPL-2.0-or-later
"""The handlers of the two thunk frames: all that nested exceptions and collided unwinds need."""

from __future__ import annotations

from emu.address import Gva
from emu.nt.exception_record import ExceptionDisposition
from emu.seh.environment import Environment
from emu.seh.frames import THUNK_SAVED_DISPATCHER_CONTEXT
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import Steps

_ESTABLISHER_FRAME = 0x18


def nested_exception_handler(environment: Environment, call: HandlerCall) -> Steps:
    """Tell a search that passes a handler of an earlier search which frame that handler was called for."""
    yield from ()
    if call.exception.unwinding:
        return ExceptionDisposition.CONTINUE_SEARCH
    saved = environment.memory.read_u64(Gva(call.establisher + THUNK_SAVED_DISPATCHER_CONTEXT))
    call.establisher = environment.memory.read_u64(Gva(saved + _ESTABLISHER_FRAME))
    return ExceptionDisposition.NESTED_EXCEPTION


def collided_unwind_handler(environment: Environment, call: HandlerCall) -> Steps:
    """Hand a walk that passes a handler of an earlier unwind the place where that unwind stood."""
    yield from ()
    saved = environment.memory.read_u64(Gva(call.establisher + THUNK_SAVED_DISPATCHER_CONTEXT))
    call.take_over(environment.memory, saved)
    return ExceptionDisposition.COLLIDED_UNWIND
