// SPDX-License-Identifier: MIT
// Copies whose ranges overlap, and copies whose ranges only come close.
#include "kernel.h"

// call: ShiftsUpByOne user:64
void ShiftsUpByOne(UCHAR *user)
{
    CopyToUserFromUser(user + 1, user, 63); // finds: overlap
    user = 0;
}

// call: ShiftsDown user:64
ULONG ShiftsDown(UCHAR *user)
{
    CopyToUserFromUser(user, user + 16, 48); // finds: overlap
    return 0;
}

// call: CopiesToItself user:64
ULONG CopiesToItself(UCHAR *user)
{
    CopyToUserFromUser(user, user, 64); // finds: overlap
    return 0;
}

// call: OneByteInCommon user:64
ULONG OneByteInCommon(UCHAR *user)
{
    CopyToUserFromUser(user + 31, user, 32); // finds: overlap
    return 0;
}

// call: KernelModeCopy kernel:64
ULONG KernelModeCopy(UCHAR *kernel)
{
    CopyFromMode(kernel + 8, kernel, 32, KernelMode); // finds: overlap
    return 0;
}

// call: SwapsSourceAndDestination kernel:64
ULONG SwapsSourceAndDestination(UCHAR *kernel)
{
    __try {
        CopyFromUser(kernel, kernel + 4, 8); // finds: overlap
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: AReallyLongOne user:8192
ULONG AReallyLongOne(UCHAR *user)
{
    CopyToUserFromUser(user + 4096, user, 4097); // finds: overlap
    return 0;
}

// call: CopyToUserFromUser 0x10000000 0x10000001 2 finds=1

// Near misses.

// call: MovesUpByOne user:64
ULONG MovesUpByOne(UCHAR *user)
{
    MoveToUserFromUser(user + 1, user, 63);
    return 0;
}

// call: Adjacent user:64
ULONG Adjacent(UCHAR *user)
{
    CopyToUserFromUser(user + 32, user, 32);
    CopyToUserFromUser(user, user + 32, 32);
    return 0;
}

// call: NothingToCopy user:64
ULONG NothingToCopy(UCHAR *user)
{
    CopyToUserFromUser(user, user, 0);
    return 0;
}

// call: TwoBuffers user:64 kernel:64
ULONG TwoBuffers(UCHAR *user, UCHAR *kernel)
{
    CopyFromUser(kernel, user, 64);
    CopyToUser(user, kernel, 64);
    return 0;
}

// call: TheSameRangeTwice user:64 kernel:64
ULONG TheSameRangeTwice(UCHAR *user, UCHAR *kernel)
{
    CopyFromUser(kernel, user, 32);
    CopyFromUser(kernel + 16, user + 16, 32);
    return 0;
}

// call: FillsAndReadsBack user:64
ULONG FillsAndReadsBack(UCHAR *user)
{
    SetUserMemory(user, 1, 64);
    return ReadUCharFromUser(user + 3);
}

// call: MemmoveInTheKernel kernel:64
ULONG MemmoveInTheKernel(UCHAR *kernel)
{
    RtlMoveMemory(kernel + 1, kernel, 32);
    return 0;
}
