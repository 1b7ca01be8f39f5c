// SPDX-License-Identifier: MIT
// Class 12: A string's length taken, then copied by a second scan
// The user's string is measured for the check and the allocation, and measured again for the copy. Where its terminator
// has gone in between, the copy overruns the block.
#include "driver.h"

#define LONGEST 32 // bytes, with the terminator

static ULONG HashOf(const CHAR *Name)
{
    ULONG Hash = 5381;
    for (; *Name != 0; Name++) {
        Hash = Hash * 33 + (UCHAR)*Name;
    }
    return Hash;
}

// bug: MeasuresTwice user:64 kernel:4 arg0+15=0
NTSTATUS MeasuresTwice(const CHAR *UserName, ULONG *Answer)
{
    NTSTATUS Status = STATUS_SUCCESS;
    CHAR *Name = NULL;

    __try {
        SIZE_T Length = StringLengthFromUser(UserName);
        if (Length >= LONGEST) {
            return STATUS_NAME_TOO_LONG;
        }
        Name = ExAllocatePool2(POOL_FLAG_PAGED, Length + 1, TAG);
        if (Name == NULL) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        Length = StringLengthFromUser(UserName); // finds: double-fetch
        CopyFromUser(Name, UserName, Length + 1); // finds: double-fetch
        *Answer = HashOf(Name);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    if (Name != NULL) {
        ExFreePoolWithTag(Name, TAG);
    }
    return Status;
}

// fix: CopiesUpToItsEnd
NTSTATUS CopiesUpToItsEnd(const CHAR *UserName, ULONG *Answer)
{
    CHAR Name[LONGEST];

    __try {
        ULONG Index = 0;
        do {
            if (Index == LONGEST) {
                return STATUS_NAME_TOO_LONG;
            }
            Name[Index] = ReadCharFromUser(&UserName[Index]);
        } while (Name[Index++] != 0);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    *Answer = HashOf(Name);
    return STATUS_SUCCESS;
}
