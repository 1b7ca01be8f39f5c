// SPDX-License-Identifier: MIT
// Each failure alone is handled; a second one in the handling is not.
//
// call: user:8
// pairs
// expect: 3 bugcheck: bugcheck 0xc2 BAD_POOL_CALLER

#include <ntddk.h>

#define TAG 0x63697754 /* Twic */

NTSTATUS FreesTwiceWhenBothFail(const ULONG *user)
{
    NTSTATUS status = STATUS_SUCCESS;
    ULONG *small = NULL, *large = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    if (large == NULL)
        small = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    else
        small = large;
    __try {
        *small = *(volatile const ULONG *)user;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
        if (large == NULL)
            ExFreePoolWithTag(small, TAG);
    }
    ExFreePoolWithTag(small, TAG);
    return status;
}
