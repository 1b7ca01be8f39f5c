// SPDX-License-Identifier: MIT
// Modes that are not what the pointer is, and Modes that are.
#include "kernel.h"

typedef struct {
    UCHAR *buffer;
    ULONG length;
    UCHAR mode;
} REQUEST;

// call: TrustsAUserPointer user:64 kernel:64
ULONG TrustsAUserPointer(const UCHAR *user, UCHAR *out)
{
    CopyFromMode(out, user, 16, KernelMode); // finds: mode
    return out[0];
}

// call: WritesUnchecked user:64
ULONG WritesUnchecked(ULONG *user)
{
    WriteULongToMode(user, 7, KernelMode); // finds: mode
    return 0;
}

// call: FaultsWithSmap user:64 profile=skylake-server
ULONG FaultsWithSmap(ULONG *user)
{
    return ReadULongFromMode(user, KernelMode) + 1; // finds: mode
}

// call: DistrustsItsOwnBuffer kernel:64
ULONG DistrustsItsOwnBuffer(ULONG *kernel)
{
    __try {
        return ReadULongFromMode(kernel, UserMode); // finds: mode
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: PutsTheLengthBehindMode user:64
ULONG PutsTheLengthBehindMode(UCHAR *user)
{
    ZeroModeMemory(user, 1, 16); // finds: mode
    ZeroModeMemory(user, UserMode, KernelMode); // finds: mode
    return 0;
}

// call: ModeFromTheRequest user:64 kernel:64 prepare=says_user_mode
ULONG ModeFromTheRequest(const REQUEST *user, UCHAR *out)
{
    __try {
        REQUEST request;
        ReadStructFromUser(&request, user);
        CopyFromMode(out, user, 8, request.mode); // finds: mode
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ModeFromOneBit user:64 prepare=says_user_mode
ULONG ModeFromOneBit(REQUEST *user)
{
    __try {
        UCHAR flags = ReadUCharFromUser(&user->mode);
        WriteULongToMode(&user->length, 1, (flags >> 4 | flags) & 1); // finds: mode
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ModeReadDirectly user:64 kernel:64 prepare=says_user_mode
ULONG ModeReadDirectly(const volatile REQUEST *user, UCHAR *out)
{
    return (ULONG)StringLengthFromMode((const char *)user, user->mode); // finds: mode
}

// call: SaysKernelModeOfTheUsers user:64 prepare=says_kernel_mode
ULONG SaysKernelModeOfTheUsers(REQUEST *user)
{
    __try {
        UCHAR mode = ReadUCharFromUser(&user->mode);
        WriteULongToMode(&user->length, 1, mode); // finds: mode × 2
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ReadULongFromMode user:64 0 finds=1

// Near misses.

// call: UserModeOfUserMemory user:64 kernel:64
ULONG UserModeOfUserMemory(UCHAR *user, UCHAR *out)
{
    CopyFromMode(out, user, 16, UserMode);
    CopyToMode(user, out, 16, UserMode);
    return ReadULongFromMode((ULONG *)user, UserMode);
}

// call: KernelModeOfKernelMemory kernel:64 kernel:64
ULONG KernelModeOfKernelMemory(UCHAR *in, UCHAR *out)
{
    CopyFromMode(out, in, 16, KernelMode);
    FillModeMemory(out, 8, 1, KernelMode);
    return ReadULongFromMode((ULONG *)out, KernelMode);
}

// call: ModeFromThePreviousMode user:64
ULONG ModeFromThePreviousMode(ULONG *user)
{
    __try {
        ULONG value = ReadULongFromUser(user);
        return value + ReadULongFromMode(user, ExGetPreviousMode());
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: ModeAsGiven user:64 1
ULONG ModeAsGiven(ULONG *pointer, KPROCESSOR_MODE mode)
{
    return ReadULongFromMode(pointer, mode) + 1;
}

// call: ModeAsGiven kernel:64 0

// call: TheUserGaveAKernelAddress 0xFFFF800000001000 kernel:64
ULONG TheUserGaveAKernelAddress(UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromMode(out, user, 16, UserMode);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ReadsTheRequestThenChooses user:64 prepare=says_user_mode
ULONG ReadsTheRequestThenChooses(REQUEST *user)
{
    __try {
        REQUEST request;
        ReadStructFromUser(&request, user);
        if (request.length > 64)
            return 1;
        WriteULongToMode(&user->length, request.length + request.mode, UserMode);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: NothingToCopy user:64 kernel:64
ULONG NothingToCopy(UCHAR *user, UCHAR *out)
{
    CopyFromMode(out, user, 0, KernelMode);
    return 0;
}

// call: AsksTheFilter user:64
ULONG AsksTheFilter(ULONG *user)
{
    KPROCESSOR_MODE mode = ExGetPreviousMode();
    __try {
        return ReadULongFromMode(user, mode);
    } __except (UmaExceptionFilter(mode)) {
        return GetExceptionCode();
    }
}

// call: ReadULongFromMode kernel:64 0
