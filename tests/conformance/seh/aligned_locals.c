/* SPDX-License-Identifier: MIT */
/* Locals that are aligned to more than the stack is: their functions keep a frame register, by which they are unwound
   and landed in. (clang finds such a local wrongly in a filter or __finally, so none of these looks at it.) */
#include "program.h"

static void look(unsigned char const *local, char const *who)
{
    note("%s: aligned %d, content %d", who, ((unsigned long long)local & 63) == 0, local[63]);
}

static __attribute__((noinline)) int innermost(void)
{
    _Alignas(128) unsigned char local[128];
    local[63] = 4;
    look(local, "innermost");
    return local[63] + read_nowhere();
}

static __attribute__((noinline)) void middle(void)
{
    _Alignas(64) unsigned char local[64];
    local[63] = 3;
    look(local, "middle");
    __try {
        local[63] = innermost();
    } __finally {
        note("finally");
    }
}

long aligned_locals(void)
{
    _Alignas(64) unsigned char local[64];
    local[63] = 2;
    __try {
        middle();
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        look(local, "except");
    }
    return local[63];
}

/* expect
middle: aligned 1, content 3
innermost: aligned 1, content 4
filter own C0000005 answers 1
finally
except: aligned 1, content 2
returned 2
*/
