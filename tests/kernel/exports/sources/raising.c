// SPDX-License-Identifier: MIT
// Raises in one function, catches in another.

#include <ntddk.h>

NTSYSAPI VOID NTAPI RtlRaiseStatus(NTSTATUS Status);

static PVOID address;

__declspec(noinline) void raise_one(int which, NTSTATUS status)
{
    switch (which) {
    case 0:
        ExRaiseStatus(status);
        break;
    case 1:
        RtlRaiseStatus(status);
        break;
    case 2:
        ExRaiseAccessViolation();
        break;
    case 3:
        ExRaiseDatatypeMisalignment();
        break;
    }
    DbgPrint("came back");
}

static int filter(EXCEPTION_POINTERS *pointers)
{
    address = pointers->ExceptionRecord->ExceptionAddress;
    return EXCEPTION_EXECUTE_HANDLER;
}

ULONG caught(int which, NTSTATUS status)
{
    __try {
        raise_one(which, status);
    } __except (filter(GetExceptionInformation())) {
        return (ULONG)GetExceptionCode();
    }
    return 0;
}

PVOID raising_address(void)
{
    return address;
}

ULONG continued(NTSTATUS status)
{
    __try {
        raise_one(0, status);
    } __except (GetExceptionCode() == status ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH) {
        return 1;
    }
    return 0;
}
