/* SPDX-License-Identifier: MIT */
/* Memory functions: which pointer is bad, the exception's operation and address say. */
#include "program.h"

__declspec(dllimport) void *memcpy(void *target, void const *source, unsigned long long size);
__declspec(dllimport) void *memset(void *target, int value, unsigned long long size);
__declspec(dllimport) int memcmp(void const *left, void const *right, unsigned long long size);

long memory_functions_fault(void)
{
    void *volatile bad = (void *)0x20;
    char good[16] = "unchanged";
    for (int volatile which = 0; which < 4; ++which) {
        __try {
            switch (which) {
            case 0: memcpy(good, bad, 8); break;
            case 1: memcpy(bad, good, 8); break;
            case 2: memset(bad, 0, 8); break;
            case 3: memcmp(good, bad, 8); break;
            }
            note("not reached");
        } __except (show(GetExceptionInformation()->ExceptionRecord)) {
            note("function %d, good is %s", which, good);
        }
    }
    return 0;
}

/* expect
exception C0000005, flags 0
parameter 0
parameter 20
function 0, good is unchanged
exception C0000005, flags 0
parameter 1
parameter 20
function 1, good is unchanged
exception C0000005, flags 0
parameter 1
parameter 20
function 2, good is unchanged
exception C0000005, flags 0
parameter 0
parameter 20
function 3, good is unchanged
returned 0
*/
