/* SPDX-License-Identifier: MIT */
/* int 2Dh, a request to the kernel debugger (here: to prompt), is a breakpoint whose first parameter is the service in
   RAX. */
#include "program.h"

static __attribute__((noinline)) int request(unsigned long long service)
{
    __asm__ volatile("int $0x2D\n\tnop" : "+a"(service)::"memory");
    return (int)service + 1;
}

static long show_service(EXCEPTION_RECORD const *record)
{
    note("exception %08lX, service %llX", record->ExceptionCode, record->ExceptionInformation[0]);
    return EXCEPTION_EXECUTE_HANDLER;
}

long debug_service(void)
{
    __try {
        return request(2);
    } __except (show_service(GetExceptionInformation()->ExceptionRecord)) {
        return 9;
    }
}

/* expect
exception 80000003, service 2
returned 9
*/
