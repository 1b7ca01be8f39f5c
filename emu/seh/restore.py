# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of an unwind: two kinds of record that RtlRestoreContext does not simply go on from a context for.

The record of a long jump takes the registers from its jump buffer. That of a consolidated unwind (a C++ `catch`) has a
callback decide where to go on: it runs below all that was unwound, whose objects it may still use, on a frame that
leads straight into the target's.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from emu.address import Gva
from emu.events import FramesConsolidated
from emu.memory.errors import NotMapped
from emu.nt.status import NtStatus
from emu.outcome import ExceptionRecord
from emu.seh import frames as f
from emu.seh.context import KERNEL_CS, KERNEL_SS, RBP, RBX, RDI, RSI, RSP, Context
from emu.seh.environment import Environment
from emu.seh.handler_call import PendingException
from emu.seh.jump_buffer import JUMP_BUFFER_SIZE, restore_jump_buffer
from emu.seh.requests import CallGuest, RaiseStatus, Steps

_XMM_6: Final = 16 * 6
_SAVED: Final = (RBX, RBP, RSI, RDI, 12, 13, 14, 15)
_CONSOLIDATION: Final = Struct("<160s8Q5Q")
"""Xmm6 to Xmm15; the registers of `_SAVED`; Rip, CS, EFLAGS, Rsp, SS (guest/kernel/consolidation.S)."""


def is_long_jump(record: ExceptionRecord) -> bool:
    """Tell whether a record names a jump buffer to go on from."""
    return record.code == NtStatus.LONGJUMP and bool(record.information)


def complete_context(
    environment: Environment, context: Context, exception: PendingException, stack_pointer: int, target_frame: Gva
) -> Steps:
    """Make of a context what the exception's record says; a record of another kind changes nothing.

    `stack_pointer` is RSP of the lowest frame in use. A jump buffer that is not there raises
    STATUS_ACCESS_VIOLATION.
    """
    record, memory = exception.record, environment.memory
    if is_long_jump(record):
        try:
            buffer = memory.read(Gva(record.information[0]), JUMP_BUFFER_SIZE)
        except NotMapped:
            yield RaiseStatus(NtStatus.ACCESS_VIOLATION, stack_pointer, environment.frames.records_return)
            raise AssertionError("a raised status does not return") from None
        restore_jump_buffer(context, buffer)
    elif record.code == NtStatus.UNWIND_CONSOLIDATE and record.information:
        callback = Gva(record.information[0])
        environment.emit(FramesConsolidated(callback, target_frame))
        stack = f.consolidation_below(stack_pointer)
        memory.write(Gva(stack + f.CONSOLIDATION_SAVED), _pack_consolidation(context))
        returns_to = environment.frames.consolidation_return
        context.rip = yield CallGuest(callback, (exception.record_address,), stack, returns_to)
    return 0


def _pack_consolidation(context: Context) -> bytes:
    gpr = context.gpr
    return _CONSOLIDATION.pack(
        context.xmm[_XMM_6:],
        *(gpr[register] for register in _SAVED),
        context.rip,
        KERNEL_CS,
        context.eflags,
        gpr[RSP],
        KERNEL_SS,
    )
