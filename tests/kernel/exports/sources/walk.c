// SPDX-License-Identifier: MIT
// Walks its own stack, frame by frame, with the kernel's exports.

#include <ntddk.h>

NTSYSAPI VOID NTAPI RtlCaptureContext(PCONTEXT ContextRecord);
NTSYSAPI PVOID NTAPI RtlLookupFunctionEntry(ULONG64 ControlPc, ULONG64 *ImageBase, PVOID HistoryTable);
NTSYSAPI PVOID NTAPI RtlPcToFileHeader(PVOID PcValue, PVOID *BaseOfImage);
NTSYSAPI PVOID NTAPI RtlVirtualUnwind(ULONG HandlerType, ULONG64 ImageBase, ULONG64 ControlPc, PVOID FunctionEntry,
                                      PCONTEXT ContextRecord, PVOID *HandlerData, ULONG64 *EstablisherFrame,
                                      PVOID ContextPointers);
NTSYSAPI VOID NTAPI RtlRestoreContext(PCONTEXT ContextRecord, PVOID ExceptionRecord);

#define FRAMES 4

ULONG64 expected[FRAMES], found[FRAMES];
volatile int depth;

static __attribute__((noinline)) void walk(void)
{
    CONTEXT context;
    ULONG64 base, frame;
    PVOID data, header;

    expected[0] = (ULONG64)__builtin_return_address(0);
    RtlCaptureContext(&context);
    for (int index = 0; index < FRAMES; index++) {
        PVOID entry = RtlLookupFunctionEntry(context.Rip, &base, NULL);
        if (!entry || RtlPcToFileHeader((PVOID)context.Rip, &header) != (PVOID)base || header != (PVOID)base) {
            return;
        }
        RtlVirtualUnwind(0, base, context.Rip, entry, &context, &data, &frame, NULL);
        found[index] = context.Rip;
    }
}

static __attribute__((noinline)) void inner(int count)
{
    volatile char room[256];
    room[count] = (char)count;
    expected[1] = (ULONG64)__builtin_return_address(0);
    walk();
    depth += room[count];
}

static __attribute__((noinline)) void middle(int count)
{
    expected[2] = (ULONG64)__builtin_return_address(0);
    inner(count + 1);
    depth++;
}

int walked(int count)
{
    expected[3] = (ULONG64)__builtin_return_address(0);
    middle(count);
    for (int index = 0; index < FRAMES; index++) {
        if (!expected[index] || found[index] != expected[index]) {
            return index + 1;
        }
    }
    return 0;
}

int no_image(void)
{
    ULONG64 base = 1;
    PVOID header = (PVOID)1;
    if (RtlLookupFunctionEntry(0x1000, &base, NULL) || base) {
        return 1;
    }
    return RtlPcToFileHeader((PVOID)0x1000, &header) || header ? 2 : 0;
}

int restored(int count)
{
    CONTEXT context;
    volatile int times = 0;
    RtlCaptureContext(&context);
    times++;
    if (times < count) {
        RtlRestoreContext(&context, NULL);
        return -1;
    }
    return times;
}
