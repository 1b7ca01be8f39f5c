/* SPDX-License-Identifier: MIT */
/* AbnormalTermination() for each way out of one __try body: the end and __leave are normal, every jump and every
   exception is not. */
#include "program.h"

static __attribute__((noinline)) void go(char const *way)
{
    for (int round = 0; round < 1; ++round) {
        __try {
            switch (*way) {
            case 'l':
                __leave;
            case 'r':
                return;
            case 'c':
                continue;
            case 'g':
                goto out;
            case 's':
                raise(0xE0000001, 0, 0);
            case 'h':
                read_nowhere();
            }
            while (*way == 'b')
                break;
        } __finally {
            note("%s: abnormal %d", way, AbnormalTermination());
        }
    }
out:;
}

long abnormal_termination_by_way_out(void)
{
    static char const *const volatile ways[] = {
        "end", "leave", "break inside", "return", "continue", "goto", "software exception", "hardware exception"};
    for (int volatile index = 0; index < 8; ++index) {
        __try {
            go(ways[index]);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            note("except");
        }
    }
    return 0;
}

/* expect
end: abnormal 0
leave: abnormal 0
break inside: abnormal 0
return: abnormal 1
continue: abnormal 1
goto: abnormal 1
software exception: abnormal 1
except
hardware exception: abnormal 1
except
returned 0
*/
