// SPDX-License-Identifier: MIT
// Class 10: Pointers and numbers in the wrong place
// An accessor is given a kernel pointer for the user's, Destination for Source, or Length for Fill.
#include "driver.h"

typedef struct _DEVICE {
    ULONG Version;
    UCHAR Name[60];
} DEVICE;

// shape: A kernel pointer on the user side: the accessor raises each time.
// bug: ReadsItsOwnMemory user:4 kernel:64
NTSTATUS ReadsItsOwnMemory(ULONG *UserAnswer, DEVICE *Device)
{
    __try {
        WriteULongToUser(UserAnswer, ReadULongFromUser(&Device->Version)); // finds: kernel-pointer
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: DereferencesItsOwnMemory
NTSTATUS DereferencesItsOwnMemory(ULONG *UserAnswer, DEVICE *Device)
{
    __try {
        WriteULongToUser(UserAnswer, Device->Version);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: Source and Destination swapped.
// bug: SwapsSourceAndDestination user:60 kernel:64
NTSTATUS SwapsSourceAndDestination(UCHAR *UserName, DEVICE *Device)
{
    __try {
        CopyFromUser(UserName, Device->Name, sizeof(Device->Name)); // finds: kernel-pointer
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// fix: CopiesFromTheUser
NTSTATUS CopiesFromTheUser(UCHAR *UserName, DEVICE *Device)
{
    __try {
        CopyFromUser(Device->Name, UserName, sizeof(Device->Name));
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// shape: Fill and Length swapped: SetUserMemory takes them in the order of memset, FillUserMemory in that of
// RtlFillMemory. 255 bytes are set to 16, not 16 bytes to 255.
// bug: SwapsFillAndLength user:16
NTSTATUS SwapsFillAndLength(UCHAR *UserMask)
{
    __try {
        FillUserMemory(UserMask, 0xFF, 16); // finds: out-of-range
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}

// limit: Found because the user's buffer is shorter than 255 bytes. With a Fill of 0 nothing is written at all, which is
// no mistake that a check can see: a test of what the buffer then holds does.
// fix: FillsTheMask
NTSTATUS FillsTheMask(UCHAR *UserMask)
{
    __try {
        FillUserMemory(UserMask, 16, 0xFF);
    } __except (UmaExceptionFilter(UserMode)) {
        return GetExceptionCode();
    }
    return STATUS_SUCCESS;
}
