/* SPDX-License-Identifier: MIT */
/* The fault is the last instruction before an epilogue of many pops: its frame still stands as a whole. */
#include "program.h"

static __attribute__((noinline)) void last_store(char volatile *where)
{
    __asm__ volatile("" ::: "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15", "xmm6", "xmm7");
    *where = 1;
}

long fault_before_epilogue(void)
{
    long volatile start = 3;
    long const kept = start + 1;
    __try {
        last_store(NOWHERE);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except, kept %ld", kept);
    }
    return kept;
}

/* expect
filter own C0000005 answers 1
except, kept 4
returned 4
*/
