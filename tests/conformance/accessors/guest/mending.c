/* SPDX-License-Identifier: MIT */
/* A caller whose filter has what was wrong mended, and continues; after a number of exceptions it handles one. */

#include <ntddk.h>

typedef ULONG64 routine(ULONG64 First, ULONG64 Second, ULONG64 Third, ULONG64 Fourth);

/* tests/conformance/accessors/test_filters.py has the same list. */
struct call {
    routine *Routine;
    ULONG64 Arguments[4];
    ULONG64 Continued; /* how many exceptions to continue from; counted down */
    ULONG64 Value;
    ULONG64 Status; /* of the exception that was handled */
};

/* The test provides MmSecureVirtualMemory, as an export that makes the page accessible. */
static LONG Mend(EXCEPTION_POINTERS *Pointers, struct call *Call)
{
    if (Call->Continued == 0) {
        Call->Status = (ULONG)Pointers->ExceptionRecord->ExceptionCode;
        return EXCEPTION_EXECUTE_HANDLER;
    }
    Call->Continued--;
    MmSecureVirtualMemory((PVOID)Pointers->ExceptionRecord->ExceptionInformation[1], 1, PAGE_READWRITE);
    return EXCEPTION_CONTINUE_EXECUTION;
}

VOID CallMending(struct call *Call)
{
    __try {
        Call->Value =
            Call->Routine(Call->Arguments[0], Call->Arguments[1], Call->Arguments[2], Call->Arguments[3]);
    } __except (Mend(GetExceptionInformation(), Call)) {
        Call->Value = 0;
    }
}
