// SPDX-License-Identifier: MIT
// Class 5: Direct access past the accessors
// User memory is dereferenced, or given to a function of the kernel. With SMAP enforced that is a fault which no __try
// catches; without, the compiler and the memory may do with it what they like.
#include "driver.h"

// shape: A plain dereference, where Windows lets drivers do so (AC set).
// bug: Dereferences user:8
NTSTATUS Dereferences(volatile ULONG *UserCounter)
{
    __try {
        ULONG Count = *UserCounter; // finds: direct-user-access
        *UserCounter = Count + 1; // finds: direct-user-access
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: UsesAccessors
NTSTATUS UsesAccessors(volatile ULONG *UserCounter)
{
    __try {
        ULONG Count = ReadULongFromUser(UserCounter);
        WriteULongToUser(UserCounter, Count + 1);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: RtlCopyMemory is given a user pointer, and SMAP is enforced.
// bug: CopiesByRtlCopyMemory kernel:64 user:64 64 profile=skylake-server
NTSTATUS CopiesByRtlCopyMemory(UCHAR *Target, const UCHAR *UserSource, ULONG Length)
{
    __try {
        ProbeForRead(UserSource, Length, 1);
        RtlCopyMemory(Target, UserSource, Length); // finds: direct-user-access
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: CopiesByCopyFromUser
NTSTATUS CopiesByCopyFromUser(UCHAR *Target, const UCHAR *UserSource, ULONG Length)
{
    __try {
        CopyFromUser(Target, UserSource, Length);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
