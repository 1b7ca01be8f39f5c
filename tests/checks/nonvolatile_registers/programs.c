// SPDX-License-Identifier: MIT
// Callers of those.
#include "kernel.h"

ULONG64 OverwritesR13(ULONG64 value);
ULONG64 OverwritesRbx(ULONG64 value);
ULONG64 SavesAndRestores(ULONG64 value);
ULONG OverwritesAndFaults(ULONG *address);
ULONG OverwritesAndFaultsUnknown(ULONG *address);

NOINLINE ULONG64 CallsWhatOverwritesR13(ULONG64 value)
{
    return OverwritesR13(value) + 1;
}

// call: TheUnwindWentWrong 16
ULONG TheUnwindWentWrong(ULONG *address)
{
    __try {
        return OverwritesAndFaultsUnknown(address);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
} // finds: nonvolatile-registers

// Near misses.

// call: TheUnwindPutsItBack 16
ULONG TheUnwindPutsItBack(ULONG *address)
{
    __try {
        return OverwritesAndFaults(address);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
}

// call: SavesForItsCallee 0x9999
ULONG64 SavesForItsCallee(ULONG64 value)
{
    ULONG64 sum = 0;
    for (ULONG i = 0; i < 20; i++)
        sum += SavesAndRestores(value + i) + sum % 7;
    return sum;
}

// call: CopyFromUser kernel:1024 user:1024 1000

// call: CopyFromUser kernel:64 0x1000 64

// call: WritesFloats kernel:64 3
double WritesFloats(volatile double *kernel, ULONG count)
{
    double a = kernel[0], b = kernel[1], c = kernel[2], d = kernel[3], e = kernel[4], f = kernel[5], g = kernel[6];
    for (ULONG i = 0; i < count; i++) {
        a += b * c, b += c * d, c += d * e, d += e * f, e += f * g, f += g * a, g += a * b;
        kernel[7] = a;
    }
    return a + b + c + d + e + f + g;
}
