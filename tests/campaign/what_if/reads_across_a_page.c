// SPDX-License-Identifier: MIT
// One read that reaches into the next page: each of the two can be gone.
//
// call: user:8192 kernel:8
// pairs

#include <ntddk.h>

NTSTATUS ReadsAcrossAPage(const UCHAR *user, ULONG *out)
{
    __try {
        *out = *(volatile const ULONG UNALIGNED *)(user + 4094);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
