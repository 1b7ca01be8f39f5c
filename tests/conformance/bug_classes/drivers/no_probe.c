// SPDX-License-Identifier: MIT
// Class 3: No probe
// A pointer that the user supplied is dereferenced as it is. Nothing keeps it from leading into kernel memory, and then
// the user has the driver read or write that.
#include "driver.h"

typedef struct _REQUEST {
    ULONG Value;
    ULONG Reserved;
    ULONG *Answer; // the user's, so they say
} REQUEST;

// shape: The request names memory of the user.
// bug: AnswersAnywhere user:16 user:4 arg0+8=arg1
NTSTATUS AnswersAnywhere(const REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        *Request.Answer = Request.Value + 1; // finds: direct-user-access
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: AnswersTheUser
NTSTATUS AnswersTheUser(const REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        WriteULongToUser(Request.Answer, Request.Value + 1);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: The request names kernel memory.
// bug: AnswersIntoTheKernel user:16 kernel:4 arg0+8=arg1
NTSTATUS AnswersIntoTheKernel(const REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        *Request.Answer = Request.Value + 1; // finds: kernel-pointer
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: AnswersNotIntoTheKernel
// good: user:16 user:4 arg0+8=arg1
NTSTATUS AnswersNotIntoTheKernel(const REQUEST *UserRequest) { return AnswersTheUser(UserRequest); }
