// SPDX-License-Identifier: MIT
// Kernel memory that nobody initialised, copied to the user, and memory that only looks so.
#include "kernel.h"
#include <stdio.h>

typedef struct {
    UCHAR kind;
    ULONG64 value;
    USHORT tail;
} PADDED;

typedef struct {
    ULONG first;
    ULONG second;
} PAIR;

// call: PaddingOnTheStack user:64 7
ULONG PaddingOnTheStack(UCHAR *user, ULONG64 value)
{
    PADDED answer;
    answer.kind = 1;
    answer.value = value;
    answer.tail = 2;
    CopyToUser(user, &answer, sizeof answer); // finds: information-leak
    return 0;
}

// call: PoolNotZeroed user:64
ULONG PoolNotZeroed(UCHAR *user)
{
    PAIR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 32, TAG);
    if (!block)
        return 1;
    block->first = 1;
    block->second = 2;
    CopyToUser(user, block, 32); // finds: information-leak
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: HalfFilled user:64 kernel:64
ULONG HalfFilled(UCHAR *user, const UCHAR *in)
{
    UCHAR buffer[48];
    RtlCopyMemory(buffer, in, 24);
    CopyToUser(user, buffer, sizeof buffer); // finds: information-leak
    return 0;
}

// call: ThroughAnotherBuffer user:64 kernel:64
ULONG ThroughAnotherBuffer(UCHAR *user, UCHAR *between)
{
    UCHAR *block = ExAllocatePoolWithTag(PagedPool, 40, TAG);
    if (!block)
        return 1;
    RtlZeroMemory(block, 20);
    RtlCopyMemory(between, block, 40);
    ExFreePoolWithTag(block, TAG);
    CopyToUser(user, between, 40); // finds: information-leak
    return 0;
}

// call: OneVariable user:64 0
static NOINLINE void Answer(volatile ULONG *answer, ULONG known)
{
    if (known)
        *answer = known;
}

ULONG OneVariable(ULONG *user, ULONG known)
{
    volatile ULONG answer;
    Answer(&answer, known);
    WriteULongToUser(user, answer); // finds: information-leak
    return 0;
}

// call: CalculatedWith user:64 0
ULONG CalculatedWith(ULONG *user, ULONG known)
{
    volatile ULONG answer;
    Answer(&answer, known);
    WriteULongToUser(user, answer * 3 + 1); // finds: information-leak
    return 0;
}

// call: DirectlyWritten user:64
ULONG DirectlyWritten(volatile ULONG64 *user)
{
    volatile ULONG64 *block = ExAllocatePoolWithTag(NonPagedPoolNx, 16, TAG);
    if (!block)
        return 1;
    block[0] = 1;
    user[0] = block[0];
    user[1] = block[1]; // finds: information-leak
    ExFreePoolWithTag((void *)block, TAG);
    return 0;
}

// call: ByRepMovs user:64 kernel:64
ULONG ByRepMovs(UCHAR *user, UCHAR *between)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 24, TAG);
    UCHAR *source = block, *target = between;
    SIZE_T count = 24;
    if (!block)
        return 1;
    block[0] = 1;
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
    CopyToUser(user, between, 24); // finds: information-leak
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: WhatACalleeLeftOnTheStack user:64
static NOINLINE ULONG Secret(ULONG value)
{
    volatile ULONG secret[8];
    for (ULONG i = 0; i < 8; i++)
        secret[i] = value + i;
    return secret[3];
}

static NOINLINE void Careless(UCHAR *user)
{
    UCHAR buffer[40];
    buffer[0] = 1;
    CopyToUser(user, buffer, sizeof buffer); // finds: information-leak
}

ULONG WhatACalleeLeftOnTheStack(UCHAR *user)
{
    ULONG value = Secret(0x12345678);
    Careless(user);
    return value;
}

// call: AStringAndItsBuffer user:64 1234
ULONG AStringAndItsBuffer(UCHAR *user, ULONG value)
{
    WCHAR buffer[16];
    UNICODE_STRING text;
    text.Buffer = buffer;
    text.Length = 0;
    text.MaximumLength = sizeof buffer;
    RtlIntegerToUnicodeString(value, 10, &text);
    CopyToUser(user, buffer, sizeof buffer); // finds: information-leak
    return 0;
}

// call: OnTheExceptionPath 0x1000 user:64
ULONG OnTheExceptionPath(const UCHAR *from, UCHAR *to)
{
    UCHAR buffer[32];
    __try {
        CopyFromUser(buffer, from, sizeof buffer);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        buffer[0] = 1;
    }
    CopyToUser(to, buffer, sizeof buffer); // finds: information-leak
    return 0;
}

