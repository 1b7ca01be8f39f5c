// SPDX-License-Identifier: MIT
// Class 13: The exception path
// An accessor raises, and what was done before stays done: a block is not freed, a lock not released. Or the handler takes
// more than it should, and tells too little. In each call here the user's page goes away before it is read or written.
// limit: Handles are not counted: the kernel here has no routine that opens one.
#include "driver.h"

#define SIZE 64

// shape: The pool block is leaked.
// bug: LeaksTheBlock user:64 fault=none@arg0+0,access=1
NTSTATUS LeaksTheBlock(UCHAR *UserData)
{
    UCHAR *Data = ExAllocatePool2(POOL_FLAG_PAGED, SIZE, TAG); // finds: pool
    if (Data == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        CopyFromUser(Data, UserData, SIZE);
        ExFreePoolWithTag(Data, TAG);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: FreesTheBlock
// good: user:64
NTSTATUS FreesTheBlock(UCHAR *UserData)
{
    NTSTATUS Status = STATUS_SUCCESS;
    UCHAR *Data = ExAllocatePool2(POOL_FLAG_PAGED, SIZE, TAG);
    if (Data == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        CopyFromUser(Data, UserData, SIZE);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Data, TAG);
    return Status;
}

// shape: The lock stays held.
typedef struct _QUEUE {
    FAST_MUTEX Lock;
    UCHAR Data[SIZE];
} QUEUE;

// bug: KeepsTheLock user:64 kernel:128 fault=none@arg0+0,access=1
NTSTATUS KeepsTheLock(const UCHAR *UserData, QUEUE *Queue)
{
    ExInitializeFastMutex(&Queue->Lock); // DriverEntry would
    __try {
        ExAcquireFastMutex(&Queue->Lock); // finds: lock
        CopyFromUser(Queue->Data, UserData, SIZE);
        ExReleaseFastMutex(&Queue->Lock);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: ReleasesTheLock
// good: user:64 kernel:128
NTSTATUS ReleasesTheLock(const UCHAR *UserData, QUEUE *Queue)
{
    ExInitializeFastMutex(&Queue->Lock);
    __try {
        ExAcquireFastMutex(&Queue->Lock);
        __try {
            CopyFromUser(Queue->Data, UserData, SIZE);
        } __finally {
            ExReleaseFastMutex(&Queue->Lock);
        }
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: The block is too large: a null pointer of the driver's own is handled as if it were the user's.
// limit: It is found by the address, which lies in the user's half. A division by zero in the block is handled as
// silently, and no check knows that this was not meant.
typedef struct _DEVICE {
    struct _DEVICE *Lower; // null in this call
    ULONG Version;
} DEVICE;

// bug: SwallowsItsOwnMistake user:64 kernel:16
NTSTATUS SwallowsItsOwnMistake(ULONG *UserVersion, DEVICE *Device)
{
    __try {
        ULONG Version = Device->Lower->Version; // finds: direct-user-access
        WriteULongToUser(UserVersion, Version);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: CoversTheAccessAlone
// good: user:64 kernel:16 arg1+0=arg1
NTSTATUS CoversTheAccessAlone(ULONG *UserVersion, DEVICE *Device)
{
    ULONG Version;
    if (Device->Lower == NULL) {
        return STATUS_DEVICE_NOT_READY;
    }
    Version = Device->Lower->Version;
    __try {
        WriteULongToUser(UserVersion, Version);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: Output that was written in part is reported as success.
// limit: No check knows what a routine owes its caller. A campaign does: it holds the call in which a write fails against
// the one in which none does. `emu inject ReportsSuccess user:64 --image exception_path.c --profiles
// skylake-server,smap=permit --what-if` says `wrong-data` 16 times.
// bug: ReportsSuccess user:64 fault=none@arg0+32,access=1
NTSTATUS ReportsSuccess(ULONG *UserSquares)
{
    __try {
        for (ULONG Index = 0; Index < 16; Index++) {
            WriteULongToUser(&UserSquares[Index], Index * Index);
        }
    } __except (UmaExceptionFilter(UserMode)) {
    }
    return STATUS_SUCCESS;
}

// fix: ReportsTheFailure
// good: user:64
NTSTATUS ReportsTheFailure(ULONG *UserSquares)
{
    __try {
        for (ULONG Index = 0; Index < 16; Index++) {
            WriteULongToUser(&UserSquares[Index], Index * Index);
        }
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
