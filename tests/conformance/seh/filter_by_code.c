/* SPDX-License-Identifier: MIT */
/* Three nested __try statements of one function, each for one code: those inside an accepting one are asked first,
   those outside it never. */
#include "program.h"

#define TAKES(name, code) filter(name, GetExceptionCode(), GetExceptionCode() == (code))

static __attribute__((noinline)) void nest(unsigned long code)
{
    __try {
        __try {
            __try {
                raise(code, 0, 0);
            } __except (TAKES("inner", 0xE0000001)) {
                note("inner except");
            }
            note("behind inner");
        } __except (TAKES("middle", 0xE0000002)) {
            note("middle except");
        }
        note("behind middle");
    } __except (TAKES("outer", 0xE0000003)) {
        note("outer except");
    }
    note("behind outer");
}

long filter_by_code(void)
{
    nest(0xE0000001);
    nest(0xE0000002);
    nest(0xE0000003);
    return 0;
}

/* expect
filter inner E0000001 answers 1
inner except
behind inner
behind middle
behind outer
filter inner E0000002 answers 0
filter middle E0000002 answers 1
middle except
behind middle
behind outer
filter inner E0000003 answers 0
filter middle E0000003 answers 0
filter outer E0000003 answers 1
outer except
behind outer
returned 0
*/
