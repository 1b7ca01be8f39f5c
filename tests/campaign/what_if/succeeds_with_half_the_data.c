// SPDX-License-Identifier: MIT
// Swallows the exception and calls what there is a success.
//
// call: user:8 kernel:8
// expect: 1 wrong-data: it returned 0x0 as if nothing had failed, and hands out partial data: arg1 differs in bytes 0 to 7
// expect: 2 wrong-data: arg1 differs in bytes 4 to 7; after none@arg0+4,access=1

#include <ntddk.h>

NTSTATUS SucceedsWithHalfTheData(const ULONG *user, ULONG *out)
{
    __try {
        out[0] = ((volatile const ULONG *)user)[0];
        out[1] = ((volatile const ULONG *)user)[1];
    } __except (EXCEPTION_EXECUTE_HANDLER) {
    }
    return STATUS_SUCCESS;
}
