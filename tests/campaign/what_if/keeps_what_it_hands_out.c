// SPDX-License-Identifier: MIT
// Returns a pool block to its caller; where the copy fails, it neither frees the block nor hands it out.
//
// call: user:8 kernel:8
// expect: 1 state-leak: the 16-byte pool block 'Kepe'

#include <ntddk.h>

#define TAG 0x6570654B /* Kepe */

NTSTATUS KeepsWhatItHandsOut(const ULONG *user, ULONG **out)
{
    ULONG *copy = ExAllocatePoolWithTag(PagedPool, 16, TAG);
    if (copy == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    __try {
        copy[0] = ((volatile const ULONG *)user)[0];
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    *out = copy;
    return STATUS_SUCCESS;
}
