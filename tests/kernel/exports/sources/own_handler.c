// SPDX-License-Identifier: MIT
// A language handler that unwinds to its own frame with RtlUnwindEx or RtlUnwind, past a __finally.

#include <ntddk.h>

NTSYSAPI VOID NTAPI RtlUnwindEx(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD ExceptionRecord, PVOID ReturnValue,
                                PCONTEXT ContextRecord, PVOID HistoryTable);
NTSYSAPI VOID NTAPI RtlUnwind(PVOID TargetFrame, PVOID TargetIp, PEXCEPTION_RECORD ExceptionRecord, PVOID ReturnValue);

extern char own_landing[];

volatile int which, order, finally_at, handler_at, unwound_at, callback_at;
volatile ULONG unwind_flags, unwind_code;

static void *callback(PEXCEPTION_RECORD record)
{
    callback_at = ++order;
    if (which == 4 && (ULONG)record->ExceptionCode == 0x80000029) {
        which = 5;
        ExRaiseStatus(0xE0000001);
    }
    return own_landing;
}

int own_handler(PEXCEPTION_RECORD record, PVOID frame, PCONTEXT context, PVOID dispatcher)
{
    CONTEXT room;
    if (record->ExceptionFlags & 0x66) {
        unwound_at = ++order;
        unwind_flags = record->ExceptionFlags;
        unwind_code = (ULONG)record->ExceptionCode;
        return ExceptionContinueSearch;
    }
    handler_at = ++order;
    switch (which) {
    case 0:
        RtlUnwindEx(frame, own_landing, record, (PVOID)0x5151, &room, NULL);
        break;
    case 1:
        RtlUnwind(frame, own_landing, NULL, (PVOID)0x5151);
        break;
    case 2:
        RtlUnwindEx(NULL, own_landing, record, 0, &room, NULL);
        break;
    case 3:
    case 4:
        record->ExceptionCode = (NTSTATUS)0x80000029;
        record->NumberParameters = 1;
        record->ExceptionInformation[0] = (ULONG_PTR)callback;
        RtlUnwindEx(frame, (PVOID)0x10, record, (PVOID)0x5151, &room, NULL);
        break;
    case 5:
        return ExceptionContinueSearch;
    }
    return 77;
}

void faults(volatile char *address)
{
    __try {
        *address = 1;
    } __finally {
        finally_at = ++order;
    }
}

ULONG64 summary(void)
{
    return (ULONG64)handler_at | (ULONG64)finally_at << 8 | (ULONG64)unwound_at << 16 | (ULONG64)unwind_flags << 24
           | (ULONG64)unwind_code << 32;
}

int callback_order(void)
{
    return callback_at;
}

void set_which(int value)
{
    which = value;
}
