/* SPDX-License-Identifier: MIT */
/* A __try statement is one statement: it stands without braces of its own behind `if`, `else`, `while`, `do`, `for`, a
   label and a case. */
#include "program.h"

#define TRY(name) \
    __try { \
        raise(0xE0000001, 0, 0); \
    } __except (filter(name, GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) { \
        ++caught; \
    }

long try_as_substatement(void)
{
    long caught = 0;
    int volatile index = 0;
    if (caught == 0)
        TRY("if")
    else
        TRY("not reached")
    if (caught == 0)
        note("not reached");
    else
        TRY("else")
    while (index++ < 2)
        TRY("while")
    do
        TRY("do")
    while (index++ < 3);
    for (index = 0; index < 2; ++index)
        TRY("for")
    switch (index) {
    case 2:
        TRY("case")
    default:
        TRY("default")
    }
    goto label;
label:
    TRY("label")
    return caught;
}

/* expect
filter if E0000001 answers 1
filter else E0000001 answers 1
filter while E0000001 answers 1
filter while E0000001 answers 1
filter do E0000001 answers 1
filter for E0000001 answers 1
filter for E0000001 answers 1
filter case E0000001 answers 1
filter default E0000001 answers 1
filter label E0000001 answers 1
returned A
*/
