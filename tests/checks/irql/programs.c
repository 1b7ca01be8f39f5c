// SPDX-License-Identifier: MIT
// Memory that may be paged out, touched at a high IRQL, and memory that may not, or at a low one.
#include "kernel.h"

#define PAGEABLE __attribute__((section("PAGE")))

// call: CopiesUnderALock user:64 kernel:64
ULONG CopiesUnderALock(const void *user, UCHAR *out)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    CopyFromUser(out, user, 64); // finds: irql
    KeReleaseSpinLock(&lock, old);
    return out[0];
}

// call: ReadsItselfUnderALock user:64
ULONG ReadsItselfUnderALock(volatile const ULONG *user)
{
    KSPIN_LOCK lock;
    KIRQL old;
    ULONG value;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    value = *user; // finds: irql
    KeReleaseSpinLock(&lock, old);
    return value;
}

// call: NothingToCopyButTooHigh user:64 kernel:64
ULONG NothingToCopyButTooHigh(const void *user, void *out)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    CopyFromUser(out, user, 0); // finds: irql
    KeLowerIrql(old);
    return 0;
}

// call: WritesCr8 user:64
ULONG WritesCr8(ULONG *user)
{
    ULONG64 high = DISPATCH_LEVEL, low = 0;
    __asm__ volatile("mov %0, %%cr8" : : "r"(high));
    WriteULongToUser(user, 7); // finds: irql
    __asm__ volatile("mov %0, %%cr8" : : "r"(low));
    WriteULongToUser(user + 1, 7);
    return 0;
}

// call: ForgetsToLower user:64
ULONG ForgetsToLower(ULONG *user)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    if (old == 0xFF)
        KeLowerIrql(old);
    return ReadULongFromUser(user); // finds: irql
}

// call: TouchesPagedPool kernel:8
ULONG TouchesPagedPool(void *unused)
{
    volatile ULONG *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    KIRQL old;
    ULONG value;
    if (!block)
        return 0;
    block[0] = 1;
    old = KfRaiseIrql(DISPATCH_LEVEL);
    value = block[1]; // finds: irql
    KeLowerIrql(old);
    ExFreePoolWithTag((void *)block, TAG);
    return value;
}

// call: RunsPageableCode kernel:8
PAGEABLE NOINLINE ULONG Pageable(volatile ULONG *kernel)
{
    return *kernel; // finds: irql
}

ULONG RunsPageableCode(volatile ULONG *kernel)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    ULONG value = Pageable(kernel);
    KeLowerIrql(old);
    return value + 1;
}

// call: CopyFromUser kernel:64 user:64 64 irql=2 finds=1

// call: AtAnInterruptsLevel user:64 irql=5
ULONG AtAnInterruptsLevel(ULONG *user)
{
    return ReadULongFromUser(user) + 1; // finds: irql
}

// Near misses.

// call: CopiesBeforeTheLock user:64 kernel:64
ULONG CopiesBeforeTheLock(const void *user, UCHAR *out)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    CopyFromUser(out, user, 64);
    KeAcquireSpinLock(&lock, &old);
    out[0]++;
    KeReleaseSpinLock(&lock, old);
    return out[0];
}

// call: CopiesBehindTheLock user:64 kernel:64
ULONG CopiesBehindTheLock(void *user, UCHAR *in)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    in[0]++;
    KeReleaseSpinLock(&lock, old);
    CopyToUser(user, in, 64);
    return 0;
}

// call: AtApcLevel user:64 kernel:64
ULONG AtApcLevel(const void *user, UCHAR *out)
{
    KIRQL old = KfRaiseIrql(APC_LEVEL);
    CopyFromUser(out, user, 64);
    KeLowerIrql(old);
    return out[0];
}

// call: CopyFromUser kernel:64 user:64 64 irql=1

// call: NonpagedPoolMayBeTouched kernel:8
ULONG NonpagedPoolMayBeTouched(void *unused)
{
    volatile ULONG *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, TAG);
    KIRQL old;
    if (!block)
        return 0;
    old = KfRaiseIrql(DISPATCH_LEVEL);
    block[1] = 1;
    KeLowerIrql(old);
    ExFreePoolWithTag((void *)block, TAG);
    return 0;
}

// call: PagedPoolAtPassiveLevel kernel:8
ULONG PagedPoolAtPassiveLevel(void *unused)
{
    volatile ULONG *block = ExAllocatePoolWithTag(PagedPool, 64, TAG);
    KIRQL old;
    if (!block)
        return 0;
    old = KfRaiseIrql(DISPATCH_LEVEL);
    KeLowerIrql(old);
    block[1] = 1;
    ExFreePoolWithTag((void *)block, TAG);
    return 0;
}

// call: RunsPageableCodeAtPassiveLevel kernel:8
ULONG RunsPageableCodeAtPassiveLevel(volatile ULONG *kernel)
{
    return Pageable(kernel) + 1;
}

// call: LowersInTheHandler user:64
ULONG LowersInTheHandler(ULONG *user)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        KeLowerIrql(old);
        return ReadULongFromUser(user);
    }
    return 0;
}
