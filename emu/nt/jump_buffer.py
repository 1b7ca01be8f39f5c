# SPDX-License-Identifier: GPL-2.0-or-later
"""_JUMP_BUFFER: what `_setjmp` fills and `longjmp` reads."""

from ctypes import LittleEndianStructure, c_uint16, c_uint32, c_uint64

from emu.nt.context import M128A


class JUMP_BUFFER(LittleEndianStructure):
    """The non-volatile state (setjmp.h _JUMP_BUFFER for x64, 0x100 bytes).

    A Frame of 0 asks `longjmp` for a plain register restore instead of an unwind.
    """

    _fields_ = (
        ("Frame", c_uint64),
        *((name, c_uint64) for name in ("Rbx", "Rsp", "Rbp", "Rsi", "Rdi")),
        *((name, c_uint64) for name in ("R12", "R13", "R14", "R15", "Rip")),
        ("MxCsr", c_uint32),
        ("FpCsr", c_uint16),
        ("Spare", c_uint16),
        *((f"Xmm{number}", M128A) for number in range(6, 16)),
    )
