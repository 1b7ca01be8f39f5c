# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's exports, a file per family.

Every function of a family's `EXPORTS` gets a stub at boot; `GUEST_EXPORTS` are guest code of the kernel image, so that
what they touch is touched by true accesses. guest/kernel/ntoskrnl.def lists all of them for the linker.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.exports import (
    apc,
    bugcheck,
    debug_print,
    event,
    exception,
    fast_mutex,
    guarded_mutex,
    integer_conversion,
    irql,
    jumps,
    pool,
    query,
    raising,
    secure_print,
    spin_lock,
    stack_trace,
    string_allocation,
    string_case,
    string_comparison,
    string_conversion,
    string_print,
    unwinding,
)
from emu.kernel.stubs import ExportFunction

EXPORTS: Final[dict[str, ExportFunction]] = {
    **apc.EXPORTS,
    **bugcheck.EXPORTS,
    **debug_print.EXPORTS,
    **event.EXPORTS,
    **exception.EXPORTS,
    **fast_mutex.EXPORTS,
    **guarded_mutex.EXPORTS,
    **integer_conversion.EXPORTS,
    **irql.EXPORTS,
    **jumps.EXPORTS,
    **pool.EXPORTS,
    **query.EXPORTS,
    **raising.EXPORTS,
    **secure_print.EXPORTS,
    **spin_lock.EXPORTS,
    **stack_trace.EXPORTS,
    **string_allocation.EXPORTS,
    **string_case.EXPORTS,
    **string_comparison.EXPORTS,
    **string_conversion.EXPORTS,
    **string_print.EXPORTS,
    **unwinding.EXPORTS,
}

GUEST_EXPORTS: Final = (
    # guest/kernel/probe.S, stack_probe.S
    *("ProbeForRead", "ProbeForWrite", "__chkstk"),
    # guest/kernel/debug.S
    *("DbgBreakPoint", "DbgBreakPointWithStatus", "RtlAssert"),
    # guest/kernel/intrinsics.S
    *("__readcr8", "__writecr8"),
    # guest/kernel/memory.S
    *("RtlCompareMemory", "RtlCopyMemory", "RtlFillMemory", "RtlMoveMemory", "RtlZeroMemory"),
    *("memchr", "memcmp", "memcpy", "memmove", "memset"),
    # guest/kernel/secure_strings.S
    *("memcpy_s", "memmove_s", "strcat_s", "strcpy_s", "wcscat_s", "wcscpy_s"),
    # guest/kernel/strings.S
    *("_stricmp", "_strnicmp", "strcat", "strchr", "strcmp", "strcpy", "strlen", "strncat", "strncmp", "strncpy"),
    *("strnlen", "strrchr", "strstr", "tolower", "toupper"),
    *("_wcsicmp", "_wcsnicmp", "wcscat", "wcschr", "wcscmp", "wcscpy", "wcslen", "wcsncat", "wcsncmp", "wcsncpy"),
    *("wcsnlen", "wcsrchr", "wcsstr", "towlower", "towupper"),
    # guest/kernel/unicode_string.S
    *("RtlAppendUnicodeStringToString", "RtlAppendUnicodeToString", "RtlCopyString", "RtlCopyUnicodeString"),
    *("RtlInitAnsiString", "RtlInitString", "RtlInitUnicodeString", "RtlInitUnicodeStringEx"),
)

DATA_EXPORTS: Final = ("MmHighestUserAddress", "MmSystemRangeStart", "MmUserProbeAddress")
"""Variables of the kernel image."""
