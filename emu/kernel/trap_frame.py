# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a trap's frame lies on the guest's stack, and RFLAGS as its handler begins."""

from __future__ import annotations

from typing import Final

from emu.cpu.registers import (
    FLAG_AC,
    FLAG_IF,
)

SIZE: Final = 0x190
FRAME_POINTER: Final = 0x80
"""Trap handlers keep RBP this far into the frame."""

ALWAYS_SET: Final = 1 << 1
"""Bit 1 of RFLAGS."""


def frame_below(stack_pointer: int) -> int:
    """Return where the frame of a trap lies: the processor aligns RSP to 16 first (Intel SDM Vol. 3, 6.14.2)."""
    return (stack_pointer & ~0xF) - SIZE


def entry_flags(rflags: int, kernel_entry_ac: bool) -> int:
    """Return RFLAGS as handlers find it: IF as it was, AC by the kernel's policy, everything else clear."""
    return rflags & FLAG_IF | ALWAYS_SET | (FLAG_AC if kernel_entry_ac else 0)
