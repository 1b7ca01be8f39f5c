// SPDX-License-Identifier: MIT
// Accessors that fetch again what they have, or leave something out, and ones that may or do not.
// The routines whose names begin with My are declared as accessors.
#include "kernel.h"

// call: MyReadULong user:64
NOINLINE ULONG MyReadULong(volatile const ULONG *source)
{
    if (*source > 0x80000000)
        return 0x80000000;
    return *source; // finds: read-count
}

// call: MyReadUShort user:64
NOINLINE USHORT MyReadUShort(volatile const UCHAR *source)
{
    USHORT low = *(volatile const USHORT *)source;
    return low + source[1]; // finds: read-count
}

// call: MyReadStruct kernel:64 user:64 40
NOINLINE void MyReadStruct(volatile ULONG64 *target, volatile const ULONG64 *source, SIZE_T size)
{
    for (SIZE_T i = 0; i < size / 8; i++)
        target[i] = source[i];
    if (target[0] != source[0]) // finds: read-count
        target[0] = 0;
}

// call: CallsOneTwice user:64
NOINLINE ULONG64 MyReadInACallee(volatile const ULONG64 *source)
{
    return RtlReadULong64FromUser(source) | RtlReadULong64FromUser(source); // finds: read-count
}

ULONG64 CallsOneTwice(volatile const ULONG64 *user)
{
    return MyReadInACallee(user) + 1;
}

// call: MyShortCopy kernel:64 user:64 61
NOINLINE void MyShortCopy(volatile ULONG64 *target, volatile const ULONG64 *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length / 8; i++)
        target[i] = source[i];
} // finds: read-count × 2

// call: MyFill user:64 65 64
NOINLINE void MyFill(volatile UCHAR *destination, int fill, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i += 2)
        destination[i] = (UCHAR)fill;
} // finds: read-count

// call: MyCachedRead user:64
static ULONG Cached = 7;

NOINLINE ULONG MyCachedRead(volatile const ULONG *source)
{
    return Cached ? Cached : *source; // finds: read-count
}

// call: MyCompareExchange user:64 1 2
NOINLINE LONG MyCompareExchange(volatile LONG *destination, LONG exchange, LONG comperand)
{
    LONG previous = *destination;
    InterlockedCompareExchange(destination, exchange, comperand); // finds: read-count
    return previous;
}

// Near misses.

// call: ReadULong64FromUser user:64

// call: CopyFromUser kernel:4096 user:4096 4095 prepare=paged_out

// call: InterlockedOrToUser user:64 3

// call: ReadStructFromUserHelper kernel:8192 user:8192 8191 prepare=paged_out

// call: MyOverlappingCopy kernel:64 user:64 12
NOINLINE void MyOverlappingCopy(UCHAR *target, const UCHAR *source, SIZE_T length)
{
    *(volatile ULONG64 *)target = *(volatile const ULONG64 *)source;
    *(volatile ULONG64 *)(target + length - 8) = *(volatile const ULONG64 *)(source + length - 8);
}

// call: TwoReads user:64
ULONG TwoReads(const ULONG *user)
{
    return ReadULongFromUser(user) + ReadULongFromUser(user);
}

// call: MyReadULong64 user:4096 prepare=gone
NOINLINE ULONG64 MyReadULong64(volatile const ULONG64 *source)
{
    ULONG64 value = 0;
    __try {
        value = *source;
    } __except (EXCEPTION_CONTINUE_SEARCH) {
        value = 1;
    }
    return value;
}

// call: MyReadOfKernelMemory kernel:64 0
NOINLINE ULONG MyReadOfKernelMemory(volatile const ULONG *source, KPROCESSOR_MODE mode)
{
    return *source + (mode ? 1 : *source);
}

// call: MoveToUserFromUser user:512 user:512 511

// call: WideStringLengthFromUser user:64

// call: WriteUnicodeStringToUser user:64 kernel:16
