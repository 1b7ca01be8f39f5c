// SPDX-License-Identifier: MIT
// Goes on behind each breakpoint that the kernel's routines run into, and counts them.

#define IMPORT_NATIVE_DBG_BREAK
#include <ntddk.h>
#include <excpt.h>

static LONG step(PEXCEPTION_POINTERS pointers, ULONG *count)
{
    if (pointers->ExceptionRecord->ExceptionCode != STATUS_BREAKPOINT)
        return EXCEPTION_CONTINUE_SEARCH;
    pointers->ContextRecord->Rip++;
    ++*count;
    return EXCEPTION_CONTINUE_EXECUTION;
}

ULONG step_over(PVOID assertion, PVOID file)
{
    ULONG count = 0;

    __try {
        DbgBreakPoint();
        DbgBreakPointWithStatus(DBG_STATUS_CONTROL_C);
        RtlAssert(assertion, file, 7, NULL);
    } __except (step(GetExceptionInformation(), &count)) {
        return 0;
    }
    return count;
}
