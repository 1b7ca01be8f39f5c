// SPDX-License-Identifier: MIT
// Class 16: Missing Acquire and Release on a shared ring
// The other side fills a slot, then moves the tail. A relaxed read of the tail says nothing about what the slot holds.
// limit: Out of reach. On x64 every load acquires and every store releases, and there is one processor here: both routines
// make the same accesses in the same order. What is left of the mistake is in the source, and shows on Arm.
#include "driver.h"

#define SLOTS 8

typedef struct _RING {
    ULONG Head; // the driver's
    ULONG Tail; // the user's
    ULONG Slots[SLOTS];
} RING;

// bug: TakesRelaxed user:40 kernel:4 arg0+0=2 arg0+4=3
NTSTATUS TakesRelaxed(RING *UserRing, ULONG *Value)
{
    __try {
        ULONG Head = ReadULongFromUser(&UserRing->Head);
        if (Head == ReadULongFromUser(&UserRing->Tail)) {
            return STATUS_NO_MORE_ENTRIES;
        }
        *Value = ReadULongFromUser(&UserRing->Slots[Head % SLOTS]);
        WriteULongToUser(&UserRing->Head, Head + 1);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: TakesInOrder
NTSTATUS TakesInOrder(RING *UserRing, ULONG *Value)
{
    __try {
        ULONG Head = ReadULongFromUser(&UserRing->Head);
        if (Head == ReadULongFromUserAcquire(&UserRing->Tail)) {
            return STATUS_NO_MORE_ENTRIES;
        }
        *Value = ReadULongFromUser(&UserRing->Slots[Head % SLOTS]);
        WriteULongToUserRelease(&UserRing->Head, Head + 1);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
