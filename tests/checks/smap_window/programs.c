// SPDX-License-Identifier: MIT
// Windows that stay open for too long, and ones that do not. profile=skylake-server enters with AC clear.
#include "kernel.h"

#define OPEN() __asm__ volatile("stac" ::: "memory")
#define CLOSE() __asm__ volatile("clac" ::: "memory")

// call: LeavesItOpen user:64 profile=skylake-server
ULONG LeavesItOpen(volatile const ULONG *user)
{
    OPEN();
    return *user; // finds: smap-window
}

// call: ForgetsItOnTheErrorPath user:64 profile=skylake-server
ULONG ForgetsItOnTheErrorPath(volatile const ULONG *user)
{
    ULONG length;
    OPEN();
    length = *user;
    if (length > 64)
        return 0;
    CLOSE();
    return length;
} // finds: smap-window

// call: CallsWithTheWindowOpen user:64 profile=skylake-server
static NOINLINE ULONG Parse(volatile const ULONG *user)
{
    return user[0] + user[1];
}

ULONG CallsWithTheWindowOpen(volatile const ULONG *user)
{
    ULONG value;
    OPEN();
    value = Parse(user); // finds: smap-window
    CLOSE();
    return value;
}

// call: CallsAPointer user:64 profile=skylake-server
static ULONG (*volatile Parser)(volatile const ULONG *) = Parse;

ULONG CallsAPointer(volatile const ULONG *user)
{
    ULONG value;
    OPEN();
    value = Parser(user); // finds: smap-window
    CLOSE();
    return value;
}

// call: CallsTheKernel user:64 kernel:64 profile=skylake-server
ULONG CallsTheKernel(const ULONG *user, void *kernel)
{
    OPEN();
    RtlCopyMemory(kernel, user, 40); // finds: smap-window
    CLOSE();
    return 0;
}

// call: JumpsOut user:64 kernel:64 profile=skylake-server
void JumpsOut(volatile const ULONG *user, ULONG *kernel)
{
    OPEN();
    *kernel = *user;
    CopyFromUser(kernel + 1, (const void *)user, 4); // finds: smap-window
}

// call: OpensForNothing kernel:64 profile=skylake-server
ULONG OpensForNothing(volatile const ULONG *kernel)
{
    ULONG value;
    OPEN(); // finds: smap-window
    value = *kernel;
    CLOSE();
    return value;
}

// call: ClosesTheCallers user:64
ULONG ClosesTheCallers(volatile const ULONG *user)
{
    ULONG value;
    OPEN();
    value = *user;
    CLOSE();
    return value; // finds: smap-window
}

// call: OpensInAHelper user:64 profile=skylake-server
static NOINLINE void Open(void)
{
    OPEN();
} // finds: smap-window

ULONG OpensInAHelper(volatile const ULONG *user)
{
    ULONG value;
    Open();
    value = *user;
    CLOSE();
    return value;
}

// call: SetsAcWithPopf user:64 profile=skylake-server
ULONG SetsAcWithPopf(volatile const ULONG *user)
{
    __asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq" ::: "memory", "cc");
    return *user; // finds: smap-window
}

// Near misses.

// call: OpensAndCloses user:64 profile=skylake-server
ULONG OpensAndCloses(volatile const ULONG *user)
{
    ULONG value;
    OPEN();
    value = user[0] + user[1];
    CLOSE();
    return value + Parse(&value);
}

// call: CopyFromUser kernel:64 user:64 64 profile=skylake-server

// call: CopyFromUser kernel:64 user:64 64

// call: WideStringLengthFromUser 0x7FFFFFFEFFFF profile=skylake-server

// call: CallsWhereAcIsTheKernels user:64
ULONG CallsWhereAcIsTheKernels(volatile const ULONG *user)
{
    return Parse(user) + Parser(user) + ReadULongFromUser((const ULONG *)user);
}

// call: RestoresTheFlags user:64
// call: RestoresTheFlags user:64 profile=skylake-server
ULONG RestoresTheFlags(volatile const ULONG *user)
{
    ULONG64 flags;
    ULONG value;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    OPEN();
    value = *user;
    __asm__ volatile("pushq %0; popfq" ::"r"(flags) : "memory", "cc");
    return value;
}

// call: FaultsInTheWindow user:4096 profile=skylake-server prepare=gone
ULONG FaultsInTheWindow(volatile const ULONG *user)
{
    ULONG value = 0;
    __try {
        OPEN();
        value = *user;
        CLOSE();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        value = Parse(&value);
    }
    return value;
}

// call: PagesInInTheWindow user:4096 profile=skylake-server prepare=paged_out
ULONG PagesInInTheWindow(volatile const ULONG *user)
{
    ULONG value;
    OPEN();
    value = *user;
    CLOSE();
    return value;
}

// call: OneWindowOfTwoIsUsed user:64 0 profile=skylake-server
ULONG OneWindowOfTwoIsUsed(volatile const ULONG *user, ULONG count)
{
    ULONG value = 0;
    OPEN();
    for (ULONG i = 0; i < count; i++)
        value += user[i];
    CLOSE();
    OPEN();
    value += *user;
    CLOSE();
    return value;
}

// call: NoWindowAtAll user:64 profile=nehalem
ULONG NoWindowAtAll(volatile const ULONG *user)
{
    return Parse(user) + ReadULongFromUser((const ULONG *)user);
}
