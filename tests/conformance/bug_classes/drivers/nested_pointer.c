// SPDX-License-Identifier: MIT
// Class 7: A nested pointer that is not captured
// The descriptor of a string is captured and checked; for the copy its Buffer is taken from user memory again, and is
// another pointer than the one that was checked.
#include "driver.h"

#define LONGEST 64 // bytes

static BOOLEAN IsWellFormed(const UNICODE_STRING *String)
{
    return String->Length <= LONGEST && String->Length % sizeof(WCHAR) == 0
        && (ULONG_PTR)String->Buffer % sizeof(WCHAR) == 0;
}

// bug: ReadsBufferAgain user:16 user:32 kernel:64 arg0+0=0x00200020 arg0+8=arg1
NTSTATUS ReadsBufferAgain(const UNICODE_STRING *UserName, PVOID UserText, WCHAR *Name)
{
    UNREFERENCED_PARAMETER(UserText); // UserName->Buffer leads there
    __try {
        UNICODE_STRING Captured = ReadUnicodeStringFromUser(UserName);
        if (!IsWellFormed(&Captured)) {
            return STATUS_INVALID_PARAMETER;
        }
        CopyFromUser(Name, ReadPointerFromUser((PVOID *)&UserName->Buffer), Captured.Length); // finds: double-fetch
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: UsesTheCapturedBuffer
NTSTATUS UsesTheCapturedBuffer(const UNICODE_STRING *UserName, PVOID UserText, WCHAR *Name)
{
    UNREFERENCED_PARAMETER(UserText);
    __try {
        UNICODE_STRING Captured = ReadUnicodeStringFromUser(UserName);
        if (!IsWellFormed(&Captured)) {
            return STATUS_INVALID_PARAMETER;
        }
        CopyFromUser(Name, Captured.Buffer, Captured.Length);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
