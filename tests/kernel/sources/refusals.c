/* SPDX-License-Identifier: MIT */
/* Frames that do not take an access violation, each for a reason of its own. */
#include <ntddk.h>

NTSYSAPI VOID NTAPI RtlUnwindEx(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD ExceptionRecord, PVOID ReturnValue,
                                PCONTEXT ContextRecord, PVOID HistoryTable);

static long decline(ULONG code)
{
    return code == 0x1234 ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) int touch(volatile char *address)
{
    return *address + 1;
}

__attribute__((noinline)) int cleans_up(volatile char *address)
{
    int value = 0;
    __try {
        value = touch(address);
    } __finally {
        DbgPrint("clean\n");
    }
    return value;
}

__attribute__((noinline)) int outside(volatile char *address)
{
    int value = 0;
    __try {
        DbgPrint("inside\n");
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = 7;
    }
    return value + cleans_up(address);
}

__attribute__((noinline)) int declines(volatile char *address)
{
    __try {
        return outside(address);
    } __except (decline(GetExceptionCode())) {
        return -1;
    }
}

__attribute__((noinline)) int nested(volatile char *address)
{
    __try {
        __try {
            __try {
                return touch(address);
            } __finally {
                DbgPrint("clean\n");
            }
        } __except (decline(GetExceptionCode())) {
            return -1;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return -2;
    }
}

void leaves(void)
{
    RtlUnwindEx(NULL, NULL, NULL, NULL, NULL, NULL);
}
