# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugcheck codes, typed in by hand, and the table of their parameters."""

import pytest

from emu.nt.bugcheck import BUGCHECK_PARAMETERS, BugCheck, describe_bugcheck, to_bugcheck

VALUES = {
    "APC_INDEX_MISMATCH": 0x1,
    "IRQL_NOT_GREATER_OR_EQUAL": 0x9,
    "IRQL_NOT_LESS_OR_EQUAL": 0xA,
    "SPIN_LOCK_NOT_OWNED": 0x10,
    "THREAD_NOT_MUTEX_OWNER": 0x11,
    "MEMORY_MANAGEMENT": 0x1A,
    "KMODE_EXCEPTION_NOT_HANDLED": 0x1E,
    "SYSTEM_SERVICE_EXCEPTION": 0x3B,
    "PAGE_FAULT_IN_NONPAGED_AREA": 0x50,
    "KERNEL_DATA_INPAGE_ERROR": 0x7A,
    "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED": 0x7E,
    "UNEXPECTED_KERNEL_MODE_TRAP": 0x7F,
    "KERNEL_MODE_EXCEPTION_NOT_HANDLED": 0x8E,
    "ATTEMPTED_WRITE_TO_READONLY_MEMORY": 0xBE,
    "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION": 0xC1,
    "BAD_POOL_CALLER": 0xC2,
    "DRIVER_IRQL_NOT_LESS_OR_EQUAL": 0xD1,
    "DRIVER_PORTION_MUST_BE_NONPAGED": 0xD3,
    "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY": 0xFC,
    "KERNEL_SECURITY_CHECK_FAILURE": 0x139,
}


@pytest.mark.parametrize(("name", "code"), VALUES.items())
def test_value(name: str, code: int) -> None:
    assert BugCheck[name] == code
    assert to_bugcheck(code) is BugCheck[name]


def test_the_list_above_is_complete() -> None:
    assert set(VALUES) == set(BugCheck.__members__)


@pytest.mark.parametrize("code", BugCheck)
def test_every_code_explains_four_parameters(code: BugCheck) -> None:
    assert len(BUGCHECK_PARAMETERS[code]) == 4
    assert all(parameter.meaning for parameter in BUGCHECK_PARAMETERS[code])


def test_doubtful_parameters_are_marked() -> None:
    doubtful = {
        (code, number)
        for code, parameters in BUGCHECK_PARAMETERS.items()
        for number, parameter in enumerate(parameters, start=1)
        if parameter.doubtful
    }
    assert (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, 2) in doubtful
    assert (BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, 3) in doubtful
    assert (BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY, 3) in doubtful
    assert (BugCheck.KMODE_EXCEPTION_NOT_HANDLED, 1) not in doubtful


def test_description_of_a_known_code() -> None:
    text = describe_bugcheck(0x50, (0xFFFFF80000001000, 2, 0xFFFFF80000002000, 0xF))
    lines = text.splitlines()
    assert lines[0] == "PAGE_FAULT_IN_NONPAGED_AREA (0x00000050)"
    assert lines[1] == "  P1 0xFFFFF80000001000  address referenced"
    assert lines[2].endswith("(best estimate)")
    assert len(lines) == 5


def test_description_of_an_unknown_code() -> None:
    assert to_bugcheck(0xDEAD) == 0xDEAD
    assert describe_bugcheck(0xDEAD, (1, 2, 3, 4)).splitlines() == [
        "bugcheck 0x0000DEAD",
        "  P1 0x0000000000000001",
        "  P2 0x0000000000000002",
        "  P3 0x0000000000000003",
        "  P4 0x0000000000000004",
    ]
