/* SPDX-License-Identifier: MIT */
/* RtlVirtualUnwind returns the language handler of a frame where it is of the kind that was asked for, with the scope
   table that is its data. */
#include "stack_walk.h"

static __attribute__((noinline)) void *handler_of(CONTEXT context, unsigned long kind, unsigned long *scopes)
{
    unsigned long long base, establisher;
    void *data = NULL, *handler;
    RUNTIME_FUNCTION *entry = RtlLookupFunctionEntry(context.Rip, &base, NULL);
    handler = RtlVirtualUnwind(kind, base, context.Rip, entry, &context, &data, &establisher, NULL);
    *scopes = handler != NULL ? *(unsigned long const *)data : 0;
    return handler;
}

static __attribute__((noinline)) void look(void)
{
    unsigned long scopes;
    CONTEXT context;
    RtlCaptureContext(&context);
    note("own handler %d", handler_of(context, UNW_FLAG_EHANDLER, &scopes) != NULL);
    unwind_once(&context);
    note("the caller's handler %d", handler_of(context, UNW_FLAG_EHANDLER, &scopes) != NULL);
    note("has scopes %d", scopes >= 2);
    note("for unwinds %d", handler_of(context, UNW_FLAG_UHANDLER, &scopes) != NULL);
    note("if nobody asks %d", handler_of(context, UNW_FLAG_NHANDLER, &scopes) != NULL);
}

long virtual_unwind_finds_handler(void)
{
    __try {
        __try {
            look();
        } __finally {
            note("finally");
        }
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("not reached");
    }
    return 0;
}

/* expect
own handler 0
the caller's handler 1
has scopes 1
for unwinds 1
if nobody asks 0
finally
returned 0
*/
