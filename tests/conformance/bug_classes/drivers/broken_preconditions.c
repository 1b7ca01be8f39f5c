// SPDX-License-Identifier: MIT
// Class 14: Preconditions of the accessors
// An interlocked operation on a misaligned address, overlap given to a copy, an IRQL above APC_LEVEL, or a thread of
// another process.
// limit: Which process is current is not modelled: there is one. A worker thread or a completion routine that takes a user
// address with it, at PASSIVE_LEVEL, looks here like the thread that the address belongs to.
#include "driver.h"

// shape: A misaligned interlocked operation: it raises STATUS_DATATYPE_MISALIGNMENT each time.
typedef struct _PACKED_COUNTER {
    UCHAR Kind;
    LONG Count;
} __attribute__((packed)) PACKED_COUNTER;

typedef struct _COUNTER {
    UCHAR Kind;
    LONG Count;
} COUNTER;

// bug: SetsMisalignedFlag user:8
NTSTATUS SetsMisalignedFlag(PACKED_COUNTER *UserCounter)
{
    __try {
        UCHAR *Count = (UCHAR *)UserCounter + FIELD_OFFSET(PACKED_COUNTER, Count);
        InterlockedOrToUser((volatile LONG *)Count, 1); // finds: torn
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: SetsAlignedFlag
NTSTATUS SetsAlignedFlag(COUNTER *UserCounter)
{
    __try {
        InterlockedOrToUser(&UserCounter->Count, 1);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: Overlapping ranges given to a copy, which does not support them.
// bug: InsertsByCopy user:64
NTSTATUS InsertsByCopy(ULONG *UserList)
{
    __try {
        CopyToUserFromUser(UserList + 1, UserList, 15 * sizeof(ULONG)); // finds: overlap
        WriteULongToUser(UserList, 0);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: InsertsByMove
NTSTATUS InsertsByMove(ULONG *UserList)
{
    __try {
        MoveToUserFromUser(UserList + 1, UserList, 15 * sizeof(ULONG));
        WriteULongToUser(UserList, 0);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: User memory accessed at DISPATCH_LEVEL, under a spin lock.
typedef struct _DEVICE {
    KSPIN_LOCK Lock;
    UCHAR Shared[64];
} DEVICE;

// bug: CopiesUnderTheLock user:64 kernel:72
NTSTATUS CopiesUnderTheLock(const UCHAR *UserData, DEVICE *Device)
{
    NTSTATUS Status = STATUS_SUCCESS;
    KIRQL Before;
    KeAcquireSpinLock(&Device->Lock, &Before);
    __try {
        CopyFromUser(Device->Shared, UserData, sizeof(Device->Shared)); // finds: irql
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    KeReleaseSpinLock(&Device->Lock, Before);
    return Status;
}

// fix: CopiesBeforeTheLock
NTSTATUS CopiesBeforeTheLock(const UCHAR *UserData, DEVICE *Device)
{
    UCHAR Data[sizeof(Device->Shared)];
    KIRQL Before;
    __try {
        CopyFromUser(Data, UserData, sizeof(Data));
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    KeAcquireSpinLock(&Device->Lock, &Before);
    RtlCopyMemory(Device->Shared, Data, sizeof(Data));
    KeReleaseSpinLock(&Device->Lock, Before);
    return STATUS_SUCCESS;
}

// shape: A DPC writes to an address that a request left behind: it runs in whichever process it has interrupted. What is
// found is its IRQL.
typedef struct _PENDING {
    ULONG *UserDone;
    ULONG Done;
} PENDING;

// bug: TellsTheUserFromADpc kernel:16 user:4 arg0+0=arg1 irql=2
NTSTATUS TellsTheUserFromADpc(PENDING *Pending)
{
    __try {
        WriteULongToUser(Pending->UserDone, 1); // finds: irql
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: TellsTheDriverFromADpc
NTSTATUS TellsTheDriverFromADpc(PENDING *Pending)
{
    Pending->Done = 1; // the thread of the request looks there, and tells the user
    return STATUS_SUCCESS;
}
