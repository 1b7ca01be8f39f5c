// SPDX-License-Identifier: MIT
// Copies that are made once in the source, and that the compiler makes away with at -O2: it hands the callees the user's
// memory instead of the copy.
#include "kernel.h"

typedef struct {
    UCHAR size;
    UCHAR data[127];
} LARGE_REQUEST;

static NOINLINE BOOLEAN is_valid(const LARGE_REQUEST *restrict request);
static NOINLINE ULONG sum(const LARGE_REQUEST *restrict request);

// call: CompilerReadsAgain user:=x,a_size_that_is_not_valid
ULONG CompilerReadsAgain(const LARGE_REQUEST *user)
{
    LARGE_REQUEST captured = *user;
    return is_valid(&captured) ? sum(&captured) : 0;
}

static BOOLEAN is_valid(const LARGE_REQUEST *restrict request)
{
    return request->size % 128 <= 100; // finds: double-fetch
}

static ULONG sum(const LARGE_REQUEST *restrict request)
{
    ULONG total = 0;
    for (ULONG at = 0; at < request->size % 128; at++)
        total += request->data[at];
    return total;
}
