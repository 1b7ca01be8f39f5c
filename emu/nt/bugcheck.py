# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugcheck codes and the meaning of their four parameters."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class BugCheck(IntEnum):
    """A bugcheck (stop) code, by Microsoft's name (Microsoft Learn, bug check code reference)."""

    APC_INDEX_MISMATCH = 0x01
    IRQL_NOT_GREATER_OR_EQUAL = 0x09
    IRQL_NOT_LESS_OR_EQUAL = 0x0A
    SPIN_LOCK_NOT_OWNED = 0x10
    THREAD_NOT_MUTEX_OWNER = 0x11
    MEMORY_MANAGEMENT = 0x1A
    KMODE_EXCEPTION_NOT_HANDLED = 0x1E
    SYSTEM_SERVICE_EXCEPTION = 0x3B
    PAGE_FAULT_IN_NONPAGED_AREA = 0x50
    KERNEL_DATA_INPAGE_ERROR = 0x7A
    SYSTEM_THREAD_EXCEPTION_NOT_HANDLED = 0x7E
    UNEXPECTED_KERNEL_MODE_TRAP = 0x7F
    KERNEL_MODE_EXCEPTION_NOT_HANDLED = 0x8E
    ATTEMPTED_WRITE_TO_READONLY_MEMORY = 0xBE
    SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION = 0xC1
    BAD_POOL_CALLER = 0xC2
    DRIVER_IRQL_NOT_LESS_OR_EQUAL = 0xD1
    DRIVER_PORTION_MUST_BE_NONPAGED = 0xD3
    ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY = 0xFC
    KERNEL_SECURITY_CHECK_FAILURE = 0x139


class BugCheckParameter(NamedTuple):
    """What one bugcheck parameter means; doubtful where Windows builds differ or sources do."""

    meaning: str
    doubtful: bool = False


_IRQL_PARAMETERS = (
    BugCheckParameter("address referenced"),
    BugCheckParameter("IRQL (0xFF if interrupts were disabled)"),
    BugCheckParameter("operation: 0 read, 1 write, 8 execute"),
    BugCheckParameter("instruction that referenced the address"),
)
_RESERVED = BugCheckParameter("reserved")

