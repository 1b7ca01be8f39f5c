# SPDX-License-Identifier: GPL-2.0-or-later
"""Jump thunks: how a linker reaches an imported function that is called, or named as a language handler, by name."""

from typing import Final

JUMP_THUNK: Final = b"\xff\x25"
"""jmp [rip + displacement]."""
THUNK_SIZE: Final = 6


def thunk_slot(code: bytes, rva: int) -> int | None:
    """Return the RVA of the import address that a jump thunk at an RVA goes through; None where the code is none."""
    if code[:2] != JUMP_THUNK or len(code) < THUNK_SIZE:
        return None
    return rva + THUNK_SIZE + int.from_bytes(code[2:THUNK_SIZE], "little", signed=True)
