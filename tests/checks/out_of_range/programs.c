// SPDX-License-Identifier: MIT
// Copies that touch more than they are given, drivers that run over the ends of their buffers, and ones that come close.
// The routines whose names begin with My are declared as accessors.
#include "kernel.h"

typedef UCHAR WIDE __attribute__((vector_size(16), aligned(1)));

// call: MyWideCopy kernel:64 user:64 20
NOINLINE void MyWideCopy(UCHAR *target, const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i += 16)
        *(volatile WIDE *)(target + i) = *(volatile const WIDE *)(source + i); // finds: out-of-range × 2
}

// call: IntoALocal user:64
ULONG IntoALocal(const UCHAR *user)
{
    volatile UCHAR local[64];
    MyWideCopy((UCHAR *)local, user, 32);
    return local[0] + local[31];
}

// call: MyCopyOfOneMore kernel:64 user:64 64
NOINLINE void MyCopyOfOneMore(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i <= length; i++)
        target[i] = source[i]; // finds: out-of-range × 2
}

// call: MyAlignedRead kernel:64 user:64 8
NOINLINE void MyAlignedRead(volatile UCHAR *target, const UCHAR *source, SIZE_T length)
{
    const UCHAR *from = source + 4;
    WIDE chunk = *(volatile const WIDE *)((ULONG64)from & ~15ULL); // finds: out-of-range
    for (SIZE_T i = 0; i < length; i++)
        target[i] = chunk[(4 + i) & 15];
}

// call: MyTerminatedCopy kernel:64 user:64 64
NOINLINE void MyTerminatedCopy(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i++)
        target[i] = source[i];
    target[length] = 0; // finds: out-of-range
}

// call: MyUnderrun kernel:64 user:64 64
NOINLINE void MyUnderrun(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = length + 1; i > 0; i--)
        target[(LONG64)i - 2] = source[(LONG64)i - 2]; // finds: out-of-range
}

// call: MyReadAhead kernel:4096 user:4096 4096
NOINLINE void MyReadAhead(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i++)
        target[i] = source[i];
    (void)source[length]; // finds: out-of-range
}

// call: MyLength user:4096 prepare=string_to_the_end
NOINLINE SIZE_T MyLength(const UCHAR *string)
{
    SIZE_T length = 0;
    for (;; length += 16) {
        WIDE chunk = *(volatile const WIDE *)(string + length);
        WIDE ahead = *(volatile const WIDE *)(string + length + 16); // finds: out-of-range
        for (ULONG i = 0; i < 16; i++)
            if (!chunk[i])
                return length + i + (ahead[0] & 0);
    }
}

// call: FillsTooMuch kernel:60
ULONG FillsTooMuch(volatile ULONG64 *kernel)
{
    for (ULONG i = 0; i < 8; i++)
        kernel[i] = i; // finds: out-of-range
    return 0;
}

// call: ReadsTheHeaderBefore kernel:64
ULONG ReadsTheHeaderBefore(volatile const ULONG *kernel)
{
    return kernel[-1]; // finds: out-of-range
}

// call: TrustsTheLength user:64 kernel:64 100
ULONG TrustsTheLength(const void *user, void *kernel, SIZE_T length)
{
    CopyFromUser(kernel, user, length); // finds: out-of-range × 2
    return 0;
}

// call: CopiesTooMuchInTheKernel kernel:64 kernel:32
ULONG CopiesTooMuchInTheKernel(const void *from, UCHAR *to)
{
    RtlCopyMemory(to, from, 48); // finds: out-of-range
    return to[0];
}

// call: ReadsBehindTheArray user:16
ULONG ReadsBehindTheArray(volatile const ULONG *user)
{
    return user[3] + user[4]; // finds: out-of-range
}

// Near misses.

// call: CopyFromUser kernel:64 user:64 100

// call: CopyToUserNonTemporal user:64 kernel:64 61

// call: MyOverlappingTail kernel:64 user:64 45
NOINLINE void MyOverlappingTail(UCHAR *target, const UCHAR *source, SIZE_T length)
{
    SIZE_T i = 0;
    for (; i + 16 <= length; i += 16)
        *(volatile WIDE *)(target + i) = *(volatile const WIDE *)(source + i);
    if (i < length)
        *(volatile WIDE *)(target + length - 16) = *(volatile const WIDE *)(source + length - 16);
}

// call: IntoALocalOfItsSize user:64
ULONG IntoALocalOfItsSize(const UCHAR *user)
{
    volatile UCHAR local[32];
    CopyFromUser((void *)local, user, sizeof local);
    MyOverlappingTail((UCHAR *)local, user, sizeof local);
    return local[31];
}

static volatile UCHAR Copied[24];
static volatile ULONG Copies;
static volatile UCHAR Scratch[64];

// call: IntoAGlobal user:64
NOINLINE void MyCountedCopy(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    volatile UCHAR step[40];
    Copies++;
    for (SIZE_T i = 0; i < length; i++) {
        step[i % sizeof step] = source[i];
        Scratch[i % sizeof Scratch] = step[i % sizeof step];
        target[i] = step[i % sizeof step];
    }
}

ULONG IntoAGlobal(const void *user)
{
    MyCountedCopy(Copied, user, sizeof Copied);
    CopyFromUser((void *)Copied, user, sizeof Copied);
    return Copied[0] + Copies;
}

// call: LengthOfAText user:=text
SIZE_T LengthOfAText(const char *user)
{
    return StringLengthFromUser(user + 1) + StringLengthFromUser(user);
}

// call: StringLengthFromUser user:4096 prepare=string_to_the_end

// call: WideStringLengthFromUser user:64 prepare=unmapped

// call: CopyFromUser kernel:8192 user:8192 8192 prepare=second_page_gone

// call: IntoPool user:64
ULONG IntoPool(const void *user)
{
    volatile UCHAR *one = ExAllocatePoolWithTag(NonPagedPoolNx, 40, TAG);
    volatile UCHAR *other = ExAllocatePoolWithTag(NonPagedPoolNx, 40, TAG);
    if (!one || !other)
        return 0;
    CopyFromUser((void *)one, user, 40);
    CopyFromUser((void *)other, user, 40);
    one[39] = other[0] = 1;
    ExFreePoolWithTag((void *)one, TAG);
    ExFreePoolWithTag((void *)other, TAG);
    return 0;
}

// call: ReadsAllOfIt user:64 kernel:64
ULONG ReadsAllOfIt(volatile const ULONG *user, volatile ULONG *kernel)
{
    for (ULONG i = 0; i < 16; i++)
        kernel[i] = user[i];
    RtlZeroMemory((void *)kernel, 64);
    return 0;
}

// call: CapturesADescriptor user:64
ULONG CapturesADescriptor(UNICODE_STRING *user)
{
    UNICODE_STRING captured = ReadUnicodeStringFromUser(user);
    captured.Length = 0;
    WriteUnicodeStringToUser(user + 1, captured);
    return captured.MaximumLength;
}

// call: AFilterReadsTheNeighbour user:64 kernel:64
static LONG LooksAround(volatile const UCHAR *kernel)
{
    return kernel[0] ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

ULONG AFilterReadsTheNeighbour(const UCHAR *user, UCHAR *kernel)
{
    kernel[0] = 1;
    __try {
        CopyFromUser(kernel + 8, (const void *)0xFFFF800000001000ULL, 8);
    } __except (LooksAround(kernel)) {
        return GetExceptionCode();
    }
    return 0;
}
