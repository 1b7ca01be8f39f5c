/* SPDX-License-Identifier: MIT */
/* Inlined functions that leave their own __try: the jump ends at the end of what was inlined, not at the outer __try.
   */
#include "program.h"

static inline __attribute__((always_inline)) int parse(char const *text)
{
    int length = -1;
    __try {
        if (text == NULL)
            __leave;
        length = 0;
        while (text[length])
            ++length;
        if (length > 3)
            raise(0xE0000001, 0, 0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        length = 99;
    }
    return length;
}

long leave_in_inlined_function(void)
{
    static char const *const volatile texts[] = {"", NULL, "abc", "abcd"};
    int sum = 0;
    __try {
        for (int index = 0; index < 4; ++index) {
            int const length = parse(texts[index]);
            note("length %d", length);
            sum += length;
        }
        if (sum == 101)
            __leave;
        note("not reached");
    } __finally {
        note("finally, sum %d, abnormal %d", sum, AbnormalTermination());
    }
    return sum;
}

/* expect
length 0
length -1
length 3
length 99
finally, sum 101, abnormal 0
returned 65
*/
