# SPDX-License-Identifier: GPL-2.0-or-later
"""Why the processor stopped."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from emu.address import Gva


class Vector(IntEnum):
    """Exception vectors (Intel SDM Vol. 3, 6.3.1), and above 255 the stops that are no exceptions."""

    DIVIDE_ERROR = 0
    DEBUG = 1
    NMI = 2
    BREAKPOINT = 3
    OVERFLOW = 4
    BOUND = 5
    INVALID_OPCODE = 6
    DEVICE_NOT_AVAILABLE = 7
    DOUBLE_FAULT = 8
    INVALID_TSS = 10
    SEGMENT_NOT_PRESENT = 11
    STACK_FAULT = 12
    GENERAL_PROTECTION = 13
    PAGE_FAULT = 14
    X87_FLOATING_POINT = 16
    ALIGNMENT_CHECK = 17
    MACHINE_CHECK = 18
    SIMD_FLOATING_POINT = 19
    FAST_FAIL = 0x29
    ASSERTION = 0x2C
    DEBUG_SERVICE = 0x2D

    HOST_CALL = 0x100
    """`hlt` at CPL 0: guest code calls the host. RIP stands behind it."""
    BUDGET_EXHAUSTED = 0x101
    """The last block that the budget allowed has ended. RIP stands before the next."""
    ENGINE_STOPPED = 0x102
    """The engine cannot go on; `Trap.detail` says why."""
    EXACT_STOP = 0x103
    """Before an instruction of a range given to `Processor.stop_in`. RIP stands at it."""
    RECORDER_STOP = 0x104
    """Before an instruction that the recorder has no room for, or was asked to stop at. RIP stands at it."""


VECTORS_WITH_ERROR_CODE = frozenset((8, 10, 11, 12, 13, 14, 17))
"""Intel SDM Vol. 3, table 6-1."""

VECTOR_NAMES = {
    0: "#DE", 1: "#DB", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS",
    11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM",
}  # fmt: skip
"""The manuals' short names."""

ERROR_PRESENT = 1 << 0
ERROR_WRITE = 1 << 1
ERROR_USER = 1 << 2
ERROR_RESERVED_BIT = 1 << 3
ERROR_FETCH = 1 << 4


class Trap(NamedTuple):
    """One stop of the processor, as the CPU reports it, after the engine's mistakes are mended."""

    vector: int
    error_code: int
    address: Gva
    """CR2 of a page fault, otherwise 0."""
    rip: Gva
    """The faulting instruction; behind it for `#BP`, `#DB` and `int n`."""
    detail: str = ""
    """Why the engine cannot go on, or which form of an exception this is."""


def describe_error_code(error_code: int) -> str:
    """Decode a page fault's error code (Intel SDM Vol. 3, 4.7) in words."""
    access = "fetch" if error_code & ERROR_FETCH else "write" if error_code & ERROR_WRITE else "read"
    page = "protection" if error_code & ERROR_PRESENT else "page not present"
    mode = "user mode" if error_code & ERROR_USER else "supervisor mode"
    reserved = ", reserved bit set" if error_code & ERROR_RESERVED_BIT else ""
    return f"{access}, {mode}, {page}{reserved}"
