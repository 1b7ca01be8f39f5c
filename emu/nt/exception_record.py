# SPDX-License-Identifier: GPL-2.0-or-later
"""EXCEPTION_RECORD64 and EXCEPTION_POINTERS: what an exception is, as its handlers read it."""

from collections.abc import Sequence
from ctypes import LittleEndianStructure, c_uint32, c_uint64
from enum import IntEnum
from struct import Struct

EXCEPTION_MAXIMUM_PARAMETERS = 15


class EXCEPTION_RECORD64(LittleEndianStructure):
    """One exception (winnt.h EXCEPTION_RECORD64, 0x98 bytes)."""

    _fields_ = (
        ("ExceptionCode", c_uint32),
        ("ExceptionFlags", c_uint32),
        ("ExceptionRecord", c_uint64),
        ("ExceptionAddress", c_uint64),
        ("NumberParameters", c_uint32),
        ("__unusedAlignment", c_uint32),
        ("ExceptionInformation", c_uint64 * EXCEPTION_MAXIMUM_PARAMETERS),
    )


class EXCEPTION_POINTERS(LittleEndianStructure):
    """What a filter gets in rcx (winnt.h EXCEPTION_POINTERS, 0x10 bytes)."""

    _fields_ = (("ExceptionRecord", c_uint64), ("ContextRecord", c_uint64))


EXCEPTION_NONCONTINUABLE = 0x01
EXCEPTION_UNWINDING = 0x02
EXCEPTION_EXIT_UNWIND = 0x04
EXCEPTION_STACK_INVALID = 0x08
EXCEPTION_NESTED_CALL = 0x10
EXCEPTION_TARGET_UNWIND = 0x20
EXCEPTION_COLLIDED_UNWIND = 0x40
EXCEPTION_SOFTWARE_ORIGINATE = 0x80

EXCEPTION_UNWIND = EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND | EXCEPTION_TARGET_UNWIND | EXCEPTION_COLLIDED_UNWIND
"""Any of these in ExceptionFlags: handlers run for the unwind phase."""


class ExceptionDisposition(IntEnum):
    """What a language handler answers in eax (excpt.h EXCEPTION_DISPOSITION)."""

    CONTINUE_EXECUTION = 0
    CONTINUE_SEARCH = 1
    NESTED_EXCEPTION = 2
    COLLIDED_UNWIND = 3


EXCEPTION_EXECUTE_HANDLER = 1
EXCEPTION_CONTINUE_SEARCH = 0
EXCEPTION_CONTINUE_EXECUTION = -1

_FILTER_ANSWERS = {1: "EXCEPTION_EXECUTE_HANDLER", 0: "EXCEPTION_CONTINUE_SEARCH", -1: "EXCEPTION_CONTINUE_EXECUTION"}


def describe_filter_answer(answer: int) -> str:
    """Return the name of a filter's answer, of which only the sign counts, and the answer."""
    sign = (answer > 0) - (answer < 0)
    return f"{_FILTER_ANSWERS[sign]} ({answer})"


EXCEPTION_RECORD_SIZE = 0x98

_MASK64 = 0xFFFF_FFFF_FFFF_FFFF
_RECORDS = tuple(
    Struct(f"<IIQQI4x{count}Q{8 * (EXCEPTION_MAXIMUM_PARAMETERS - count)}x")
    for count in range(EXCEPTION_MAXIMUM_PARAMETERS + 1)
)


def pack_exception_record(code: int, flags: int, nested: int, address: int, parameters: Sequence[int] = ()) -> bytes:
    """Return an EXCEPTION_RECORD64 of 0x98 bytes.

    `nested` is the guest address of the exception that this one happened in, or 0. Parameters
    after the fifteenth are left out, as the structure has no room for them.
    """
    values = [value & _MASK64 for value in parameters[:EXCEPTION_MAXIMUM_PARAMETERS]]
    return _RECORDS[len(values)].pack(code, flags, nested, address, len(values), *values)


def unpack_exception_record(data: bytes) -> tuple[int, int, int, int, tuple[int, ...]]:
    """Return (code, flags, nested, address, parameters) of an EXCEPTION_RECORD64.

    A NumberParameters above 15 counts as 15, as the guest may have written anything there.
    Raises `struct.error` unless `data` has 0x98 bytes.
    """
    code, flags, nested, address, count, *values = _RECORDS[-1].unpack(data)
    return code, flags, nested, address, tuple(values[: min(count, EXCEPTION_MAXIMUM_PARAMETERS)])
