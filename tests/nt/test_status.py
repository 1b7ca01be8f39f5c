# SPDX-License-Identifier: GPL-2.0-or-later
"""NTSTATUS values, typed in by hand, and their text form."""

import pytest

from emu.nt.status import NtStatus, describe_status, to_status

VALUES = {
    "SUCCESS": 0,
    "UNSUCCESSFUL": 0xC0000001,
    "ACCESS_VIOLATION": 0xC0000005,
    "GUARD_PAGE_VIOLATION": 0x80000001,
    "IN_PAGE_ERROR": 0xC0000006,
    "DATATYPE_MISALIGNMENT": 0x80000002,
    "STACK_OVERFLOW": 0xC00000FD,
    "INTEGER_DIVIDE_BY_ZERO": 0xC0000094,
    "INTEGER_OVERFLOW": 0xC0000095,
    "ILLEGAL_INSTRUCTION": 0xC000001D,
    "PRIVILEGED_INSTRUCTION": 0xC0000096,
    "BREAKPOINT": 0x80000003,
    "SINGLE_STEP": 0x80000004,
    "NONCONTINUABLE_EXCEPTION": 0xC0000025,
    "INVALID_DISPOSITION": 0xC0000026,
    "UNWIND": 0xC0000027,
    "BAD_STACK": 0xC0000028,
    "INVALID_UNWIND_TARGET": 0xC0000029,
    "BAD_FUNCTION_TABLE": 0xC00000FF,
    "LONGJUMP": 0x80000026,
    "UNWIND_CONSOLIDATE": 0x80000029,
    "STACK_BUFFER_OVERRUN": 0xC0000409,
    "ASSERTION_FAILURE": 0xC0000420,
    "INVALID_LOCK_SEQUENCE": 0xC000001E,
    "DEVICE_DATA_ERROR": 0xC000009C,
    "DEVICE_NOT_CONNECTED": 0xC000009D,
    "FLOAT_MULTIPLE_FAULTS": 0xC00002B4,
    "FLOAT_MULTIPLE_TRAPS": 0xC00002B5,
    "ARRAY_BOUNDS_EXCEEDED": 0xC000008C,
    "FLOAT_INVALID_OPERATION": 0xC0000090,
}


@pytest.mark.parametrize(("name", "code"), VALUES.items())
def test_value(name: str, code: int) -> None:
    assert NtStatus[name] == code
    assert to_status(code) is NtStatus[name]


def test_no_code_has_two_names() -> None:
    assert len(NtStatus.__members__) == len(set(NtStatus))


def test_an_unknown_code_stays_an_integer() -> None:
    assert to_status(0xE0001234) == 0xE0001234
    assert not isinstance(to_status(0xE0001234), NtStatus)


def test_description() -> None:
    assert describe_status(0xC0000005) == "STATUS_ACCESS_VIOLATION (0xC0000005)"
    assert describe_status(NtStatus.SUCCESS) == "STATUS_SUCCESS (0x00000000)"
    assert describe_status(0xC1234567) == "0xC1234567"
