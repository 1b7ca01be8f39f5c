// SPDX-License-Identifier: MIT
// Reads the kernel's variables, and the IRQL, as the headers have drivers do it.

#include <ntddk.h>

#define READ(name)                                                                                                     \
    ULONG64 read_##name(void)                                                                                          \
    {                                                                                                                  \
        return (ULONG64)name;                                                                                          \
    }

READ(MmHighestUserAddress)
READ(MmUserProbeAddress)
READ(MmSystemRangeStart)

// The IRQL before, and above it the one that was raised to.
ULONG raised(void)
{
    KIRQL old;
    ULONG seen;

    KeRaiseIrql(DISPATCH_LEVEL, &old);
    seen = old | KeGetCurrentIrql() << 8;
    KeLowerIrql(old);
    return seen;
}
