// SPDX-License-Identifier: MIT
// A string in a pool block, and an allocation that cannot succeed.

#include <ntddk.h>

NTKERNELAPI PVOID NTAPI ExAllocatePool2(ULONG64 Flags, SIZE_T NumberOfBytes, ULONG Tag);
SIZE_T strlen(const char *string);
void *memcpy(void *to, const void *from, SIZE_T length);

#define TAG 'tseT'
#define FLAG_NON_PAGED 0x40
#define FLAG_RAISE_ON_FAILURE 0x20

char *duplicate(const char *string)
{
    SIZE_T size = strlen(string) + 1;
    char *copy = ExAllocatePool2(FLAG_NON_PAGED, size, TAG);

    if (copy != NULL)
        memcpy(copy, string, size);
    return copy;
}

ULONG release(char *copy)
{
    ExFreePoolWithTag(copy, TAG);
    return 0;
}

ULONG too_much(void)
{
    __try {
        ExAllocatePool2(FLAG_NON_PAGED | FLAG_RAISE_ON_FAILURE, 1ULL << 40, TAG);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return (ULONG)GetExceptionCode();
    }
    return 0;
}
