/* SPDX-License-Identifier: MIT */
/* GetExceptionCode() in an __except body is the code that this body was entered with, also behind an inner __try whose
   body had another one. */
#include "program.h"

long exception_code_in_body(void)
{
    __try {
        raise(0xE0000001, 0, 0);
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("code %08lX", GetExceptionCode());
        __try {
            raise(0x00000001, 0, 0);
        } __except (filter("second", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("code %08lX", GetExceptionCode());
            __try {
                read_nowhere();
            } __except (filter("third", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
                note("code %08lX", GetExceptionCode());
            }
            note("code %08lX", GetExceptionCode());
        }
        note("code %08lX", GetExceptionCode());
    }
    return 0;
}

/* expect
filter first E0000001 answers 1
code E0000001
filter second 00000001 answers 1
code 00000001
filter third C0000005 answers 1
code C0000005
code 00000001
code E0000001
returned 0
*/

/* expect wine: Wine reaches every __except with RAX 0, which is where GetExceptionCode() is
filter first E0000001 answers 1
code 00000000
filter second 00000001 answers 1
code 00000000
filter third C0000005 answers 1
code 00000000
code 00000000
code 00000000
returned 0
*/
