/* SPDX-License-Identifier: MIT */
/* A filter moves RIP behind the instruction that faulted, and gives it a result in RAX. */
#include "program.h"

static __attribute__((noinline)) int load_into_rax(void volatile const *where)
{
    int value = 1;
    __asm__ volatile("movl (%1), %0" : "+a"(value) : "c"(where));
    return value + 1;
}

static long skip(EXCEPTION_POINTERS const *pointers)
{
    CONTEXT *context = pointers->ContextRecord;
    unsigned char const *instruction = (unsigned char const *)context->Rip;
    note("instruction %02X %02X, RAX %llX", instruction[0], instruction[1], context->Rax);
    context->Rax = 0x1233;
    context->Rip += 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

long continue_after_skipping_instruction(void)
{
    long volatile value = 0;
    __try {
        value = load_into_rax(NOWHERE);
    } __except (skip(GetExceptionInformation())) {
        note("not reached");
    }
    return value;
}

/* expect
instruction 8B 01, RAX 1
returned 1234
*/
