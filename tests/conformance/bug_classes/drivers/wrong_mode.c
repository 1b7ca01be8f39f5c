// SPDX-License-Identifier: MIT
// Class 9: The wrong Mode
// With KernelMode a Mode form neither checks the pointer nor opens the SMAP window. The Mode belongs to the driver's caller
// (ExGetPreviousMode), and must come from there.
#include "driver.h"

typedef struct _REQUEST {
    ULONG Value;
    UCHAR Mode;
} REQUEST;

// shape: KernelMode for a pointer that the user gave.
// bug: SaysKernelMode user:8
NTSTATUS SaysKernelMode(REQUEST *Pointer)
{
    __try {
        ULONG Value = ReadULongFromMode(&Pointer->Value, KernelMode); // finds: mode
        WriteULongToMode(&Pointer->Value, Value + 1, KernelMode); // finds: mode
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: AsksForTheCallersMode
NTSTATUS AsksForTheCallersMode(REQUEST *Pointer)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    __try {
        ULONG Value = ReadULongFromMode(&Pointer->Value, Mode);
        WriteULongToMode(&Pointer->Value, Value + 1, Mode);
    } __except (UmaExceptionFilter(Mode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: Mode taken from the user's request: it says UserMode in this call, and may say KernelMode in the next.
// bug: TakesModeFromTheRequest user:8 arg0+4=1
NTSTATUS TakesModeFromTheRequest(REQUEST *UserRequest)
{
    __try {
        REQUEST Request;
        ReadStructFromUser(&Request, UserRequest);
        WriteULongToMode(&UserRequest->Value, Request.Value + 1, Request.Mode); // finds: mode
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: LeavesModeToTheKernel
NTSTATUS LeavesModeToTheKernel(REQUEST *UserRequest)
{
    KPROCESSOR_MODE Mode = ExGetPreviousMode();
    __try {
        REQUEST Request;
        ReadStructFromMode(&Request, UserRequest, Mode);
        WriteULongToMode(&UserRequest->Value, Request.Value + 1, Mode);
    } __except (UmaExceptionFilter(Mode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
