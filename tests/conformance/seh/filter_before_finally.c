/* SPDX-License-Identifier: MIT */
/* Why a filter must not trust what a callee guards: it runs before the callee's __finally, while the lock is still held
   and the invariant still broken; the __except body runs after. */
#include "program.h"

static int locked, left = 5, right = 5;

static __attribute__((noinline)) void move(int amount, char volatile const *source)
{
    locked = 1;
    __try {
        left -= amount;
        if (source == NOWHERE)
            read_nowhere();
        right += amount;
    } __finally {
        if (AbnormalTermination())
            left += amount;
        locked = 0;
    }
}

long filter_before_finally(void)
{
    __try {
        move(2, "");
        note("moved: %d and %d", left, right);
        move(1, NOWHERE);
    } __except (note("filter: locked %d, sum %d", locked, left + right), EXCEPTION_EXECUTE_HANDLER) {
        note("except: locked %d, sum %d", locked, left + right);
    }
    return left;
}

/* expect
moved: 3 and 7
filter: locked 1, sum 9
except: locked 0, sum 10
returned 3
*/
