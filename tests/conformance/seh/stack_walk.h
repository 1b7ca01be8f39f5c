/* SPDX-License-Identifier: MIT */
/* What programs that look at their own stack share. */
#ifndef STACK_WALK_H
#define STACK_WALK_H

#include "program.h"

/* Where the function begins that an address is in; 0 for a leaf function, which the table does not have. */
static __attribute__((noinline, unused)) unsigned long long function_at(unsigned long long address)
{
    unsigned long long base;
    RUNTIME_FUNCTION const *entry = RtlLookupFunctionEntry(address, &base, NULL);
    return entry ? base + entry->BeginAddress : 0;
}

/* Turn a context into its caller's, and return the establisher frame. */
static __attribute__((noinline, unused)) unsigned long long unwind_once(CONTEXT *context)
{
    unsigned long long base, establisher;
    void *handler_data;
    RUNTIME_FUNCTION *entry = RtlLookupFunctionEntry(context->Rip, &base, NULL);
    if (entry == NULL) {
        establisher = context->Rsp;
        context->Rip = *(unsigned long long const *)context->Rsp;
        context->Rsp += 8;
    } else {
        RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context->Rip, entry, context, &handler_data, &establisher, NULL);
    }
    return establisher;
}

/* The establisher frame of the calling function: what an unwind to it names as its target. */
static __attribute__((noinline, unused)) void *own_frame(void)
{
    CONTEXT context;
    RtlCaptureContext(&context);
    unwind_once(&context);
    return (void *)unwind_once(&context);
}

#endif
