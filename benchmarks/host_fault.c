/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host CPU's own fault cycle: forbid a page, touch it, land in a handler, allow it again. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>

static sigjmp_buf landing;

static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(landing, 1);
}

/* Returns how many of `count` touches faulted, -1 where the system refuses the set-up. */
__attribute__((visibility("default"))) int fault_cycles(int count)
{
    size_t const page = 65536; /* a multiple of every host's page size */
    volatile char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {0}, previous;
    int volatile faults = 0;
    if (memory == MAP_FAILED)
        return -1;
    action.sa_handler = on_fault;
    action.sa_flags = SA_NODEFER;
    if (sigaction(SIGSEGV, &action, &previous))
        return -1;
    for (int volatile i = 0; i < count; i++) {
        mprotect((void *)memory, page, PROT_NONE);
        if (sigsetjmp(landing, 0) == 0)
            (void)memory[0];
        else
            faults = faults + 1;
        mprotect((void *)memory, page, PROT_READ | PROT_WRITE);
    }
    sigaction(SIGSEGV, &previous, NULL);
    munmap((void *)memory, page);
    return faults;
}
