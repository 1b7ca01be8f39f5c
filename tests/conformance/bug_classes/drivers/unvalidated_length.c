// SPDX-License-Identifier: MIT
// Class 11: A length that is not validated after capture
// The length was captured once, as it should be, and then used as it is: the copy runs over the end of what it goes to.
#include "driver.h"

// shape: The block has one size, the request another.
#define NAME_SIZE 32

typedef struct _REQUEST {
    ULONG Length;
    CHAR Name[60];
} REQUEST;

static ULONG Vowels(const CHAR *Name, ULONG Length)
{
    ULONG Count = 0;
    for (ULONG Index = 0; Index < Length; Index++) {
        Count += Name[Index] == 'a' || Name[Index] == 'e';
    }
    return Count;
}

// bug: TrustsTheLength user:64 kernel:4 arg0+0=40
NTSTATUS TrustsTheLength(const REQUEST *UserRequest, ULONG *Answer)
{
    NTSTATUS Status = STATUS_SUCCESS;
    CHAR *Name = ExAllocatePool2(POOL_FLAG_PAGED, NAME_SIZE, TAG);
    if (Name == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        ULONG Length = ReadULongFromUser(&UserRequest->Length);
        CopyFromUser(Name, UserRequest->Name, Length); // finds: pool
        *Answer = Vowels(Name, Length);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Name, TAG);
    return Status;
}

// fix: ChecksTheLength
// good: user:64 kernel:4 arg0+0=32
NTSTATUS ChecksTheLength(const REQUEST *UserRequest, ULONG *Answer)
{
    NTSTATUS Status = STATUS_SUCCESS;
    CHAR *Name = ExAllocatePool2(POOL_FLAG_PAGED, NAME_SIZE, TAG);
    if (Name == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        ULONG Length = ReadULongFromUser(&UserRequest->Length);
        if (Length > NAME_SIZE) {
            Status = STATUS_INVALID_PARAMETER;
            __leave;
        }
        CopyFromUser(Name, UserRequest->Name, Length);
        *Answer = Vowels(Name, Length);
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Name, TAG);
    return Status;
}

// shape: The size of the block is a product that wraps: 0x20000002 entries take 16 bytes.
typedef struct _ENTRY {
    ULONG Key;
    ULONG Value;
} ENTRY;

// bug: MultipliesUnchecked user:64 0x20000002
NTSTATUS MultipliesUnchecked(const ENTRY *UserEntries, ULONG Count)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ENTRY *Entries = ExAllocatePool2(POOL_FLAG_PAGED, Count * (ULONG)sizeof(ENTRY), TAG);
    if (Entries == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        for (ULONG Index = 0; Index < Count; Index++) {
            ReadStructFromUser(&Entries[Index], &UserEntries[Index]); // finds: pool
        }
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Entries, TAG);
    return Status;
}

// fix: ChecksTheProduct
// good: user:64 8
NTSTATUS ChecksTheProduct(const ENTRY *UserEntries, ULONG Count)
{
    NTSTATUS Status = STATUS_SUCCESS;
    ENTRY *Entries;
    if (Count > MAXULONG / sizeof(ENTRY)) {
        return STATUS_INTEGER_OVERFLOW;
    }
    Entries = ExAllocatePool2(POOL_FLAG_PAGED, Count * sizeof(ENTRY), TAG);
    if (Entries == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    __try {
        for (ULONG Index = 0; Index < Count; Index++) {
            ReadStructFromUser(&Entries[Index], &UserEntries[Index]);
        }
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    ExFreePoolWithTag(Entries, TAG);
    return Status;
}

// shape: The buffer is on the stack, and behind it is the return address.
// limit: Without what `unwind-data` then says: whoever unwinds that frame comes out somewhere else, too.
#define SMALL 16

// bug: OverrunsTheStack user:64 kernel:4 64 besides=unwind-data
NTSTATUS OverrunsTheStack(const UCHAR *UserData, ULONG *Answer, ULONG Length)
{
    UCHAR Data[SMALL];
    __try {
        CopyFromUser(Data, UserData, Length); // finds: stack
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    *Answer = Data[0] + Data[SMALL - 1];
    return STATUS_SUCCESS;
}

// fix: ChecksTheBuffersSize
// good: user:64 kernel:4 16
NTSTATUS ChecksTheBuffersSize(const UCHAR *UserData, ULONG *Answer, ULONG Length)
{
    UCHAR Data[SMALL];
    if (Length != sizeof(Data)) {
        return STATUS_INVALID_PARAMETER;
    }
    __try {
        CopyFromUser(Data, UserData, Length);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    *Answer = Data[0] + Data[SMALL - 1];
    return STATUS_SUCCESS;
}
