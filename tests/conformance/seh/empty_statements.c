/* SPDX-License-Identifier: MIT */
/* Empty bodies in every place. An empty __except takes an exception, an empty __finally lets it pass, and an empty
   __try raises none. */
#include "program.h"

long empty_statements(void)
{
    __try {
    } __except (filter("of an empty body", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    __try {
    } __finally {
        note("finally, abnormal %d", AbnormalTermination());
    }
    __try {
        __try {
            raise(0xE0000001, 0, 0);
            note("not reached");
        } __finally {
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
    }
    __try {
    } __finally {
    }
    note("end");
    return 0;
}

/* expect
finally, abnormal 0
end
returned 0
*/
