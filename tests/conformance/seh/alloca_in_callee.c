/* SPDX-License-Identifier: MIT */
/* The functions that are unwound have moved their RSP (alloca): the frame register says where they began. */
#include "program.h"

static __attribute__((noinline)) int inner(int size)
{
    char volatile *room = __builtin_alloca(size);
    room[size - 1] = 1;
    return room[size - 1] + read_nowhere();
}

static __attribute__((noinline)) int outer(int size)
{
    char volatile *room = __builtin_alloca(size);
    __try {
        room[0] = 2;
        room[1] = inner(size * 2);
    } __finally {
        note("finally, room %d", room[0]);
    }
    return room[1];
}

long alloca_in_callee(void)
{
    int volatile size = 1000;
    __try {
        outer(size);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except, size %d", size);
    }
    return size;
}

/* expect
filter own C0000005 answers 1
finally, room 2
except, size 1000
returned 3E8
*/
