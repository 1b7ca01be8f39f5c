// SPDX-License-Identifier: MIT
// Takes each allocation for granted: frees the first unseen, writes to the second.
//
// call: 
// expect: 1 bugcheck: bugcheck 0xc2 BAD_POOL_CALLER: ExFreePoolWithTag, called at ignores
// expect: 2 wrong-status: it raised STATUS_ACCESS_VIOLATION (0xC0000005), write of 0x0

#include <ntddk.h>

#define TAG 0x6F6E6749 /* Igno */

NTSTATUS IgnoresAFailedAllocation(void)
{
    UCHAR *first = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    ULONG *second = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    *(volatile ULONG *)second = 1;
    ExFreePoolWithTag(second, TAG);
    ExFreePoolWithTag(first, TAG);
    return STATUS_SUCCESS;
}