BUGCHECK_PARAMETERS: dict[BugCheck, tuple[BugCheckParameter, ...]] = {
    BugCheck.APC_INDEX_MISMATCH: (
        BugCheckParameter("system call function; here who left a region too often", doubtful=True),
        BugCheckParameter("ApcStateIndex"),
        BugCheckParameter("CombinedApcDisable: 16 bits each, 0 in balance, above 0 where enabled too often"),
        BugCheckParameter("call type: 0 system call, 1 worker routine"),
    ),
    BugCheck.IRQL_NOT_GREATER_OR_EQUAL: (
        BugCheckParameter("new IRQL", doubtful=True),
        BugCheckParameter("current IRQL", doubtful=True),
        BugCheckParameter("not documented; here 0", doubtful=True),
        BugCheckParameter("not documented; here the caller", doubtful=True),
    ),
    BugCheck.IRQL_NOT_LESS_OR_EQUAL: _IRQL_PARAMETERS,
    BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL: _IRQL_PARAMETERS,
    BugCheck.DRIVER_PORTION_MUST_BE_NONPAGED: _IRQL_PARAMETERS,
    BugCheck.SPIN_LOCK_NOT_OWNED: (
        BugCheckParameter("not documented; here the spin lock", doubtful=True),
        BugCheckParameter("not documented; here the current IRQL", doubtful=True),
        BugCheckParameter("not documented; here 0", doubtful=True),
        BugCheckParameter("not documented; here the caller", doubtful=True),
    ),
    BugCheck.THREAD_NOT_MUTEX_OWNER: (
        BugCheckParameter("not documented; here the mutex", doubtful=True),
        BugCheckParameter("not documented; here its owner, 0 for none", doubtful=True),
        BugCheckParameter("not documented; here 0", doubtful=True),
        BugCheckParameter("not documented; here the caller", doubtful=True),
    ),
    BugCheck.SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION: (
        BugCheckParameter("address of the block that is freed"),
        BugCheckParameter("first address that was overwritten"),
        _RESERVED,
        BugCheckParameter("0x23: bytes before the block; 0x24: bytes behind its end", doubtful=True),
    ),
    BugCheck.BAD_POOL_CALLER: (
        BugCheckParameter(
            "7 freed twice, 8 allocated and 9 freed at too high an IRQL, 0xA freed with another tag, 0x40 freed a user "
            "address, 0x46 freed null, 0x99 freed what is no block, 0x9B allocated with the tag 0",
            doubtful=True,
        ),
        BugCheckParameter("8, 9: IRQL; 0xA, 0x40, 0x99: address; 0x9B: pool type; else 0", doubtful=True),
        BugCheckParameter("7: tag; 8, 9: pool type; 0xA: the block's tag; 0x9B: bytes; else 0", doubtful=True),
        BugCheckParameter("7, 9: address; 8: bytes; 0xA: the wrong tag; 0x9B: caller; else 0", doubtful=True),
    ),
    BugCheck.MEMORY_MANAGEMENT: (
        BugCheckParameter("subcode (0x61941: a page-table entry has reserved bits set)"),
        BugCheckParameter("depends on the subcode (0x61941: address referenced)"),
        BugCheckParameter("depends on the subcode (0x61941: page-fault error code)"),
        BugCheckParameter("depends on the subcode (0x61941: trap frame)"),
    ),
    BugCheck.KMODE_EXCEPTION_NOT_HANDLED: (
        BugCheckParameter("exception code"),
        BugCheckParameter("address where the exception occurred"),
        BugCheckParameter("ExceptionInformation[0]"),
        BugCheckParameter("ExceptionInformation[1]"),
    ),
    BugCheck.SYSTEM_SERVICE_EXCEPTION: (
        BugCheckParameter("exception code"),
        BugCheckParameter("address where the exception occurred"),
        BugCheckParameter("CONTEXT of the exception"),
        _RESERVED,
    ),
    BugCheck.PAGE_FAULT_IN_NONPAGED_AREA: (
        BugCheckParameter("address referenced"),
        BugCheckParameter("operation: 0 read, 2 write, 0x10 execute", doubtful=True),
        BugCheckParameter("instruction that referenced the address"),
        BugCheckParameter(
            "type: 0 freed PTE, 2 page table not present, 3 wrong session, "
            "4 non-canonical, 0xF user address inconsistent (SMAP)"
        ),
    ),
    BugCheck.KERNEL_DATA_INPAGE_ERROR: (
        BugCheckParameter("lock type, or address of the PTE"),
        BugCheckParameter("status of the failed page-in"),
        BugCheckParameter("depends on the first parameter", doubtful=True),
        BugCheckParameter("address that could not be paged in"),
    ),
    BugCheck.SYSTEM_THREAD_EXCEPTION_NOT_HANDLED: (
        BugCheckParameter("exception code"),
        BugCheckParameter("address where the exception occurred"),
        BugCheckParameter("EXCEPTION_RECORD"),
        BugCheckParameter("CONTEXT of the exception"),
    ),
    BugCheck.UNEXPECTED_KERNEL_MODE_TRAP: (
        BugCheckParameter("vector: 0 divide, 8 double fault, 0xA TSS, 0xB segment, 0xC stack"),
        BugCheckParameter("depends on the vector", doubtful=True),
        BugCheckParameter("depends on the vector", doubtful=True),
        BugCheckParameter("depends on the vector", doubtful=True),
    ),
    BugCheck.KERNEL_MODE_EXCEPTION_NOT_HANDLED: (
        BugCheckParameter("exception code"),
        BugCheckParameter("address where the exception occurred"),
        BugCheckParameter("trap frame"),
        _RESERVED,
    ),
    BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY: (
        BugCheckParameter("address of the write"),
        BugCheckParameter("page-table entry"),
        BugCheckParameter("trap frame, or reserved", doubtful=True),
        BugCheckParameter("subtype: 0xA to 0x10", doubtful=True),
    ),
    BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY: (
        BugCheckParameter("address of the fetch"),
        BugCheckParameter("page-table entry"),
        BugCheckParameter("trap frame, or reserved", doubtful=True),
        BugCheckParameter("subtype: 0 to 6; bit 31 set for a user page (SMEP)", doubtful=True),
    ),
    BugCheck.KERNEL_SECURITY_CHECK_FAILURE: (
        BugCheckParameter("fast-fail code: 2 stack cookie, 3 list entry, 5 invalid argument, ..."),
        BugCheckParameter("trap frame"),
        BugCheckParameter("EXCEPTION_RECORD"),
        _RESERVED,
    ),
}
"""Meaning of P1 to P4 of every code in use (Microsoft Learn, bug check code reference)."""

_BY_CODE: dict[int, BugCheck] = {int(code): code for code in BugCheck}


def to_bugcheck(code: int) -> BugCheck | int:
    """Return the named bugcheck of a code, or the code itself."""
    return _BY_CODE.get(code, code)


def describe_bugcheck(code: int, parameters: Sequence[int]) -> str:
    """Return the bugcheck's name and, a line each, its parameters in hex with their meanings.

    A code without a table gets bare numbers; "best estimate" marks a doubtful meaning.
    """
    known = _BY_CODE.get(code)
    if known is None:
        lines = [f"bugcheck 0x{code:08X}"]
        lines += [f"  P{n} 0x{value:016X}" for n, value in enumerate(parameters, start=1)]
        return "\n".join(lines)
    lines = [f"{known.name} (0x{code:08X})"]
    for n, (value, parameter) in enumerate(zip(parameters, BUGCHECK_PARAMETERS[known], strict=True), start=1):
        doubt = " (best estimate)" if parameter.doubtful else ""
        lines.append(f"  P{n} 0x{value:016X}  {parameter.meaning}{doubt}")
    return "\n".join(lines)
