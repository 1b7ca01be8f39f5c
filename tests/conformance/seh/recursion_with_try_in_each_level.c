/* SPDX-License-Identifier: MIT */
/* One function recursing, with a __try in every level: filters and bodies see the locals of their own level, and the
   level that accepts goes on by itself. */
#include "program.h"

static __attribute__((noinline)) int descend(int level, int accepting)
{
    int seen = level * 100;
    __try {
        if (level == 4)
            raise(0xE0000001, 0, 0);
        seen += descend(level + 1, accepting);
    } __except (note("level %d, seen %d", level, seen), level == accepting) {
        note("except in level %d, seen %d", level, seen);
        return seen + 1;
    }
    return seen;
}

long recursion_with_try_in_each_level(void)
{
    note("sum %d", descend(1, 2));
    note("sum %d", descend(1, 4));
    return 0;
}

/* expect
level 4, seen 400
level 3, seen 300
level 2, seen 200
except in level 2, seen 200
sum 301
level 4, seen 400
except in level 4, seen 400
sum 1001
returned 0
*/
