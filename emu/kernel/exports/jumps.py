# SPDX-License-Identifier: GPL-2.0-or-later
"""setjmp and longjmp, as compilers call them."""

from __future__ import annotations

from typing import Final

from emu.address import Gva
from emu.kernel.exports.unwinding import caller_context, resume, unwind_steps
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.status import NtStatus
from emu.seh.context import RAX
from emu.seh.jump_buffer import JUMP_BUFFER_SIZE, pack_jump_buffer, restore_jump_buffer
from emu.seh.requests import Steps


def setjmp(call: ExportCall) -> int:
    """_setjmp(buffer, frame) and _setjmpex: a frame of 0 asks for jumps that unwind nothing."""
    call.system.write_guest(Gva(call.argument(0)), pack_jump_buffer(caller_context(call), call.argument(1)))
    return 0


def longjmp(call: ExportCall) -> Steps:
    """longjmp(buffer, value): an unwind to the buffer's frame, or where it has none, the registers alone."""
    buffer, value = call.argument(0), call.argument(1) & 0xFFFF_FFFF or 1
    data = call.system.read_guest(Gva(buffer), JUMP_BUFFER_SIZE)
    frame, target = int.from_bytes(data[:8], "little"), int.from_bytes(data[0x50:0x58], "little")
    if frame:
        record = (int(NtStatus.LONGJUMP), 0, 0, int(call.caller), (buffer,))
        return unwind_steps(call, frame, target, 0, record, value)
    context = caller_context(call)
    context.gpr[RAX] = value
    restore_jump_buffer(context, data)
    return resume(context)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "_setjmp": setjmp,
    "_setjmpex": setjmp,
    "longjmp": longjmp,
}
