/* SPDX-License-Identifier: MIT */
/* What only the kernel exports. The headers that declare it do not go together with those of user mode. */
#ifndef KERNEL_H
#define KERNEL_H

#include "program.h"

#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
#define POOL_FLAG_RAISE_ON_FAILURE 0x20ull
#define POOL_FLAG_NON_PAGED 0x40ull

__declspec(dllimport) unsigned char RtlDispatchException(EXCEPTION_RECORD *record, CONTEXT *context);
__declspec(dllimport) void ExRaiseStatus(long status);
__declspec(dllimport) void ExRaiseAccessViolation(void);
__declspec(dllimport) void ExRaiseDatatypeMisalignment(void);
__declspec(dllimport) void ProbeForRead(void const *address, unsigned long long length, unsigned long alignment);
__declspec(dllimport) void ProbeForWrite(void *address, unsigned long long length, unsigned long alignment);
__declspec(dllimport) void *ExAllocatePool2(unsigned long long flags, unsigned long long size, unsigned long tag);
__declspec(dllimport) void ExFreePoolWithTag(void *block, unsigned long tag);
__declspec(dllimport) __attribute__((noreturn)) void KeBugCheckEx(
    unsigned long code, unsigned long long p1, unsigned long long p2, unsigned long long p3, unsigned long long p4);
__declspec(dllimport) unsigned char KeGetCurrentIrql(void);
__declspec(dllimport) unsigned char KfRaiseIrql(unsigned char level);
__declspec(dllimport) void KeLowerIrql(unsigned char level);
__declspec(dllimport) unsigned char KeAcquireSpinLockRaiseToDpc(unsigned long long *lock);
__declspec(dllimport) void KeReleaseSpinLock(unsigned long long *lock, unsigned char level);
__declspec(dllimport) char KeTestSpinLock(unsigned long long *lock);

#endif
