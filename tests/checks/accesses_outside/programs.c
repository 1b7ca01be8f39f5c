// SPDX-License-Identifier: MIT
// Callers of accessors that touch the same user memory themselves, and ones that touch other memory.
#include "kernel.h"

typedef struct {
    ULONG length;
    ULONG flags;
    UCHAR data[24];
} REQUEST;

// call: ChecksThenCopies user:64 kernel:64
ULONG ChecksThenCopies(volatile const REQUEST *user, REQUEST *out)
{
    if (user->length == 77) // finds: accesses-outside
        return 0;
    CopyFromUser(out, (const void *)user, sizeof *out);
    return out->length;
}

// call: ReadsItAgain user:64 kernel:64
ULONG ReadsItAgain(volatile const REQUEST *user, REQUEST *out)
{
    CopyFromUser(out, (const void *)user, sizeof *out);
    return out->length + user->flags; // finds: accesses-outside
}

// call: PatchesTheResult user:64 kernel:64
void PatchesTheResult(volatile REQUEST *user, const REQUEST *in)
{
    CopyToUser((void *)user, in, sizeof *in);
    user->data[23] = 1; // finds: accesses-outside
}

// call: ReadsAfterATypedRead user:64
ULONG ReadsAfterATypedRead(ULONG *user)
{
    ULONG value = ReadULongFromUser(user);
    if (value == 1)
        return 0;
    return *(volatile ULONG *)user; // finds: accesses-outside
}

// call: CopiesWithMemcpy user:64 kernel:64
ULONG CopiesWithMemcpy(const REQUEST *user, REQUEST *out)
{
    ULONG length = ReadULongFromUser(&user->length);
    RtlCopyMemory(out, user, sizeof *out); // finds: accesses-outside
    return out->length + length;
}

// call: ReadsTheCharacters user:=secret
ULONG ReadsTheCharacters(volatile const char *user)
{
    ULONG sum = 0;
    SIZE_T length = StringLengthFromUser((const char *)user);
    for (SIZE_T i = 0; i < length; i++)
        sum += user[i]; // finds: accesses-outside
    return sum;
}

// call: ReadsInTheHandler user:64
ULONG ReadsInTheHandler(volatile const ULONG *user)
{
    UCHAR captured[32];
    __try {
        CopyFromUser(captured, (const void *)user, sizeof captured);
        CopyFromUser((void *)user, captured, 0x7FFFFFFFFFFFFFFF);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return *user; // finds: accesses-outside
    }
    return captured[0];
}

// call: TheFilterReads user:8192 prepare=second_page_gone
ULONG TheFilterReads(volatile const ULONG *user)
{
    static UCHAR captured[8192];
    __try {
        CopyFromUser(captured, (const void *)user, sizeof captured);
    } __except (*user == 7 ? EXCEPTION_CONTINUE_SEARCH : EXCEPTION_EXECUTE_HANDLER) { // finds: accesses-outside
        return GetExceptionCode();
    }
    return captured[0];
}

// call: BeforeATailCall user:64 kernel:64
void BeforeATailCall(volatile const ULONG *user, void *out)
{
    ((volatile ULONG *)out)[8] = *user; // finds: accesses-outside
    CopyFromUser(out, (const void *)user, 32);
}

// Near misses.

// call: ReadsAnotherField user:64 kernel:64
ULONG ReadsAnotherField(volatile const ULONG *user, void *out)
{
    CopyFromUser(out, (const void *)(user + 1), 16);
    return user[0] + user[5];
}

// call: AnotherFunctionReads user:64 kernel:64
static NOINLINE ULONG Field(volatile const ULONG *user)
{
    return *user;
}

ULONG AnotherFunctionReads(volatile const ULONG *user, ULONG *out)
{
    CopyFromUser(out, (const void *)user, 16);
    return Field(user) + out[0];
}

// call: ReadsTheDestination user:64 kernel:64
ULONG ReadsTheDestination(const void *user, volatile ULONG *out)
{
    out[0] = 1;
    CopyFromUser((void *)out, user, 16);
    out[1] += out[0];
    CopyToUser((void *)user, (void *)out, 16);
    return out[2];
}

// call: TheKernelsOwnMemory kernel:64
ULONG TheKernelsOwnMemory(volatile ULONG *kernel)
{
    return ReadULongFromMode((ULONG *)kernel, KernelMode) + *kernel;
}

// call: Probes user:64 kernel:64
ULONG Probes(void *user, void *out)
{
    ProbeForRead(user, 64, 1);
    ProbeForWrite(user, 64, 1);
    CopyFromUser(out, user, 64);
    return 0;
}

// call: TwoAccessors user:64 kernel:64
ULONG TwoAccessors(ULONG *user, ULONG *out)
{
    ULONG first = ReadULongFromUser(user);
    CopyFromUser(out, user, 16);
    WriteULongToUser(user, first);
    return out[0];
}

// call: NothingIsCopied user:64 kernel:64
ULONG NothingIsCopied(volatile const ULONG *user, void *out)
{
    CopyFromUser(out, (const void *)user, 0);
    return *user;
}

// call: ReadsBehindTheString user:=text
ULONG ReadsBehindTheString(volatile const char *user)
{
    return (ULONG)StringLengthFromUser((const char *)user) + user[8];
}

// call: TheHandlerReadsTheCopy user:8192 prepare=second_page_gone
ULONG TheHandlerReadsTheCopy(const void *user)
{
    static volatile UCHAR captured[8192];
    __try {
        CopyFromUser((void *)captured, user, sizeof captured);
    } __except (captured[0] == 7 ? EXCEPTION_CONTINUE_SEARCH : EXCEPTION_EXECUTE_HANDLER) {
        return captured[1];
    }
    return captured[0];
}
