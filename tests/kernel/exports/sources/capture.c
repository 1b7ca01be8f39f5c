// SPDX-License-Identifier: MIT
// What drivers do with a user's buffer: probe and copy in a __try, and give the exception's code back as the status.

#include <ntddk.h>

NTSTATUS capture(void *to, const void *from, SIZE_T length, ULONG alignment)
{
    __try {
        ProbeForRead((void *)from, length, alignment);
        RtlCopyMemory(to, from, length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

NTSTATUS deliver(void *to, const void *from, SIZE_T length, ULONG alignment)
{
    __try {
        ProbeForWrite(to, length, alignment);
        RtlCopyMemory(to, from, length);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// The number of the first check that fails, 0 for none. The names are those that the headers declare.
ULONG strings(void)
{
    WCHAR room[8];
    UNICODE_STRING source, target = { 0, sizeof(room), room };
    struct {
        ULONG64 words[40];
    } first, second;

    RtlZeroMemory(&first, sizeof(first));
    RtlFillMemory(&second, sizeof(second), 0);
    if (RtlCompareMemory(&first, &second, sizeof(first)) != sizeof(first))
        return 1;
    first.words[7] = 1;
    second = first;
    if (second.words[7] != 1 || !RtlEqualMemory(&first, &second, sizeof(first)))
        return 2;
    RtlMoveMemory(&first.words[6], &first.words[7], 16);
    if (first.words[6] != 1 || first.words[7] != 0)
        return 3;
    RtlInitUnicodeString(&source, L"abc");
    if (source.Length != 6 || source.MaximumLength != 8)
        return 4;
    RtlCopyUnicodeString(&target, &source);
    if (RtlAppendUnicodeToString(&target, L"DE") != STATUS_SUCCESS || target.Length != 10)
        return 5;
    if (RtlAppendUnicodeStringToString(&target, &source) != STATUS_SUCCESS)
        return 6;
    if (RtlAppendUnicodeStringToString(&target, &source) != STATUS_BUFFER_TOO_SMALL)
        return 7;
    RtlInitUnicodeString(&source, L"ABCdeABC");
    if (!RtlEqualUnicodeString(&target, &source, TRUE) || RtlEqualUnicodeString(&target, &source, FALSE))
        return 8;
    if (RtlCompareUnicodeString(&target, &source, FALSE) <= 0)
        return 9;
    return 0;
}
