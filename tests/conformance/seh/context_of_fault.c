/* SPDX-License-Identifier: MIT */
/* The context of a fault holds every register as the instruction found it. */
#include "program.h"

static unsigned long long volatile stack_pointer;

static __attribute__((noinline)) void stop_with_registers(void)
{
    __asm__ volatile("movq %%rsp, %0\n\t"
                     "movl $1, %%eax\n\tmovl $2, %%ecx\n\tmovl $3, %%edx\n\tmovl $4, %%ebx\n\tmovl $6, %%esi\n\t"
                     "movl $7, %%edi\n\tmovl $8, %%r8d\n\tmovl $9, %%r9d\n\tmovl $10, %%r10d\n\tmovl $11, %%r11d\n\t"
                     "movl $12, %%r12d\n\tmovl $13, %%r13d\n\tmovl $14, %%r14d\n\tmovl $15, %%r15d\n\t"
                     "ud2"
                     : "=m"(stack_pointer)::"rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15");
}

static long look(EXCEPTION_POINTERS const *pointers)
{
    CONTEXT const *context = pointers->ContextRecord;
    note("RIP at the exception %d, RSP as it was %d, on the stack %d",
         context->Rip == (unsigned long long)pointers->ExceptionRecord->ExceptionAddress,
         context->Rsp == stack_pointer, context->Rsp - (unsigned long long)&context < 0x6000);
    note("%llX %llX %llX %llX %llX %llX", context->Rax, context->Rcx, context->Rdx, context->Rbx, context->Rsi,
         context->Rdi);
    note("%llX %llX %llX %llX %llX %llX %llX %llX", context->R8, context->R9, context->R10, context->R11, context->R12,
         context->R13, context->R14, context->R15);
    note("flags %lX, aligned %d", context->ContextFlags & (CONTEXT_FULL | CONTEXT_SEGMENTS),
         ((unsigned long long)context & 15) == 0);
    return EXCEPTION_EXECUTE_HANDLER;
}

long context_of_fault(void)
{
    __try {
        stop_with_registers();
    } __except (look(GetExceptionInformation())) {
        note("except");
    }
    return 0;
}

/* expect
RIP at the exception 1, RSP as it was 1, on the stack 1
1 2 3 4 6 7
8 9 A B C D E F
flags 10000F, aligned 1
except
returned 0
*/
