/* SPDX-License-Identifier: MIT */
/* What a __finally is for: the block is given back on the way out by an exception, and on the ordinary one. */
#include "kernel.h"

#define TAG 0x74736554

static __attribute__((noinline)) int use(int value)
{
    int result = -1;
    int *block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, TAG);
    __try {
        block[3] = value;
        if (value > 1)
            read_nowhere();
        result = block[3];
    } __finally {
        note("frees, abnormal %d", AbnormalTermination());
        ExFreePoolWithTag(block, TAG);
    }
    return result;
}

long pool_freed_in_finally(void)
{
    long volatile value = use(1);
    __try {
        value += use(2);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except");
    }
    return value;
}

/* expect kernel: pool
frees, abnormal 0
filter own C0000005 answers 1
frees, abnormal 1
except
returned 1
*/
