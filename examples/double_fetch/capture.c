// SPDX-License-Identifier: MIT
// A size that is fetched twice: checked the first time, used the second.
#include <ntddk.h>
#include <usermode_accessors.h>

#define LARGEST 32

NTSTATUS CaptureTwice(const UCHAR *user, UCHAR *kernel)
{
    __try {
        if (ReadUCharFromUser(user) % 64 > LARGEST)
            return STATUS_INVALID_PARAMETER;
        CopyFromUser(kernel, user + 1, ReadUCharFromUser(user) % 64);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
