# SPDX-License-Identifier: GPL-2.0-or-later
"""RUNTIME_FUNCTION, UNWIND_INFO and the scope table: what `.pdata` and `.xdata` hold."""

from ctypes import LittleEndianStructure, c_uint8, c_uint32
from enum import IntEnum


class RUNTIME_FUNCTION(LittleEndianStructure):
    """One function table entry, all RVAs (Microsoft Learn, x64 exception handling; 12 bytes)."""

    _fields_ = (
        ("BeginAddress", c_uint32),
        ("EndAddress", c_uint32),
        ("UnwindData", c_uint32),
    )


RUNTIME_FUNCTION_INDIRECT = 1
"""Bit of UnwindData: the rest of it is the RVA of another RUNTIME_FUNCTION to use instead."""


UNW_FLAG_NHANDLER = 0
UNW_FLAG_EHANDLER = 1
UNW_FLAG_UHANDLER = 2
UNW_FLAG_CHAININFO = 4


class UnwindOp(IntEnum):
    """Unwind operation codes (Microsoft Learn, x64 exception handling, unwind operation code)."""

    PUSH_NONVOL = 0
    ALLOC_LARGE = 1
    ALLOC_SMALL = 2
    SET_FPREG = 3
    SAVE_NONVOL = 4
    SAVE_NONVOL_FAR = 5
    EPILOG = 6
    SPARE_CODE = 7
    SAVE_XMM128 = 8
    SAVE_XMM128_FAR = 9
    PUSH_MACHFRAME = 10


class UNWIND_INFO(LittleEndianStructure):
    """The four bytes before the unwind codes (Microsoft Learn, x64 exception handling)."""

    _fields_ = (
        ("Version", c_uint8, 3),
        ("Flags", c_uint8, 5),
        ("SizeOfProlog", c_uint8),
        ("CountOfCodes", c_uint8),
        ("FrameRegister", c_uint8, 4),
        ("FrameOffset", c_uint8, 4),
    )


class UNWIND_CODE(LittleEndianStructure):
    """One slot of the unwind codes; some codes take a second or third slot as their operand."""

    _fields_ = (
        ("CodeOffset", c_uint8),
        ("UnwindOp", c_uint8, 4),
        ("OpInfo", c_uint8, 4),
    )


class SCOPE_TABLE_RECORD(LittleEndianStructure):
    """One `__try` of __C_specific_handler's table, all RVAs (winnt.h SCOPE_TABLE_AMD64).

    HandlerAddress is a filter funclet, 1 for a constant EXCEPTION_EXECUTE_HANDLER, or, where
    JumpTarget is 0, a `__finally` funclet. The table is a 32-bit count and that many records.
    """

    _fields_ = (
        ("BeginAddress", c_uint32),
        ("EndAddress", c_uint32),
        ("HandlerAddress", c_uint32),
        ("JumpTarget", c_uint32),
    )
