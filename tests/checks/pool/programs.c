// SPDX-License-Identifier: MIT
// Pool used, freed and kept, rightly and wrongly.
#include "kernel.h"

typedef struct {
    ULONG size;
    UCHAR data[60];
} REQUEST;

UCHAR *Kept;
static LIST_ENTRY Head;

// call: WritesOneTooMany 0
ULONG WritesOneTooMany(ULONG value)
{
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 50, TAG);
    for (ULONG i = 0; i <= 50; i++)
        block[i] = (UCHAR)i; // finds: pool
    Kept = (UCHAR *)block;
    return value;
}

// call: TrustsTheLength user:=@@@@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
ULONG TrustsTheLength(const REQUEST *user)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 40, TAG);
    if (!block)
        return 0;
    __try {
        CopyFromUser(block, user, ReadULongFromUser(&user->size) & 0xff); // finds: pool
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: MemcpyTooLong kernel:64
ULONG MemcpyTooLong(const UCHAR *kernel)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 60, TAG);
    RtlCopyMemory(block, kernel, 62); // finds: pool
    Kept = block;
    return block[0];
}

// call: BeforeItsBegin 0
ULONG BeforeItsBegin(ULONG value)
{
    volatile ULONG *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    block[(LONG)value - 1] = 1; // finds: pool
    Kept = (UCHAR *)block;
    return value;
}

// call: ReadsBehindIt 16
ULONG ReadsBehindIt(ULONG value)
{
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 65, TAG);
    Kept = (UCHAR *)block;
    return block[value + 50]; // finds: pool
}

// call: UsesItAfterwards 0
ULONG UsesItAfterwards(ULONG value)
{
    volatile ULONG *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    block[1] = value;
    ExFreePoolWithTag((void *)block, TAG);
    return block[1]; // finds: pool
}

// call: CopiesItOutAfterwards user:64
ULONG CopiesItOutAfterwards(UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    RtlZeroMemory(block, 64);
    ExFreePoolWithTag(block, TAG);
    __try {
        CopyToUser(user, block, 64); // finds: pool
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: FreesTwice 0x1000
ULONG FreesTwice(const UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    ULONG status = 0;
    __try {
        CopyFromUser(block, user, 64);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
        ExFreePoolWithTag(block, TAG);
    }
    ExFreePoolWithTag(block, TAG); // finds: pool
    return status;
}

// call: FreesWithAnotherTag 0
ULONG FreesWithAnotherTag(ULONG value)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    ExFreePoolWithTag(block, 'rehO'); // finds: pool
    return value;
}

// call: FreesTheMiddle 0
ULONG FreesTheMiddle(ULONG value)
{
    Kept = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    ExFreePoolWithTag(Kept + 16, TAG); // finds: pool
    return value;
}

// call: LostInTheHandler 0x1000
ULONG LostInTheHandler(const UCHAR *user)
{
    __try {
        UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG); // finds: pool
        if (!block)
            return 0;
        CopyFromUser(block, user, 64);
        ExFreePoolWithTag(block, TAG);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: LostWhereItRaises 0x1000
ULONG LostWhereItRaises(const UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG); // finds: pool
    UCHAR *second = ExAllocatePoolWithTag(PagedPool, 32, TAG); // finds: pool
    *(UCHAR **)block = second;
    CopyFromUser(second, user, 32);
    ExFreePoolWithTag(second, TAG);
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: LostOnAnError 100
ULONG LostOnAnError(ULONG length)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG); // finds: pool
    if (length > 64)
        return STATUS_INVALID_PARAMETER;
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// Near misses.

// call: UsesAllOfIt kernel:64
ULONG UsesAllOfIt(UCHAR *kernel)
{
    volatile UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 50, TAG);
    for (ULONG i = 0; i < 50; i++)
        block[i] = (UCHAR)i;
    RtlCopyMemory(kernel, (const void *)block, 50);
    ExFreePoolWithTag((void *)block, TAG);
    return kernel[49];
}

// call: APageAndMore 0
ULONG APageAndMore(ULONG value)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 5000, TAG);
    RtlFillMemory(block, 5000, 1);
    ExFreePoolWithTag(block, TAG);
    return value;
}

// call: FreesOnEveryPath 0x1000
ULONG FreesOnEveryPath(const UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    ULONG status = 0;
    __try {
        CopyFromUser(block, user, 64);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = GetExceptionCode();
    }
    ExFreePoolWithTag(block, TAG);
    return status;
}

// call: FreesInAFinally 0x1000
ULONG FreesInAFinally(const UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    __try {
        CopyFromUser(block, user, 64);
    } __finally {
        ExFreePoolWithTag(block, TAG);
    }
    return 0;
}

// call: KeepsItInAGlobal 0x1000
ULONG KeepsItInAGlobal(const UCHAR *user)
{
    __try {
        Kept = ExAllocatePoolWithTag(PagedPool, 64, TAG);
        CopyFromUser(Kept, user, 64);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}

// call: KeepsItInTheCallersBuffer kernel:64
ULONG KeepsItInTheCallersBuffer(UCHAR **out)
{
    *(UCHAR **)((UCHAR *)out + 3) = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    return STATUS_UNSUCCESSFUL;
}

// call: KeepsAList 3
ULONG KeepsAList(ULONG count)
{
    InitializeListHead(&Head);
    for (ULONG i = 0; i < count; i++) {
        LIST_ENTRY *links = (LIST_ENTRY *)((UCHAR *)ExAllocatePoolWithTag(PagedPool, 64, TAG) + 16);
        InsertTailList(&Head, links);
    }
    return STATUS_UNSUCCESSFUL;
}

// call: ReturnsIt 0
void *ReturnsIt(ULONG unused)
{
    return ExAllocatePoolWithTag(PagedPool, 64, TAG);
}

// call: StringsInPool 0
ULONG StringsInPool(ULONG unused)
{
    char *block = ExAllocatePoolWithTag(PagedPool, 13, TAG);
    SIZE_T length;
    strcpy(block, "twelve bytes");
    length = strlen(block);
    ExFreePoolWithTag(block, TAG);
    return (ULONG)length;
}

// call: AllocatesAgain 4
ULONG AllocatesAgain(ULONG count)
{
    for (ULONG i = 0; i < count; i++) {
        volatile ULONG *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
        block[0] = i;
        ExFreePoolWithTag((void *)block, TAG);
    }
    return 0;
}
