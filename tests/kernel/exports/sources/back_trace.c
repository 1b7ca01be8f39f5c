// SPDX-License-Identifier: MIT
// Captures a back trace in the depth of a recursion.

#include <ntddk.h>

NTSYSAPI USHORT NTAPI RtlCaptureStackBackTrace(ULONG FramesToSkip, ULONG FramesToCapture, PVOID *BackTrace,
                                               PULONG BackTraceHash);

volatile int after;

static __attribute__((noinline)) ULONG deepest(ULONG skip, ULONG count, PVOID *found, PULONG hash)
{
    ULONG captured = RtlCaptureStackBackTrace(skip, count, found, hash);
    after++;
    return captured;
}

static __attribute__((noinline, disable_tail_calls)) ULONG nested(ULONG skip, ULONG count, PVOID *found, PULONG hash,
                                                                  ULONG depth)
{
    ULONG captured = depth > 1 ? nested(skip, count, found, hash, depth - 1) : deepest(skip, count, found, hash);
    after++;
    return captured;
}

ULONG capture(ULONG skip, ULONG count, PVOID *found, PULONG hash, ULONG depth)
{
    ULONG captured = nested(skip, count, found, hash, depth);
    after++;
    return captured;
}
