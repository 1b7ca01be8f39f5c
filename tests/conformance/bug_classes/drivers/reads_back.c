// SPDX-License-Identifier: MIT
// Class 8: Reading back what was just written
// The driver writes a value to user memory, and then takes it from there as if it were still its own.
#include "driver.h"

typedef struct _ANSWER {
    ULONG Count;
    ULONG Values[15];
} ANSWER;

static const ULONG Table[15] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47};

// bug: CountsInUserMemory user:64 4
NTSTATUS CountsInUserMemory(ANSWER *UserAnswer, ULONG Count)
{
    if (Count > RTL_NUMBER_OF(Table)) {
        return STATUS_INVALID_PARAMETER;
    }
    __try {
        WriteULongToUser(&UserAnswer->Count, Count);
        CopyToUser(UserAnswer->Values, Table, ReadULongFromUser(&UserAnswer->Count) * sizeof(ULONG)); // finds: double-fetch
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: CountsInItsOwn
NTSTATUS CountsInItsOwn(ANSWER *UserAnswer, ULONG Count)
{
    if (Count > RTL_NUMBER_OF(Table)) {
        return STATUS_INVALID_PARAMETER;
    }
    __try {
        WriteULongToUser(&UserAnswer->Count, Count);
        CopyToUser(UserAnswer->Values, Table, Count * sizeof(ULONG));
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
