// SPDX-License-Identifier: MIT
// Typed values that are put together of parts, or lie across a border, and ones that only look like it.
// The routines whose names begin with My are declared as accessors. Pages are aligned, so offsets are what they seem.
#include "kernel.h"

typedef struct {
    UCHAR *counters;
    ULONG offset;
} REQUEST;

// call: MyReadInHalves user:64
NOINLINE ULONG64 MyReadInHalves(volatile const ULONG *source)
{
    ULONG64 low = source[0];
    return low | (ULONG64)source[1] << 32; // finds: torn
}

// call: MyReadBytes user:64
NOINLINE USHORT MyReadBytes(volatile const UCHAR *source)
{
    USHORT low = source[0];
    return low | (USHORT)(source[1] << 8); // finds: torn
}

// call: MyWriteInHalves user:64 0x123456789
NOINLINE void MyWriteInHalves(volatile ULONG *destination, ULONG64 value)
{
    destination[0] = (ULONG)value;
    destination[1] = (ULONG)(value >> 32); // finds: torn
}

// call: AcrossALine user:128
ULONG64 AcrossALine(const UCHAR *user)
{
    return ReadULong64FromUser((const ULONG64 *)(user + 60)) + 1; // finds: torn
}

// call: AcrossAPage user:8192
ULONG AcrossAPage(const UCHAR *user)
{
    return ReadULongFromUser((const ULONG *)(user + 4095)) + 1; // finds: torn
}

// call: WritesAcrossALine user:128
ULONG WritesAcrossALine(UCHAR *user)
{
    WriteUShortToUser((USHORT *)(user + 63), 7); // finds: torn
    return 0;
}

// call: OnAMD user:64 profile=epyc,smap=permit
ULONG OnAMD(const UCHAR *user)
{
    return ReadULongFromUser((const ULONG *)(user + 6)) + 1; // finds: torn
}

// call: AModeForm user:128 1
ULONG64 AModeForm(const UCHAR *user, KPROCESSOR_MODE mode)
{
    return (ULONG64)ReadHandleFromMode((HANDLE *)(user + 57), mode) + 1; // finds: torn
}

// call: FlagOfAPackedStructure user:64
ULONG FlagOfAPackedStructure(UCHAR *user)
{
    __try {
        InterlockedOrToUser((volatile LONG *)(user + 1), 1); // finds: torn
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: CounterBehindANestedPointer user:64 prepare=points_to_itself
ULONG CounterBehindANestedPointer(const REQUEST *user)
{
    __try {
        UCHAR *counters = ReadPointerFromUser((void **)&user->counters);
        InterlockedOr64ToUser((volatile LONG64 *)(counters + 12), 1); // finds: torn
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// Near misses.

// call: OnIntel user:64
ULONG OnIntel(const UCHAR *user)
{
    return ReadULongFromUser((const ULONG *)(user + 6)) + 1;
}

// call: UpToTheBorder user:128
ULONG64 UpToTheBorder(UCHAR *user)
{
    WriteUCharToUser(user + 63, 1);
    WriteULongToUser((ULONG *)(user + 60), 1);
    return ReadULong64FromUser((ULONG64 *)(user + 56)) + ReadULong64FromUser((ULONG64 *)(user + 64));
}

// call: WithinEightBytes user:64 profile=epyc,smap=permit
ULONG WithinEightBytes(const UCHAR *user)
{
    return ReadUShortFromUser((const USHORT *)(user + 3)) + ReadULongFromUser((const ULONG *)(user + 4));
}

// call: TheKernelsOwnAcrossALine kernel:128 0
ULONG64 TheKernelsOwnAcrossALine(const UCHAR *kernel, KPROCESSOR_MODE mode)
{
    return ReadULong64FromMode((const ULONG64 *)(kernel + 60), mode);
}

// call: CopiesAreMadeOfParts user:128 kernel:128
ULONG CopiesAreMadeOfParts(const UCHAR *user, ULONG64 *out)
{
    CopyFromUser(out, user + 60, 8);
    return (ULONG)out[0];
}

// call: ADescriptorInTwoHalves user:64
ULONG ADescriptorInTwoHalves(const UNICODE_STRING *user)
{
    UNICODE_STRING captured = ReadUnicodeStringFromUser(user);
    return captured.Length;
}

// call: ReadLargeIntegerFromUser user:64

// call: InterlockedAnd64ToUser user:64 7

// call: MyReadOnce user:4096 prepare=paged_out
NOINLINE ULONG64 MyReadOnce(volatile const ULONG64 *source)
{
    return *source;
}

// call: MyReadOfAll user:64
NOINLINE ULONG MyReadOfAll(volatile const ULONG64 *source)
{
    return (ULONG)*source;
}

// A misaligned address that user code chose: the accessor is there to refuse it.
// call: TheUsersOwnAddress 0x7001
ULONG TheUsersOwnAddress(volatile LONG *user)
{
    __try {
        InterlockedOrToUser(user + 1, 1);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: TheUsersOwnOffset user:64 prepare=points_to_itself
ULONG TheUsersOwnOffset(const REQUEST *user)
{
    __try {
        REQUEST request;
        ReadStructFromUser(&request, user);
        InterlockedOrToUser((volatile LONG *)(request.counters + request.offset), 1);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: AlignedAsAny user:64
ULONG AlignedAsAny(UCHAR *user)
{
    return InterlockedOrToUser((volatile LONG *)(user + 4), 1);
}

// call: InterlockedOrToUser 0x7001 1
