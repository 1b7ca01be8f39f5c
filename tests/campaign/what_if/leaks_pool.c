// SPDX-License-Identifier: MIT
// The exception path forgets the pool block.
//
// call: user:8
// expect: 1 state-leak: the 16-byte pool block 'Leak' allocated at leaks_pool!LeaksPool
// expect: 2 state-leak: is not freed; after none@arg0+4,access=1 at leaks_pool!LeaksPool

#include <ntddk.h>

#define TAG 0x6B61654C /* Leak */

NTSTATUS LeaksPool(const ULONG *user)
{
    NTSTATUS status = STATUS_SUCCESS;
    ULONG *copy = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    if (copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        copy[0] = ((volatile const ULONG *)user)[0];
        copy[1] = ((volatile const ULONG *)user)[1];
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    ExFreePoolWithTag(copy, TAG);
    return status;
}
