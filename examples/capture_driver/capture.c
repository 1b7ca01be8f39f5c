/* SPDX-License-Identifier: MIT */
/* A driver's capture code: takes a request from user memory, and writes the answer there. */

#include <ntddk.h>
#include <usermode_accessors.h>

#define TAG 0x74706143 /* Capt, as it lies in memory */
#define VERSION 1
#define LONGEST_NAME 256 /* bytes */

typedef struct _NAME_REQUEST {
    ULONG Version;
    UNICODE_STRING Name; /* its Buffer is user memory, too */
    ULONG *Answer;       /* user memory */
} NAME_REQUEST;

static ULONG HashOfName(const WCHAR *Name, ULONG Characters)
{
    ULONG Hash = 5381;
    for (ULONG Index = 0; Index < Characters; Index++) {
        Hash = Hash * 33 + Name[Index];
    }
    return Hash;
}

/* Answers a request with the hash of its name. UserRequest is what the user gave: nothing is known of it. */
NTSTATUS AnswerRequest(const volatile NAME_REQUEST *UserRequest)
{
    NAME_REQUEST Request;
    WCHAR *Name = NULL;
    NTSTATUS Status = STATUS_SUCCESS;

    __try {
        /* The request is read once, and what is checked below is what is used: the user may change it meanwhile. */
        ReadStructFromUser(&Request, UserRequest);
        if (Request.Version != VERSION || Request.Name.Length > LONGEST_NAME || Request.Name.Length % sizeof(WCHAR)) {
            Status = STATUS_INVALID_PARAMETER;
            __leave;
        }
        Name = ExAllocatePoolWithTag(PagedPool, LONGEST_NAME, TAG);
        if (Name == NULL) {
            Status = STATUS_INSUFFICIENT_RESOURCES;
            __leave;
        }
        /* Neither pointer has been probed. The accessors do that. */
        CopyFromUser(Name, Request.Name.Buffer, Request.Name.Length);
        WriteULongToUser(Request.Answer, HashOfName(Name, Request.Name.Length / sizeof(WCHAR)));
    } __except (UmaExceptionFilter(UserMode)) {
        Status = GetExceptionCode();
    }
    if (Name != NULL) {
        ExFreePoolWithTag(Name, TAG);
    }
    return Status;
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    UNREFERENCED_PARAMETER(Driver);
    UNREFERENCED_PARAMETER(RegistryPath);
    return STATUS_SUCCESS;
}
