// SPDX-License-Identifier: MIT
// Class 2: A local copy that the compiler reads again
// The source copies a request to a local variable and uses that alone. The copy is an ordinary one, so the compiler may
// leave it out and hand on the user's memory in its place, as it does here at -O2.
#include "driver.h"

#define LARGEST 100

typedef struct _REQUEST {
    UCHAR Size;
    UCHAR Data[127];
} REQUEST;

static NOINLINE BOOLEAN IsValid(const REQUEST *restrict Request);
static NOINLINE ULONG ChecksumOf(const REQUEST *restrict Request);

// bug: CopiesByAssignment user:128 kernel:4 arg0+0=120
static NOINLINE NTSTATUS Answer(const REQUEST *UserRequest, ULONG *Checksum)
{
    REQUEST Request = *UserRequest; // finds: direct-user-access
    if (!IsValid(&Request)) {
        return STATUS_INVALID_PARAMETER;
    }
    *Checksum = ChecksumOf(&Request);
    return STATUS_SUCCESS;
}

NTSTATUS CopiesByAssignment(const REQUEST *UserRequest, ULONG *Checksum)
{
    __try {
        return Answer(UserRequest, Checksum);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
}

static BOOLEAN IsValid(const REQUEST *restrict Request)
{
    return Request->Size <= LARGEST; // finds: direct-user-access, double-fetch
}

static ULONG ChecksumOf(const REQUEST *restrict Request)
{
    ULONG Sum = 0;
    for (ULONG Index = 0; Index < Request->Size; Index++) {
        Sum = Sum * 31 + Request->Data[Index];
    }
    return Sum;
}

// fix: CopiesByAccessor
// good: user:128 kernel:4 arg0+0=100
static NOINLINE NTSTATUS AnswerFromCopy(const REQUEST *UserRequest, ULONG *Checksum)
{
    REQUEST Request;
    ReadStructFromUser(&Request, UserRequest);
    if (!IsValid(&Request)) {
        return STATUS_INVALID_PARAMETER;
    }
    *Checksum = ChecksumOf(&Request);
    return STATUS_SUCCESS;
}

NTSTATUS CopiesByAccessor(const REQUEST *UserRequest, ULONG *Checksum)
{
    __try {
        return AnswerFromCopy(UserRequest, Checksum);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
}
