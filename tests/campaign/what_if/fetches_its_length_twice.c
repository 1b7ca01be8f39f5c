// SPDX-License-Identifier: MIT
// Reads the length under __try, and again where nothing catches what happens.
//
// call: user:4 kernel:8
// must-return
// expect: 2 wrong-status: it raised STATUS_ACCESS_VIOLATION (0xC0000005), read of byte 0 of arg0

#include <ntddk.h>

NTSTATUS FetchesItsLengthTwice(const ULONG *user, UCHAR *out)
{
    ULONG length = 0;
    __try {
        length = *(volatile const ULONG *)user;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    if (length == 0)
        return STATUS_INVALID_PARAMETER;
    *(ULONG *)out = *(volatile const ULONG *)user;
    return STATUS_SUCCESS;
}
