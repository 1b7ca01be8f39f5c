// SPDX-License-Identifier: MIT
// Captures a request into pool; whatever fails, nothing is left behind.
//
// call: user:20 20 kernel:20
// pairs

#include <ntddk.h>

#define TAG 0x74706143 /* Capt, as it lies in memory */

NTSTATUS CapturesCorrectly(const UCHAR *user, SIZE_T length, UCHAR *out)
{
    NTSTATUS status = STATUS_SUCCESS;
    UCHAR *copy = ExAllocatePoolWithTag(PagedPool, length, TAG);
    if (copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeEnterCriticalRegion();
    __try {
        ProbeForRead((void *)user, length, 1);
        RtlCopyMemory(copy, user, length);
        RtlCopyMemory(out, copy, length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    KeLeaveCriticalRegion();
    ExFreePoolWithTag(copy, TAG);
    return status;
}
