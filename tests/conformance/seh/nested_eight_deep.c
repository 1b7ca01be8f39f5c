/* SPDX-License-Identifier: MIT */
/* Eight __try statements in one another, __finally and __except by turns; each __except in turn takes the exception
   of the innermost body. */
#include "program.h"

static __attribute__((noinline)) long at_level(int level, int accepting)
{
    note("filter %d", level);
    return level == accepting;
}

#define LEVEL(level, body) \
    __try { \
        __try { \
            body \
        } __finally { \
            note("finally %d", level); \
        } \
    } __except (at_level(level, accepting)) { \
        note("except %d", level); \
    }

static __attribute__((noinline)) void nest(int accepting)
{
    LEVEL(1, LEVEL(2, LEVEL(3, LEVEL(4, raise(0xE0000001, 0, 0);))))
}

long nested_eight_deep(void)
{
    for (int volatile accepting = 4; accepting; --accepting)
        nest(accepting);
    return 0;
}

/* expect
filter 4
finally 4
except 4
finally 3
finally 2
finally 1
filter 4
filter 3
finally 4
finally 3
except 3
finally 2
finally 1
filter 4
filter 3
filter 2
finally 4
finally 3
finally 2
except 2
finally 1
filter 4
filter 3
filter 2
filter 1
finally 4
finally 3
finally 2
finally 1
except 1
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter 4
finally 4
finally 3
finally 2
finally 1
except 4
finally 3
finally 2
finally 1
filter 4
filter 3
finally 4
finally 3
finally 2
finally 1
except 3
finally 2
finally 1
filter 4
filter 3
filter 2
finally 4
finally 3
finally 2
finally 1
except 2
finally 1
filter 4
filter 3
filter 2
filter 1
finally 4
finally 3
finally 2
finally 1
except 1
returned 0
*/
