# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's exports, a file per family.

Every function of a family's `EXPORTS` gets a stub at boot; `GUEST_EXPORTS` are guest code of the kernel image, so that
what they touch is touched by true accesses. guest/kernel/ntoskrnl.def lists all of them for the linker.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.exports import (
    bugcheck,
    debug_print,
    exception,
    fast_mutex,
    irql,
    jumps,
    pool,
    query,
    raising,
    spin_lock,
    string_print,
    unicode_string,
    unwinding,
)
from emu.kernel.stubs import ExportFunction

EXPORTS: Final[dict[str, ExportFunction]] = {
    **bugcheck.EXPORTS,
    **debug_print.EXPORTS,
    **exception.EXPORTS,
    **fast_mutex.EXPORTS,
    **irql.EXPORTS,
    **jumps.EXPORTS,
    **pool.EXPORTS,
    **query.EXPORTS,
    **raising.EXPORTS,
    **spin_lock.EXPORTS,
    **string_print.EXPORTS,
    **unicode_string.EXPORTS,
    **unwinding.EXPORTS,
}

GUEST_EXPORTS: Final = (
    # guest/kernel/probe.S, stack_probe.S
    *("ProbeForRead", "ProbeForWrite", "__chkstk"),
    # guest/kernel/intrinsics.S
    *("__readcr8", "__writecr8"),
    # guest/kernel/memory.S
    *("RtlCompareMemory", "RtlCopyMemory", "RtlFillMemory", "RtlMoveMemory", "RtlZeroMemory"),
    *("memchr", "memcmp", "memcpy", "memmove", "memset"),
    # guest/kernel/strings.S
    *("_stricmp", "_strnicmp", "strcat", "strchr", "strcmp", "strcpy", "strlen", "strncat", "strncmp", "strncpy"),
    *("strnlen", "strrchr", "strstr", "tolower", "toupper"),
    *("_wcsicmp", "_wcsnicmp", "wcscat", "wcschr", "wcscmp", "wcscpy", "wcslen", "wcsncat", "wcsncmp", "wcsncpy"),
    *("wcsnlen", "wcsrchr", "wcsstr", "towlower", "towupper"),
    # guest/kernel/unicode_string.S
    *("RtlAppendUnicodeStringToString", "RtlAppendUnicodeToString", "RtlCopyUnicodeString"),
    *("RtlInitAnsiString", "RtlInitString", "RtlInitUnicodeString"),
)

DATA_EXPORTS: Final = ("MmHighestUserAddress", "MmSystemRangeStart", "MmUserProbeAddress")
"""Variables of the kernel image."""
