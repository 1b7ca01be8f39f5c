/* SPDX-License-Identifier: MIT */
/* A structure is returned out of a __try: it is copied to the caller's room before the __finally changes the
   original, and an exception in that __finally leaves the caller's own variable as it was. */
#include "program.h"

struct result {
    long long status;
    int items[4];
};

/* Through a pointer: clang 22 crashes on a __finally that uses the variable which it returns in the caller's room. */
static __attribute__((noinline)) struct result collect(int count, int fails)
{
    struct result room = {.status = -1}, *result = &room;
    __try {
        for (int index = 0; index < count; ++index)
            result->items[index] = index + 1;
        if (count < 4)
            return *result;
        result->status = 0;
    } __finally {
        result->items[0] = 100;
        note("finally, status %lld, abnormal %d", result->status, AbnormalTermination());
        if (fails)
            raise(0xE0000001, 0, 0);
    }
    return *result;
}

long return_structure_through_finally(void)
{
    struct result result = collect(2, 0);
    note("%lld: %d %d %d", result.status, result.items[0], result.items[1], result.items[2]);
    result = collect(4, 0);
    note("%lld: %d %d %d", result.status, result.items[0], result.items[1], result.items[2]);
    __try {
        result = collect(3, 1);
        note("not reached");
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("%lld: %d %d %d", result.status, result.items[0], result.items[1], result.items[2]);
    }
    return 0;
}

/* expect
finally, status -1, abnormal 1
-1: 1 2 0
finally, status 0, abnormal 0
0: 100 2 3
finally, status -1, abnormal 1
filter own E0000001 answers 1
0: 100 2 3
returned 0
*/
