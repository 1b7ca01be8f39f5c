# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a trap's frame on the guest's stack, as the processor and the trap handler's prologue would."""

from __future__ import annotations

from struct import Struct
from typing import Final

from emu.cpu.registers import (
    FLAG_AC,
    FLAG_IF,
    KERNEL_CODE_SELECTOR,
    KERNEL_STACK_SELECTOR,
)
from emu.cpu.trap import Trap
from emu.seh import context as c

SIZE: Final = 0x190
FRAME_POINTER: Final = 0x80
"""Trap handlers keep RBP this far into the frame."""

ALWAYS_SET: Final = 1 << 1
"""Bit 1 of RFLAGS."""

_FRAME = Struct(
    "<40x4xI"  # home space and P5; PreviousMode to ExceptionActive, MxCsr
    "7Q8x"  # Rax, Rcx, Rdx, R8 to R11; GsBase
    "96sQ"  # Xmm0 to Xmm5; FaultAddress
    "104x"  # debug registers to SegGs and TrapFrame
    "4Q"  # Rbx, Rdi, Rsi, Rbp
    "6Q"  # ErrorCode, Rip, SegCs, EFlags, Rsp, SegSs
)
assert _FRAME.size == SIZE


def frame_below(stack_pointer: int) -> int:
    """Return where the frame of a trap lies: the processor aligns RSP to 16 first (Intel SDM Vol. 3, 6.14.2)."""
    return (stack_pointer & ~0xF) - SIZE


def pack_trap_frame(trap: Trap, context: c.Context) -> bytes:
    """Return the KTRAP_FRAME of a trap in kernel mode."""
    gpr = context.gpr
    return _FRAME.pack(
        context.mxcsr,
        gpr[c.RAX],
        gpr[c.RCX],
        gpr[c.RDX],
        *gpr[8:12],
        context.xmm[:96],
        trap.address,
        gpr[c.RBX],
        gpr[c.RDI],
        gpr[c.RSI],
        gpr[c.RBP],
        trap.error_code,
        context.rip,
        KERNEL_CODE_SELECTOR,
        context.eflags,
        gpr[c.RSP],
        KERNEL_STACK_SELECTOR,
    )


def entry_flags(rflags: int, kernel_entry_ac: bool) -> int:
    """Return RFLAGS as handlers find it: IF as it was, AC by the kernel's policy, everything else clear."""
    return rflags & FLAG_IF | ALWAYS_SET | (FLAG_AC if kernel_entry_ac else 0)
