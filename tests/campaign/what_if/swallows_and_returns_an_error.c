// SPDX-License-Identifier: MIT
// Any exception is an error of the caller's.
//
// call: user:8 kernel:8
// must-return

#include <ntddk.h>

NTSTATUS SwallowsAndReturnsAnError(const ULONG *user, ULONG *out)
{
    __try {
        out[0] = ((volatile const ULONG *)user)[0];
        out[1] = ((volatile const ULONG *)user)[1];
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}
