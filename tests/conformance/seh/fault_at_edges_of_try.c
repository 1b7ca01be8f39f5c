/* SPDX-License-Identifier: MIT */
/* A body that is one faulting instruction, and the same instruction right before, behind and between __try
   statements: a __try takes what its body does, and nothing of what stands beside it. */
#include "program.h"

static __attribute__((noinline)) void whole_body(void)
{
    __try {
        *NOWHERE;
    } __except (filter("body", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("body except");
    }
}

static __attribute__((noinline)) void first_of_body(void)
{
    __try {
        *NOWHERE;
        note("not reached");
    } __except (filter("first", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("first except");
    }
}

static __attribute__((noinline)) void before(void)
{
    *NOWHERE;
    __try {
        note("not reached");
    } __except (filter("behind", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
}

static __attribute__((noinline)) void behind(void)
{
    __try {
        note("body ends");
    } __except (filter("before", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    *NOWHERE;
}

static __attribute__((noinline)) void between(void)
{
    __try {
        note("body ends");
    } __except (filter("before", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    *NOWHERE;
    __try {
        note("not reached");
    } __except (filter("behind", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
}

long fault_at_edges_of_try(void)
{
    static void (*const volatile functions[])(void) = {before, behind, between, whole_body, first_of_body};
    for (int volatile index = 0; index < 5; ++index) {
        __try {
            functions[index]();
        } __except (filter("caller", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
            note("caller's except");
        }
    }
    return 0;
}

/* expect
filter caller C0000005 answers 1
caller's except
body ends
filter caller C0000005 answers 1
caller's except
body ends
filter caller C0000005 answers 1
caller's except
filter body C0000005 answers 1
body except
filter first C0000005 answers 1
first except
returned 0
*/

/* expect gnu: the scopes cover calls alone, so that the caller is asked of the faults in the bodies, too
filter caller C0000005 answers 1
caller's except
body ends
filter caller C0000005 answers 1
caller's except
body ends
filter caller C0000005 answers 1
caller's except
filter caller C0000005 answers 1
caller's except
filter caller C0000005 answers 1
caller's except
returned 0
*/
