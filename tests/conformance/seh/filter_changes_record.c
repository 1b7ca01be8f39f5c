/* SPDX-License-Identifier: MIT */
/* What a filter writes into the record, the filters asked after it read; and the code that an __except body is
   entered with is the one that the record says when the search ends. */
#include "program.h"

static __attribute__((noinline)) long rewrite(EXCEPTION_RECORD *record)
{
    note("inner filter %08lX, parameter %llu", record->ExceptionCode, record->ExceptionInformation[0]);
    record->ExceptionCode += 0x10;
    record->ExceptionInformation[0] *= 2;
    return EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) long read_back(EXCEPTION_RECORD const *record)
{
    note("outer filter %08lX, parameter %llu", record->ExceptionCode, record->ExceptionInformation[0]);
    return EXCEPTION_EXECUTE_HANDLER;
}

long filter_changes_record(void)
{
    __try {
        __try {
            raise(0xE0000001, 0, 21);
        } __except (rewrite(GetExceptionInformation()->ExceptionRecord)) {
            note("not reached");
        }
    } __except (read_back(GetExceptionInformation()->ExceptionRecord)) {
        note("except %08lX", GetExceptionCode());
    }
    return 0;
}

/* expect
inner filter E0000001, parameter 21
outer filter E0000011, parameter 42
except E0000011
returned 0
*/

/* expect wine: Wine reaches every __except with RAX 0, which is where GetExceptionCode() is
inner filter E0000001, parameter 21
outer filter E0000011, parameter 42
except 00000000
returned 0
*/
