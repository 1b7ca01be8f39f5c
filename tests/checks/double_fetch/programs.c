// SPDX-License-Identifier: MIT
// User memory that is fetched twice in a call, and what only looks like it. tests/campaign/confirm says of each that is
// found whether running again with a byte flipped in between confirms it.
#include "kernel.h"

typedef struct {
    UCHAR size;
    UCHAR data[63];
} REQUEST;

#define LARGEST 32

static NOINLINE BOOLEAN fits(ULONG size) { return size <= LARGEST; }

// call: SizeCheckedThenCopied user:64 kernel:64
NTSTATUS SizeCheckedThenCopied(REQUEST *user, UCHAR *kernel)
{
    if (ReadUCharFromUser(&user->size) % 64 > LARGEST)
        return STATUS_INVALID_PARAMETER;
    UCHAR size = ReadUCharFromUser(&user->size) % 64; // finds: double-fetch
    CopyFromUser(kernel, user->data, size);
    return STATUS_SUCCESS;
}

// call: PointerValidatedThenReadAgain user:8 user:8 prepare=point_at_second
NTSTATUS PointerValidatedThenReadAgain(ULONG *volatile *user)
{
    if ((ULONG64)ReadPointerFromUser((PVOID *)user) >= MmUserProbeAddress)
        return STATUS_ACCESS_VIOLATION;
    return *(ULONG *)ReadPointerFromUser((PVOID *)user) & 0x7FFFFFFF; // finds: double-fetch
}

// call: StringLengthThenCopy user:=hello,world kernel:64
ULONG64 StringLengthThenCopy(const CHAR *user, UCHAR *kernel)
{
    SIZE_T length = StringLengthFromUser(user);
    CopyFromUser(kernel, user, length); // finds: double-fetch
    return length;
}

static NOINLINE ULONG size_of(REQUEST *user);

// call: FetchInCallee user:64 kernel:64
NTSTATUS FetchInCallee(REQUEST *user, UCHAR *kernel)
{
    if (!fits(ReadUCharFromUser(&user->size) % 64))
        return STATUS_INVALID_PARAMETER;
    CopyFromUser(kernel, user->data, size_of(user));
    return STATUS_SUCCESS;
}

static ULONG size_of(REQUEST *user)
{
    return ReadUCharFromUser(&user->size) % 64; // finds: double-fetch
}

// call: HeaderThenWhole user:64 kernel:64
NTSTATUS HeaderThenWhole(REQUEST *user, REQUEST *kernel)
{
    UCHAR size = ReadUCharFromUser(&user->size);
    if (size > 63)
        return STATUS_INVALID_PARAMETER;
    CopyFromUser(kernel, user, size + 1); // finds: double-fetch
    return kernel->size == size ? STATUS_SUCCESS : 1;
}

static NOINLINE ULONG size_in(REQUEST volatile *user);

// call: DereferencesTwice user:64 kernel:64
NTSTATUS DereferencesTwice(REQUEST volatile *user, UCHAR *kernel)
{
    if (!fits(user->size % 64))
        return STATUS_INVALID_PARAMETER;
    kernel[size_in(user)] = 1;
    return STATUS_SUCCESS;
}

static ULONG size_in(REQUEST volatile *user) { return user->size % 64; } // finds: double-fetch

// call: ReadsBack user:64
ULONG ReadsBack(ULONG *user)
{
    WriteULongToUser(user, 5);
    return ReadULongFromUser(user); // finds: double-fetch
}

// A second value that nobody uses.
// call: IgnoresTheSecond user:64
ULONG IgnoresTheSecond(UCHAR *user)
{
    UCHAR first = ReadUCharFromUser(user);
    (void)ReadUCharFromUser(user); // finds: double-fetch
    return first;
}

// A second value that has to be the first.
// call: ComparesBoth user:64
NTSTATUS ComparesBoth(UCHAR *user)
{
    UCHAR first = ReadUCharFromUser(user);
    return ReadUCharFromUser(user) == first ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER; // finds: double-fetch
}

// Either value alone gives what it gives.
// call: TakesTheSmaller user:64
ULONG TakesTheSmaller(UCHAR *user)
{
    UCHAR first = ReadUCharFromUser(user);
    UCHAR second = ReadUCharFromUser(user); // finds: double-fetch
    return first < second ? first : second;
}

// call: CapturesOnce user:64 kernel:64
NTSTATUS CapturesOnce(REQUEST *user, UCHAR *kernel)
{
    UCHAR size = ReadUCharFromUser(&user->size) % 64;
    if (size > LARGEST)
        return STATUS_INVALID_PARAMETER;
    CopyFromUser(kernel, user->data, size);
    return STATUS_SUCCESS;
}

// call: NeighbouringFields user:64
ULONG NeighbouringFields(ULONG *user)
{
    return ReadULongFromUser(user) + ReadULongFromUser(user + 1);
}

// call: OneCopyInTwoParts user:64 kernel:64
void OneCopyInTwoParts(UCHAR *user, UCHAR *kernel)
{
    CopyFromUser(kernel, user, 31);
    CopyFromUser(kernel + 31, user + 31, 33);
}

// call: ReadsThenWrites user:64
void ReadsThenWrites(ULONG *user)
{
    WriteULongToUser(user, ReadULongFromUser(user) + 1);
}

// A loop around an interlocked operation is how a shared word is changed.
// call: SetsABit user:64
ULONG SetsABit(LONG volatile *user)
{
    LONG old = ReadLongFromUser(user), seen;
    while ((seen = InterlockedCompareExchangeToUser(user, old | 1, old)) != old)
        old = seen;
    return old;
}

// call: ProbesThenReads user:64
ULONG ProbesThenReads(ULONG *user)
{
    ProbeForWrite(user, 64, 4);
    return ReadULongFromUser(user);
}

// call: ReadsKernelMemoryTwice kernel:64
ULONG ReadsKernelMemoryTwice(ULONG volatile *kernel)
{
    return *kernel + *kernel;
}
