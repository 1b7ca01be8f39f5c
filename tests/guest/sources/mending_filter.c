// SPDX-License-Identifier: MIT
// Callers whose filter mends what was wrong and continues.

#include <ntddk.h>

typedef void copy_routine(void *target, const volatile void *source, SIZE_T length);

// The test provides MmSecureVirtualMemory, as an export that makes the page accessible.
static LONG mend_page(EXCEPTION_POINTERS *pointers) {
    MmSecureVirtualMemory((PVOID)pointers->ExceptionRecord->ExceptionInformation[1], 1, PAGE_READONLY);
    return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG replace_source(EXCEPTION_POINTERS *pointers, void *source) {
    pointers->ContextRecord->Rsi = (ULONG64)source;
    return EXCEPTION_CONTINUE_EXECUTION;
}

// Has the page of a fault mended, and goes on in the middle of the copy.
NTSTATUS CopyMendingPages(copy_routine *copy, void *target, const volatile void *source,
                                                SIZE_T length) {
    __try {
        copy(target, source, length);
    } __except (mend_page(GetExceptionInformation())) {
        return STATUS_UNSUCCESSFUL;
    }
    return STATUS_SUCCESS;
}

// Where the range check fails, has the routine go on with another source, which it keeps in rsi.
NTSTATUS CopyReplacingSource(copy_routine *copy, void *target, const volatile void *source,
                                                   SIZE_T length, void *replacement) {
    __try {
        copy(target, source, length);
    } __except (replace_source(GetExceptionInformation(), replacement)) {
        return STATUS_UNSUCCESSFUL;
    }
    return STATUS_SUCCESS;
}
