/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ntddk.h>

long framed(void *);

long captured = 3;

static __attribute__((noinline)) NTSTATUS Capture(void *pointer)
{
    long value = 0;

    __try {
        value = *(volatile long *)pointer;
        captured = framed(pointer);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return value;
}

NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    DbgPrint("%wZ", path);
    return Capture(driver);
}
