// SPDX-License-Identifier: MIT
// A driver's capture of a request: a header, a variable part, an answer.
#include <ntddk.h>
#include <usermode_accessors.h>

NTSTATUS Capture(const ULONG *user, ULONG size)
{
    UCHAR *copy;
    ULONG sum = 0;
    if (size < 8 || size > 4096)
        return STATUS_INVALID_PARAMETER;
    copy = ExAllocatePoolWithTag(NonPagedPoolNx, size, 'hcnB');
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        CopyFromUser(copy, user, size);
        for (ULONG i = 4; i < size; i++)
            sum += copy[i];
        WriteULongToUser((ULONG *)user, sum);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        ExFreePoolWithTag(copy, 'hcnB');
        return GetExceptionCode();
    }
    ExFreePoolWithTag(copy, 'hcnB');
    return STATUS_SUCCESS;
}
