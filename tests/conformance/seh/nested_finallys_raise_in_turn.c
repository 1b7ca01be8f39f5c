/* SPDX-License-Identifier: MIT */
/* Nested __finally blocks of one function that raise: each collision goes on behind the scope whose __finally it was,
   so none runs twice, and the __except within the same function is asked in between. */
#include "program.h"

static __attribute__((noinline)) void nest(void)
{
    __try {
        __try {
            __try {
                __try {
                    raise(0xE0000001, 0, 0);
                } __finally {
                    note("innermost finally raises");
                    raise(0xE0000002, 0, 0);
                }
            } __finally {
                note("inner finally raises");
                raise(0xE0000003, 0, 0);
            }
        } __except (filter("inner", GetExceptionCode(), GetExceptionCode() == 0xE0000003)) {
            note("inner except raises");
            raise(0xE0000004, 0, 0);
        }
    } __finally {
        note("outer finally raises");
        raise(0xE0000005, 0, 0);
    }
}

long nested_finallys_raise_in_turn(void)
{
    __try {
        nest();
    } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return 0;
}

/* expect
filter inner E0000001 answers 0
filter caller E0000001 answers 1
innermost finally raises
filter inner E0000002 answers 0
filter caller E0000002 answers 1
inner finally raises
filter inner E0000003 answers 1
inner except raises
filter caller E0000004 answers 1
outer finally raises
filter caller E0000005 answers 1
except
returned 0
*/

/* expect wine: its walk goes on behind the scope whose __except is the target
filter inner E0000001 answers 0
filter caller E0000001 answers 1
innermost finally raises
filter inner E0000002 answers 0
filter caller E0000002 answers 1
inner finally raises
filter inner E0000003 answers 1
outer finally raises
filter caller E0000005 answers 1
except
returned 0
*/
