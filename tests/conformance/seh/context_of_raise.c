/* SPDX-License-Identifier: MIT */
/* The context of a software exception is the raising function's behind its call, with all that a call preserves. */
#include "stack_walk.h"

static __attribute__((noinline)) void raise_with_registers(void)
{
    static EXCEPTION_RECORD record = {.ExceptionCode = 0xE0000001};
    __asm__ volatile("movl $4, %%ebx\n\tmovl $6, %%esi\n\tmovl $7, %%edi\n\t"
                     "movl $12, %%r12d\n\tmovl $13, %%r13d\n\tmovl $14, %%r14d\n\tmovl $15, %%r15d" :::
                         "rbx", "rsi", "rdi", "r12", "r13", "r14", "r15");
    RtlRaiseException(&record);
    note("not reached");
}

static long look(EXCEPTION_POINTERS const *pointers)
{
    CONTEXT const *context = pointers->ContextRecord;
    note("in the function %d", function_at(context->Rip) == (unsigned long long)raise_with_registers);
    note("RIP at the exception %d", context->Rip == (unsigned long long)pointers->ExceptionRecord->ExceptionAddress);
    note("%llX %llX %llX %llX %llX %llX %llX", context->Rbx, context->Rsi, context->Rdi, context->R12, context->R13,
         context->R14, context->R15);
    return EXCEPTION_EXECUTE_HANDLER;
}

long context_of_raise(void)
{
    __try {
        raise_with_registers();
    } __except (look(GetExceptionInformation())) {
        note("except");
    }
    return 0;
}

/* expect
in the function 1
RIP at the exception 1
4 6 7 C D E F
except
returned 0
*/
