# SPDX-License-Identifier: GPL-2.0-or-later
"""_JUMP_BUFFER (setjmp.h of the x64 C runtime): what `setjmp` keeps and `longjmp` brings back."""

from __future__ import annotations

from struct import Struct
from typing import Final

from emu.seh.context import RBP, RBX, RDI, RSI, RSP, Context

_JUMP_BUFFER: Final = Struct("<11QQ160s")
"""Frame; Rbx, Rsp, Rbp, Rsi, Rdi, R12 to R15, Rip; MxCsr, FpCsr; Xmm6 to Xmm15."""

JUMP_BUFFER_SIZE: Final = _JUMP_BUFFER.size
_GENERAL: Final = (RBX, RSP, RBP, RSI, RDI, 12, 13, 14, 15)
_XMM_6: Final = 16 * 6

X87_CONTROL_WORD: Final = 0x027F
"""As a fresh thread has it."""


def restore_jump_buffer(context: Context, data: bytes) -> None:
    """Put a jump buffer's registers into a context. x87 state is not carried."""
    _, *general, rip, control, xmm = _JUMP_BUFFER.unpack(data)
    for register, value in zip(_GENERAL, general, strict=True):
        context.gpr[register] = value
    context.rip, context.mxcsr = rip, control & 0xFFFF_FFFF
    context.xmm = context.xmm[:_XMM_6] + xmm


def pack_jump_buffer(context: Context, frame: int) -> bytes:
    """Return the jump buffer that leads back to a context."""
    general = (context.gpr[register] for register in _GENERAL)
    return _JUMP_BUFFER.pack(frame, *general, context.rip, context.mxcsr | X87_CONTROL_WORD << 32, context.xmm[_XMM_6:])
