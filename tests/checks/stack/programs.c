// SPDX-License-Identifier: MIT
// Compiled functions, and callers of those.
#include "kernel.h"

ULONG64 WritesAboveItsFrame(ULONG64 value);
ULONG64 WritesItsFifth(ULONG64 a, ULONG64 b, ULONG64 c, ULONG64 d, ULONG64 e, ULONG64 f);

ULONG64 CallsWhatWritesAbove(ULONG64 value)
{
    ULONG64 local[8];
    __asm__ volatile("" ::"r"(local) : "memory");
    return WritesAboveItsFrame(value) + local[7];
}

// call: OverrunsItsArray 12
NOINLINE ULONG64 OverrunsItsArray(ULONG count)
{
    volatile ULONG64 local[2];
    for (ULONG i = 0; i < count; i++)
        local[i] = 0x4141414141414141; // finds: stack
    return local[0];
}

// call: OverrunsWithMemcpy user:=........ kernel:128
ULONG64 OverrunsWithMemcpy(const void *user, const void *kernel)
{
    UCHAR local[16];
    RtlCopyMemory(local, kernel, 96); // finds: stack
    return *(volatile UCHAR *)local;
}

// call: OverrunsWithAnAccessor user:128
ULONG64 OverrunsWithAnAccessor(const void *user)
{
    UCHAR local[16];
    CopyFromUser(local, user, 96); // finds: stack
    return *(volatile UCHAR *)local;
}

// Near misses.

// call: PassesSix 1
ULONG64 PassesSix(ULONG64 value)
{
    return WritesItsFifth(value, 2, 3, 4, 5, 6) + WritesItsFifth(1, 2, 3, 4, value, value + 1);
}

// call: HasALargeFrame user:64
ULONG HasALargeFrame(const void *user)
{
    volatile UCHAR local[12000];
    CopyFromUser((void *)(local + 6000), user, 64);
    return local[6000];
}

// call: HasADynamicFrame user:64 40
ULONG HasADynamicFrame(const void *user, SIZE_T length)
{
    volatile UCHAR *local = __builtin_alloca(length);
    CopyFromUser((void *)local, user, length);
    return local[length - 1] + ReadUCharFromUser(user);
}

// call: HandlesAFault 16
ULONG HandlesAFault(ULONG *user)
{
    ULONG captured[4];
    __try {
        CopyFromUser(captured, user, sizeof captured);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        captured[0] = GetExceptionCode();
    }
    return captured[0];
}

// call: FillsItsArray 16
NOINLINE ULONG64 FillsItsArray(ULONG count)
{
    volatile ULONG64 local[16];
    for (ULONG i = 0; i < count; i++)
        local[i] = 0x4141414141414141;
    return local[0];
}

// call: CopyFromUser kernel:64 0xFFFF800000000000 64

// call: WriteUnicodeStringToUser user:64 kernel:16

// call: DbgPrints 3
ULONG DbgPrints(ULONG value)
{
    DbgPrint("%u %u %u %u %u\n", value, 2, 3, 4, 5);
    return value;
}
