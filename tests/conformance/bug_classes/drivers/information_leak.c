// SPDX-License-Identifier: MIT
// Class 15: Information leak
// Bytes that the kernel never wrote are copied to the user: what the stack or the pool held before.
#include "driver.h"

typedef struct _STATE {
    UCHAR Kind;
    // three bytes of padding
    ULONG Count;
} STATE;

// shape: Padding of a structure on the stack.
// bug: CopiesThePadding user:8
NTSTATUS CopiesThePadding(STATE *UserState)
{
    STATE State;
    State.Kind = 2;
    State.Count = 77;
    __try {
        WriteStructToUser(UserState, &State); // finds: information-leak
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: ClearsThePadding
NTSTATUS ClearsThePadding(STATE *UserState)
{
    STATE State;
    RtlZeroMemory(&State, sizeof(State));
    State.Kind = 2;
    State.Count = 77;
    __try {
        WriteStructToUser(UserState, &State);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: A pool block that was filled in part, and is copied as a whole.
#define SIZE 64

static const UCHAR Name[] = "device0";

// bug: CopiesTheWholeBlock user:64
NTSTATUS CopiesTheWholeBlock(UCHAR *UserName)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Answer = ExAllocatePoolWithTag(PagedPool, SIZE, TAG);
    if (Answer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(Answer, Name, sizeof(Name));
    __try {
        CopyToUser(UserName, Answer, SIZE); // finds: information-leak
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Answer, TAG);
    return Status;
}

// fix: CopiesAZeroedBlock
NTSTATUS CopiesAZeroedBlock(UCHAR *UserName)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Answer = ExAllocatePool2(POOL_FLAG_PAGED, SIZE, TAG);
    if (Answer == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    RtlCopyMemory(Answer, Name, sizeof(Name));
    __try {
        CopyToUser(UserName, Answer, SIZE);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Answer, TAG);
    return Status;
}