// Near misses.

// call: ZeroedFirst user:64 7
ULONG ZeroedFirst(UCHAR *user, ULONG64 value)
{
    PADDED answer;
    RtlZeroMemory(&answer, sizeof answer);
    answer.kind = 1;
    answer.value = value;
    answer.tail = 2;
    CopyToUser(user, &answer, sizeof answer);
    return 0;
}

// call: FieldByField user:64 7
ULONG FieldByField(PADDED *user, ULONG64 value)
{
    PADDED answer;
    answer.kind = 1;
    answer.value = value;
    answer.tail = 2;
    WriteUCharToUser(&user->kind, answer.kind);
    WriteULong64ToUser(&user->value, answer.value);
    CopyToUser(&user->tail, &answer.tail, sizeof answer.tail);
    return 0;
}

// call: ZeroedPool user:64
ULONG ZeroedPool(UCHAR *user)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx | 0x400, 32, TAG); // POOL_ZERO_ALLOCATION
    if (!block)
        return 1;
    CopyToUser(user, block, 32);
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: FilledThenCopied user:64 kernel:64
ULONG FilledThenCopied(UCHAR *user, const UCHAR *in)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 48, TAG);
    if (!block)
        return 1;
    RtlCopyMemory(block, in, 48);
    CopyToUser(user, block, 48);
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: OnlyWhatWasFilled user:64 kernel:64
ULONG OnlyWhatWasFilled(UCHAR *user, const UCHAR *in)
{
    UCHAR buffer[48];
    RtlCopyMemory(buffer, in, 24);
    CopyToUser(user, buffer, 24);
    return 0;
}

// call: StaysInTheKernel user:64 kernel:64
ULONG StaysInTheKernel(UCHAR *user, UCHAR *out)
{
    UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 48, TAG);
    if (!block)
        return 1;
    RtlCopyMemory(out, block, 48);
    ZeroUserMemory(user, 48);
    ExFreePoolWithTag(block, TAG);
    return 0;
}

// call: MaskedOff user:64 0
ULONG MaskedOff(ULONG *user, ULONG known)
{
    volatile ULONG answer;
    Answer(&answer, known);
    ((volatile UCHAR *)&answer)[0] = 5;
    WriteULongToUser(user, answer & 0xFF);
    return 0;
}

// call: FromUserToUser user:64
ULONG FromUserToUser(UCHAR *user)
{
    UCHAR buffer[24];
    CopyFromUser(buffer, user, sizeof buffer);
    CopyToUser(user + 32, buffer, sizeof buffer);
    return 0;
}

// call: ALengthOfAString user:64
ULONG ALengthOfAString(ULONG *user)
{
    char buffer[64];
    strcpy(buffer, "nineteen characters");
    WriteULongToUser(user, (ULONG)strlen(buffer));
    CopyToUser(user + 1, buffer, 20);
    return 0;
}

// call: OnlyTheText user:64 1234
ULONG OnlyTheText(UCHAR *user, ULONG value)
{
    WCHAR buffer[16];
    UNICODE_STRING text;
    text.Buffer = buffer;
    text.Length = 0;
    text.MaximumLength = sizeof buffer;
    RtlIntegerToUnicodeString(value, 10, &text);
    CopyToUser(user, buffer, text.Length);
    return 0;
}

// call: ANumberInText user:64
ULONG ANumberInText(ULONG *user)
{
    UNICODE_STRING text;
    ULONG value;
    RtlInitUnicodeString(&text, L"0");
    if (RtlUnicodeStringToInteger(&text, 10, &value))
        return 1;
    WriteULongToUser(user, value);
    return 0;
}

// call: PrintsNothing user:64
ULONG PrintsNothing(UCHAR *user)
{
    char buffer[32];
    sprintf(buffer, "%s", "");
    CopyToUser(user, buffer, 1);
    return 0;
}

// call: TheExceptionsCode 0x1000 user:64
ULONG TheExceptionsCode(const UCHAR *from, ULONG *to)
{
    UCHAR buffer[32];
    ULONG code = 0;
    __try {
        CopyFromUser(buffer, from, sizeof buffer);
    } __except (code = GetExceptionInformation()->ExceptionRecord->NumberParameters, EXCEPTION_EXECUTE_HANDLER) {
        WriteULongToUser(to, GetExceptionCode());
        WriteULongToUser(to + 1, code);
    }
    return 0;
}
