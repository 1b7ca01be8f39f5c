// SPDX-License-Identifier: MIT
// Drivers that touch user memory themselves, and drivers that seem to.
#include "kernel.h"

typedef struct {
    ULONG length;
    ULONG flags;
    UCHAR data[8];
} REQUEST;

// call: DereferencesThePointer user:64
ULONG DereferencesThePointer(volatile const ULONG *user)
{
    return *user; // finds: direct-user-access
}

// call: ProbesAndReads user:64
ULONG ProbesAndReads(volatile ULONG *user)
{
    ULONG value = 0;
    __try {
        ProbeForRead((void *)user, sizeof *user, 1);
        value = user[2]; // finds: direct-user-access
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = GetExceptionCode();
    }
    return value;
}

// call: WritesTheResult user:64 7
void WritesTheResult(volatile ULONG *user, ULONG value)
{
    *user = value; // finds: direct-user-access
}

// call: SumsInALoop user:64 16
ULONG SumsInALoop(volatile const ULONG *user, ULONG count)
{
    ULONG sum = 0;
    for (ULONG i = 0; i < count; i++)
        sum += user[i]; // finds: direct-user-access
    return sum;
}

// call: ChecksOneFieldDirectly user:64 kernel:64
ULONG ChecksOneFieldDirectly(volatile const REQUEST *user, REQUEST *out)
{
    if (user->length > 16) // finds: direct-user-access
        return 0;
    CopyFromUser(out, (const void *)user, sizeof *out);
    return out->length;
}

// call: ReadsInACallee user:64
static NOINLINE ULONG Field(volatile const ULONG *field)
{
    return *field; // finds: direct-user-access
}

ULONG ReadsInACallee(volatile const REQUEST *user)
{
    return Field(&user->flags) + 1;
}

// call: ReadsInAFilter user:64
ULONG ReadsInAFilter(volatile const ULONG *user)
{
    volatile ULONG result = 0;
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (*user ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) { // finds: direct-user-access
        result = 1;
    }
    return result;
}

// call: ReadsNothingThatIsThere 4096
ULONG ReadsNothingThatIsThere(volatile const ULONG *user)
{
    ULONG value = 0;
    __try {
        value = *user; // finds: direct-user-access
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = GetExceptionCode();
    }
    return value;
}

// call: CopiesWithMemcpy user:64 kernel:64
void CopiesWithMemcpy(const void *user, void *out)
{
    RtlCopyMemory(out, user, 48); // finds: direct-user-access
    ((UCHAR *)out)[0] = 0;
}

// Near misses.

// call: CapturesWithAnAccessor user:64 kernel:64
ULONG CapturesWithAnAccessor(const void *user, REQUEST *out)
{
    __try {
        CopyFromUser(out, user, sizeof *out);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return out->length + out->flags;
}

// call: ReadsAndWritesTyped user:64
ULONG ReadsAndWritesTyped(ULONG *user)
{
    ULONG value = ReadULongFromUser(user);
    WriteULongToUser(user + 1, value + 1);
    return value;
}

// call: OnlyCalculatesAddresses user:64
ULONG64 OnlyCalculatesAddresses(const REQUEST *user)
{
    return (ULONG64)&user->data[3] - (ULONG64)user;
}

// call: ReadsKernelMemory kernel:64
ULONG ReadsKernelMemory(volatile const ULONG *kernel)
{
    return kernel[0] + kernel[3];
}

// call: UsesTheModeForm user:64 1
ULONG UsesTheModeForm(const ULONG *pointer, KPROCESSOR_MODE mode)
{
    return ReadULongFromMode(pointer, mode);
}

// call: UsesTheModeForm kernel:64 0

// call: TheAccessorFaults 4096 kernel:8
ULONG TheAccessorFaults(const void *user, void *out)
{
    __try {
        CopyFromUser(out, user, 8);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: ProbesOnly user:64
ULONG ProbesOnly(void *user)
{
    ProbeForRead(user, 64, 1);
    ProbeForWrite(user, 64, 1);
    return 0;
}

// call: DeclaredCopy kernel:64 user:64 64
void DeclaredCopy(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i++)
        target[i] = source[i];
}
