// SPDX-License-Identifier: MIT
// Class 4: User access outside of any __try
// An accessor raises where the user's memory cannot be accessed. Where no __try block is around it, any process stops the
// machine by freeing a page in time.
#include "driver.h"

typedef struct _REQUEST {
    ULONG First;
    ULONG Second;
    ULONG Sum;
} REQUEST;

// shape: The access itself is outside, behind the block.
// bug: AnswersBehindTheBlock user:12
NTSTATUS AnswersBehindTheBlock(REQUEST *UserRequest)
{
    REQUEST Request;
    __try {
        ReadStructFromUser(&Request, UserRequest);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    WriteULongToUser(&UserRequest->Sum, Request.First + Request.Second); // finds: unguarded-user-access
    return STATUS_SUCCESS;
}

// fix: AnswersInTheBlock
NTSTATUS AnswersInTheBlock(REQUEST *UserRequest)
{
    REQUEST Request;
    __try {
        ReadStructFromUser(&Request, UserRequest);
        WriteULongToUser(&UserRequest->Sum, Request.First + Request.Second);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: The error is written to the user in the handler, which the block does not cover.
// bug: ReportsTheErrorInTheHandler user:12 fault=none@arg0+4,access=1,times=1
NTSTATUS ReportsTheErrorInTheHandler(REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        WriteULongToUser(&UserRequest->Sum, Request.First + Request.Second);
    } __except (UmaExceptionFilter(UserMode)) {
        WriteULongToUser(&UserRequest->Sum, 0); // finds: unguarded-user-access
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: ReturnsTheError
// good: user:12
NTSTATUS ReturnsTheError(REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        WriteULongToUser(&UserRequest->Sum, Request.First + Request.Second);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
