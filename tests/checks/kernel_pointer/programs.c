// SPDX-License-Identifier: MIT
// Pointers on the wrong side, and strange pointers where they belong.
#include "kernel.h"

typedef struct {
    UCHAR *buffer;
    ULONG64 length;
} REQUEST;

// call: SwapsThem user:64 kernel:64
ULONG SwapsThem(UCHAR *user, UCHAR *kernel)
{
    __try {
        CopyFromUser(user, kernel, 16); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: SwapsThemOnTheWayOut user:64 kernel:64
ULONG SwapsThemOnTheWayOut(UCHAR *user, UCHAR *kernel)
{
    __try {
        CopyToUser(kernel, user, 16); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ReadsItsOwnBuffer kernel:64
ULONG ReadsItsOwnBuffer(ULONG *kernel)
{
    __try {
        return ReadULongFromUser(kernel); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: ClearsPool 0
ULONG ClearsPool(void *unused)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 48, TAG);
    ULONG status = 0;
    if (!block)
        return 0;
    __try {
        ZeroUserMemory(block + 8, 16); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    ExFreePoolWithTag(block, TAG);
    return status;
}

// call: WritesToItsStack 0
ULONG WritesToItsStack(void *unused)
{
    ULONG value = 1;
    __try {
        WriteULongToUser(&value, 2); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return value;
}

// call: CapturesIntoUserMemory user:64
ULONG CapturesIntoUserMemory(UCHAR *user)
{
    __try {
        CopyFromUser(user + 32, user, 16); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: CompletesFromUserMemory user:64
ULONG CompletesFromUserMemory(UCHAR *user)
{
    __try {
        CopyToUser(user, user + 32, 16); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: SourceIsAlwaysTheUsers kernel:64 kernel:64
ULONG SourceIsAlwaysTheUsers(UCHAR *out, UCHAR *in)
{
    __try {
        CopyFromUserToMode(out, in, 16, KernelMode); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// An offset that the user chose, added to an address that the driver did.
// call: IndexesItsOwnTable user:=0000 kernel:64
ULONG IndexesItsOwnTable(ULONG *user, UCHAR *table)
{
    __try {
        ULONG64 offset = ReadULongFromUser(user) & 7;
        return ReadUCharFromUser(table + offset); // finds: kernel-pointer
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: CopyFromUser kernel:64 kernel:64 64 finds=1

// Kernel memory at an address of the user's.
// call: AnswersAnywhere user:64 kernel:64 prepare=kernel_address_inside
ULONG AnswersAnywhere(const REQUEST *user, UCHAR *unused)
{
    REQUEST request;
    ReadStructFromUser(&request, user);
    *request.buffer = 1; // finds: kernel-pointer
    return 0;
}

// call: CopiesFromAnywhere user:64 kernel:64 prepare=kernel_address_inside
ULONG CopiesFromAnywhere(const REQUEST *user, UCHAR *unused)
{
    UCHAR answer[24];
    const UCHAR *buffer = ReadPointerFromUser((void **)&user->buffer);
    RtlCopyMemory(answer, buffer + 16, sizeof answer); // finds: kernel-pointer
    return answer[1];
}

// call: FollowsAnArgument 0xFFFF800000001000
ULONG FollowsAnArgument(volatile ULONG *number)
{
    return *number; // finds: kernel-pointer
}

// call: FollowsAChain user:64 kernel:64 prepare=kernel_address_inside
ULONG FollowsAChain(const REQUEST *user, UCHAR *unused)
{
    struct { REQUEST request; ULONG copies; } context;
    CopyFromUser(&context.request, user, sizeof context.request);
    for (context.copies = 0; context.copies < 3; context.copies++)
        ((volatile UCHAR *)context.request.buffer)[context.copies]++; // finds: kernel-pointer
    return 0;
}

// Near misses.

// call: TheRightWay user:64 kernel:64
ULONG TheRightWay(UCHAR *user, UCHAR *kernel)
{
    CopyFromUser(kernel, user, 16);
    CopyToUser(user, kernel, 16);
    return ReadULongFromUser((ULONG *)user);
}

// call: BothAreTheUsers user:64
ULONG BothAreTheUsers(UCHAR *user)
{
    CopyToUserFromUser(user + 32, user, 16);
    MoveToUserFromUser(user + 1, user, 16);
    return 0;
}

// What user code gives may be any address: the accessor refuses it.
// call: TheUserGaveAKernelAddress 0xFFFF800000001000 kernel:64
ULONG TheUserGaveAKernelAddress(UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromUser(out, user + 8, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: FollowsANestedPointer user:64 kernel:64 prepare=kernel_address_inside
ULONG FollowsANestedPointer(const REQUEST *user, UCHAR *out)
{
    __try {
        REQUEST request;
        ReadStructFromUser(&request, user);
        CopyFromUser(out, request.buffer, 8);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: FollowsANestedPointerALittleFurther user:64 kernel:64 prepare=kernel_address_inside
ULONG FollowsANestedPointerALittleFurther(const REQUEST *user, UCHAR *out)
{
    UCHAR *buffer = 0;
    __try {
        buffer = ReadPointerFromUser((void **)&user->buffer);
        for (ULONG i = 0; i < 2; i++)
            CopyFromUser(out, buffer + 4 * i, 4);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: TriesAgainInTheHandler user:64 kernel:64 prepare=kernel_address_inside
ULONG TriesAgainInTheHandler(const REQUEST *user, UCHAR *out)
{
    UCHAR *buffer = ReadPointerFromUser((void **)&user->buffer);
    __try {
        CopyFromUser(out, buffer, 4);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        __try {
            CopyFromUser(out, buffer, 1);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            return GetExceptionCode();
        }
    }
    return 0;
}

// call: NullIsNoKernelAddress 0 kernel:64
ULONG NullIsNoKernelAddress(const UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromUser(out, user, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: NothingToCopy kernel:64
ULONG NothingToCopy(UCHAR *kernel)
{
    CopyFromUser(kernel, kernel, 0);
    return 0;
}

// call: ModeDecides kernel:64
ULONG ModeDecides(UCHAR *kernel)
{
    CopyFromMode(kernel, kernel + 32, 8, KernelMode);
    CopyToMode(kernel + 16, kernel, 8, KernelMode);
    return ReadULongFromMode((ULONG *)kernel, KernelMode);
}

// call: CopyFromUser kernel:64 0xFFFF800000000000 64

// The same address, but the driver has it from elsewhere.
// call: ComparesIt user:64 kernel:64 prepare=kernel_address_inside
ULONG ComparesIt(const REQUEST *user, UCHAR *mine)
{
    if (ReadPointerFromUser((void **)&user->buffer) != mine)
        return 1;
    mine[0] = 7;
    return mine[1];
}

// An address of its own, and an offset that the user chose.
// call: IndexesItsOwnMemory user:=2000 kernel:64
ULONG IndexesItsOwnMemory(const ULONG *user, UCHAR *table)
{
    return table[ReadULongFromUser(user) & 63];
}

// A number as large as an address, that nothing is addressed with.
// call: CountsDown user:=00f0ffffffffffff kernel:64
LONG64 CountsDown(const LONG64 *user, volatile UCHAR *table)
{
    LONG64 number = ReadLong64FromUser(user);
    return number + table[3];
}

// call: FollowsItsOwnBuffer kernel:64
ULONG FollowsItsOwnBuffer(volatile ULONG *buffer)
{
    return *buffer;
}
