// SPDX-License-Identifier: MIT
// Class 1: Double fetch
// A size is read from user memory for the check and the allocation, and read again for the copy. Another thread of the
// process changes it in between.
#include "driver.h"

#define LARGEST 128

typedef struct _REQUEST {
    ULONG Size;
    UCHAR Data[LARGEST];
} REQUEST;

static ULONG ChecksumOf(const UCHAR *Data, ULONG Size)
{
    ULONG Sum = 0;
    for (ULONG Index = 0; Index < Size; Index++) {
        Sum = Sum * 31 + Data[Index];
    }
    return Sum;
}

// bug: ReadsSizeTwice user:132 kernel:4 arg0+0=40
NTSTATUS ReadsSizeTwice(const REQUEST *UserRequest, ULONG *Checksum)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Data = NULL;

    __try {
        ULONG Size = ReadULongFromUser(&UserRequest->Size);
        if (Size > LARGEST) {
            return STATUS_INVALID_PARAMETER;
        }
        Data = ExAllocatePool2(POOL_FLAG_PAGED, Size, TAG);
        if (Data == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        CopyFromUser(Data, UserRequest->Data, ReadULongFromUser(&UserRequest->Size)); // finds: double-fetch
        *Checksum = ChecksumOf(Data, Size);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    if (Data != NULL) {
        ExFreePoolWithTag(Data, TAG);
    }
    return Status;
}

// fix: ReadsSizeOnce
NTSTATUS ReadsSizeOnce(const REQUEST *UserRequest, ULONG *Checksum)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Data = NULL;

    __try {
        ULONG Size = ReadULongFromUser(&UserRequest->Size);
        if (Size > LARGEST) {
            return STATUS_INVALID_PARAMETER;
        }
        Data = ExAllocatePool2(POOL_FLAG_PAGED, Size, TAG);
        if (Data == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        CopyFromUser(Data, UserRequest->Data, Size);
        *Checksum = ChecksumOf(Data, Size);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    if (Data != NULL) {
        ExFreePoolWithTag(Data, TAG);
    }
    return Status;
}
