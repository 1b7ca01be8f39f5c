// SPDX-License-Identifier: MIT
// User memory accessed where an exception would stop the system, and where it would not.
#include "kernel.h"

typedef struct {
    ULONG length;
    ULONG flags;
} REQUEST;

// call: NoTryAtAll user:64 kernel:64
ULONG NoTryAtAll(const UCHAR *user, UCHAR *out)
{
    CopyFromUser(out, user, 16); // finds: unguarded-user-access
    return out[0];
}

// call: DereferencesOutside user:64
ULONG DereferencesOutside(volatile const ULONG *user)
{
    return user[1]; // finds: unguarded-user-access
}

// call: OneFieldTooLate user:64 kernel:64
ULONG OneFieldTooLate(REQUEST *user, REQUEST *out)
{
    __try {
        CopyFromUser(out, user, sizeof *out);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    WriteULongToUser(&user->flags, out->length); // finds: unguarded-user-access
    return 0;
}

// call: InTheHandler 0x1000
ULONG InTheHandler(ULONG *user)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        WriteULongToUser(user, GetExceptionCode()); // finds: unguarded-user-access
    }
    return 0;
}

// call: OnlyAFinally user:64 kernel:64
ULONG OnlyAFinally(const UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromUser(out, user, 16); // finds: unguarded-user-access
    } __finally {
        out[63] = 1;
    }
    return out[0];
}

// call: InTheFilter user:64
ULONG InTheFilter(ULONG *user)
{
    volatile ULONG result = 0;
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (ReadULongFromUser(user) ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) { // finds: unguarded-user-access
        result = 1;
    }
    return result;
}

// call: ProbesOutside user:64
ULONG ProbesOutside(UCHAR *user)
{
    ProbeForWrite(user, 64, 1); // finds: unguarded-user-access
    __try {
        ZeroUserMemory(user, 64);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: InACallee user:64
static NOINLINE ULONG Flags(const REQUEST *user)
{
    return ReadULongFromUser(&user->flags) & 3; // finds: unguarded-user-access
}

ULONG InACallee(REQUEST *user)
{
    __try {
        WriteULongToUser(&user->length, 1);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 0;
    }
    return Flags(user) + 1;
}

// call: FaultsForReal 0x1000 kernel:64 unguarded=1
ULONG FaultsForReal(const UCHAR *user, UCHAR *out)
{
    CopyFromUser(out, user, 16); // finds: unguarded-user-access
    return 0;
}

// Near misses.

// call: InTheTry user:64 kernel:64
ULONG InTheTry(UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromUser(out, user, 16);
        WriteUCharToUser(user, out[1]);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return out[0];
}

// call: DereferencesInside user:64
ULONG DereferencesInside(volatile ULONG *user)
{
    ULONG value = 0;
    __try {
        value = user[1];
        user[2] = value;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = GetExceptionCode();
    }
    return value;
}

// call: TheCallersTry user:64
static NOINLINE ULONG Length(const REQUEST *user)
{
    return ReadULongFromUser(&user->length) & 3;
}

ULONG TheCallersTry(const REQUEST *user)
{
    __try {
        return Length(user) + 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: AFinallyInsideATry user:64 kernel:64
ULONG AFinallyInsideATry(const UCHAR *user, UCHAR *out)
{
    __try {
        __try {
            CopyFromUser(out, user, 16);
        } __finally {
            out[63] = 1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return out[0];
}

// call: AFinallyThatCopiesInAnUnwind user:64 kernel:64
ULONG AFinallyThatCopiesInAnUnwind(UCHAR *user, UCHAR *out)
{
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __finally {
            WriteUCharToUser(user, out[3]);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return out[0];
}

// call: TriesAgainInTheHandler 0x1000 kernel:64
ULONG TriesAgainInTheHandler(UCHAR *user, UCHAR *out)
{
    __try {
        CopyFromUser(out, user, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        __try {
            ZeroUserMemory(user, 1);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            return GetExceptionCode();
        }
    }
    return 0;
}

// call: TheFilterHasATry user:64
static NOINLINE int Asks(ULONG *user)
{
    __try {
        return ReadULongFromUser(user) ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return EXCEPTION_EXECUTE_HANDLER;
    }
}

ULONG TheFilterHasATry(ULONG *user)
{
    volatile ULONG result = 0;
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (Asks(user)) {
        result = 1;
    }
    return result;
}

// Asked of what happened in it, it takes that.
// call: TheFilterIsAskedAgain 0x1000
static NOINLINE int TakesFaults(ULONG *user, ULONG code)
{
    if (code == STATUS_ACCESS_VIOLATION)
        return EXCEPTION_EXECUTE_HANDLER;
    return ReadULongFromUser(user) ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

ULONG TheFilterIsAskedAgain(ULONG *user)
{
    volatile ULONG result = 0;
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (TakesFaults(user, GetExceptionCode())) {
        result = 1;
    }
    return result;
}

// call: TheCallersTryCatchesTheFiltersFault user:64
static NOINLINE ULONG FiltersWithUserMemory(ULONG *user)
{
    volatile ULONG result = 0;
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (ReadULongFromUser(user) ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH) {
        result = 1;
    }
    return result;
}

ULONG TheCallersTryCatchesTheFiltersFault(ULONG *user)
{
    __try {
        return FiltersWithUserMemory(user) + 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: PagedInWithoutATry user:64 prepare=page_out
ULONG PagedInWithoutATry(ULONG *user)
{
    return ReadULongFromUser(user) + 1; // finds: unguarded-user-access
}

// call: NothingToAccess user:64 kernel:64
ULONG NothingToAccess(UCHAR *user, UCHAR *out)
{
    CopyFromUser(out, user, 0);
    ProbeForRead(user, 64, 1);
    return UmaExceptionFilter(UserMode);
}

// call: KernelModeIsNoUserAccess kernel:64 kernel:64
ULONG KernelModeIsNoUserAccess(UCHAR *in, UCHAR *out)
{
    CopyFromMode(out, in, 16, KernelMode);
    return out[0];
}

// call: CopyFromUser kernel:64 user:64 64

// call: DeclaredCopy kernel:64 user:64 64
void DeclaredCopy(volatile UCHAR *target, volatile const UCHAR *source, SIZE_T length)
{
    for (SIZE_T i = 0; i < length; i++)
        target[i] = source[i];
}
