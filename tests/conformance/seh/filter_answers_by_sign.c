/* SPDX-License-Identifier: MIT */
/* Only the sign of a filter's answer counts, and of that answer only the low 32 bits. */
#include "program.h"

static __attribute__((noinline)) long long wide_filter(long long answer)
{
    note("answers %llX", answer);
    return answer;
}

long filter_answers_by_sign(void)
{
    static long long const volatile answers[] = {2, 0x7FFFFFFF, -2, -0x80000000LL, 0x100000001, 0x1FFFFFFFF};
    for (int volatile index = 0; index < 6; ++index) {
        __try {
            raise(0xE0000001, 0, 0);
            note("continued");
        } __except ((long)wide_filter(answers[index])) {
            note("except");
        }
    }
    return 0;
}

/* expect
answers 2
except
answers 7FFFFFFF
except
answers FFFFFFFFFFFFFFFE
continued
answers FFFFFFFF80000000
continued
answers 100000001
except
answers 1FFFFFFFF
continued
returned 0
*/

/* expect wine: of the negative answers, only -1 continues there
answers 2
except
answers 7FFFFFFF
except
answers FFFFFFFFFFFFFFFE
except
answers FFFFFFFF80000000
except
answers 100000001
except
answers 1FFFFFFFF
continued
returned 0
*/
