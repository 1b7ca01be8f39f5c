/* SPDX-License-Identifier: MIT */
/* RSP moves inside the __try body: filter, __finally and __except still find the frame, and the block is there until
   the function returns. */
#include "program.h"

static __attribute__((noinline)) int use(int size, int fails)
{
    char *block = NULL;
    __try {
        __try {
            block = __builtin_alloca(size);
            for (int index = 0; index < size; ++index)
                block[index] = (char)index;
            if (fails)
                read_nowhere();
        } __finally {
            note("finally: last %d, abnormal %d", block[size - 1], AbnormalTermination());
            block[0] = 'f';
        }
    } __except (note("filter: last %d", block[size - 1]), 1) {
        note("except: first %c", block[0]);
        block = __builtin_alloca(size);
        block[0] = 'e';
    }
    return block[0];
}

long alloca_in_try_body(void)
{
    note("%c", use(100, 0));
    note("%c", use(50, 1));
    note("%c", use(4000, 1));
    return 0;
}

/* expect
finally: last 99, abnormal 0
f
filter: last 49
finally: last 49, abnormal 1
except: first f
e
filter: last -97
finally: last -97, abnormal 1
except: first f
e
returned 0
*/
