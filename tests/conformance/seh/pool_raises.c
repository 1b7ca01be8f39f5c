/* SPDX-License-Identifier: MIT */
/* A pool allocation that was asked to raise instead of returning null. */
#include "kernel.h"

long pool_raises(void)
{
    void *volatile block = (void *)1;
    block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 1ull << 40, 0x74736554);
    note("null %d", block == NULL);
    __try {
        block = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_RAISE_ON_FAILURE, 1ull << 40, 0x74736554);
        note("not reached");
    } __except (show(GetExceptionInformation()->ExceptionRecord)) {
        note("except");
    }
    return 0;
}

/* expect kernel: pool
null 1
exception C000009A, flags 1
except
returned 0
*/
