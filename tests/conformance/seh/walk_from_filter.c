/* SPDX-License-Identifier: MIT */
/* A filter walks the stack of the exception by the context it is given: the functions are all still there. */
#include "stack_walk.h"

static __attribute__((noinline)) int innermost(int value)
{
    int volatile local = value;
    return local + read_nowhere();
}

static __attribute__((noinline)) int middle(int value)
{
    int volatile local = value + 1;
    __asm__ volatile("" ::: "rbx", "rdi", "xmm6");
    return local + innermost(local);
}

static __attribute__((noinline)) int outermost(int value)
{
    int volatile *local = __builtin_alloca(value);
    *local = value;
    return *local + middle(value);
}

long walk_from_filter(void);

static long walk(CONTEXT context)
{
    unsigned long long function = 0;
    while (function != (unsigned long long)walk_from_filter) {
        unsigned long long const frame = unwind_once(&context);
        function = function_at(context.Rip);
        note("to %s, frame below RSP %d",
             function == (unsigned long long)innermost   ? "innermost"
             : function == (unsigned long long)middle    ? "middle"
             : function == (unsigned long long)outermost ? "outermost"
                                                         : "the function with the __try",
             frame < context.Rsp);
    }
    return EXCEPTION_EXECUTE_HANDLER;
}

long walk_from_filter(void)
{
    __try {
        outermost(64);
    } __except (walk(*GetExceptionInformation()->ContextRecord)) {
        note("except");
    }
    return 0;
}

/* expect
to innermost, frame below RSP 1
to middle, frame below RSP 1
to outermost, frame below RSP 1
to the function with the __try, frame below RSP 1
except
returned 0
*/
