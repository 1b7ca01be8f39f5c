// SPDX-License-Identifier: MIT
// Class 6: A probe shorter than the access
// The probe is of Count bytes, the access of Count entries: what lies behind the probed range may be kernel memory.
// limit: No check compares a probe with what is accessed behind it. What is found is that there is a probe and a direct
// access at all; an accessor checks exactly the range that it accesses, and so there is nothing to get wrong.
#include "driver.h"

#define MOST 16

typedef struct _ENTRY {
    ULONG Key;
    ULONG Value;
} ENTRY;

// bug: ProbesBytesNotEntries kernel:128 user:128 16
NTSTATUS ProbesBytesNotEntries(ENTRY *Table, const ENTRY *UserEntries, ULONG Count)
{
    if (Count > MOST) {
        return STATUS_INVALID_PARAMETER;
    }
    __try {
        ProbeForRead(UserEntries, Count, 1);
        RtlCopyMemory(Table, UserEntries, Count * sizeof(ENTRY)); // finds: direct-user-access
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: LeavesTheProbeToTheAccessor
NTSTATUS LeavesTheProbeToTheAccessor(ENTRY *Table, const ENTRY *UserEntries, ULONG Count)
{
    if (Count > MOST) {
        return STATUS_INVALID_PARAMETER;
    }
    __try {
        CopyFromUser(Table, UserEntries, Count * sizeof(ENTRY));
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
