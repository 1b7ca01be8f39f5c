// SPDX-License-Identifier: MIT
// Functions that leave DF set for others, and ones that keep it to themselves.
#include "kernel.h"

#define DOWN() __asm__ volatile("std" ::: "memory", "cc")
#define UP() __asm__ volatile("cld" ::: "memory", "cc")
#define MOVE(to, from, count) __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory")

// call: ForgetsToGoUp kernel:64 8
ULONG ForgetsToGoUp(UCHAR *kernel, SIZE_T count)
{
    UCHAR *to = kernel + 20, *from = kernel + 18;
    DOWN();
    MOVE(to, from, count);
    return kernel[20]; // finds: direction-flag
}

// call: CallsAnAccessor kernel:64 user:64
ULONG CallsAnAccessor(UCHAR *kernel, const void *user)
{
    DOWN();
    CopyFromUser(kernel, user, 16); // finds: direction-flag
    UP();
    return kernel[0];
}

// call: CallsAFunction kernel:64
static NOINLINE ULONG Sum(volatile const UCHAR *kernel)
{
    return kernel[0] + kernel[1];
}

ULONG CallsAFunction(UCHAR *kernel)
{
    ULONG sum = 0;
    DOWN();
    for (ULONG i = 0; i < 4; i++)
        sum += Sum(kernel + i); // finds: direction-flag
    UP();
    return sum;
}

// call: GoesByWhatIsLeft kernel:64
static NOINLINE void LeavesItSet(void)
{
    DOWN();
} // finds: direction-flag

ULONG GoesByWhatIsLeft(UCHAR *kernel)
{
    UCHAR *to = kernel + 40, *from = kernel + 32;
    SIZE_T count = 8;
    LeavesItSet();
    MOVE(to, from, count); // finds: direction-flag
    UP();
    return 0;
}

// call: CallsAPointer kernel:64
static ULONG (*volatile Function)(volatile const UCHAR *) = Sum;

ULONG CallsAPointer(UCHAR *kernel)
{
    ULONG sum;
    DOWN();
    sum = Function(kernel); // finds: direction-flag
    UP();
    return sum;
}

// call: TheCalleeGoesByIt kernel:64
static NOINLINE void Clears(UCHAR *kernel, SIZE_T count)
{
    __asm__ volatile("rep stosb" : "+D"(kernel), "+c"(count) : "a"(0) : "memory"); // finds: direction-flag
}

ULONG TheCalleeGoesByIt(UCHAR *kernel)
{
    DOWN();
    Clears(kernel + 32, 8); // finds: direction-flag
    UP();
    return kernel[32];
}

// call: JumpsWithItSet kernel:64 user:64
void JumpsWithItSet(UCHAR *kernel, const void *user)
{
    DOWN();
    CopyFromUser(kernel, user, 16); // finds: direction-flag
}

// call: SetsItWithPopf kernel:64
ULONG SetsItWithPopf(volatile const UCHAR *kernel)
{
    __asm__ volatile("pushfq; orl $0x400, (%%rsp); popfq" ::: "memory", "cc");
    return kernel[0]; // finds: direction-flag
}

// Near misses.

// call: MovesDownwards kernel:64 8
ULONG MovesDownwards(UCHAR *kernel, SIZE_T count)
{
    UCHAR *to = kernel + 20, *from = kernel + 18;
    DOWN();
    MOVE(to, from, count);
    UP();
    return Sum(kernel);
}

// call: MovesUpwards kernel:64 8
ULONG MovesUpwards(UCHAR *kernel, SIZE_T count)
{
    UCHAR *to = kernel, *from = kernel + 18;
    UP();
    MOVE(to, from, count);
    return Sum(kernel);
}

// call: RestoresTheFlags kernel:64 8
ULONG RestoresTheFlags(UCHAR *kernel, SIZE_T count)
{
    UCHAR *to = kernel + 20, *from = kernel + 18;
    __asm__ volatile("pushfq; std; rep movsb; popfq" : "+D"(to), "+S"(from), "+c"(count)::"memory", "cc");
    return Sum(kernel);
}

// call: ACalleeMovesDownwards kernel:64
ULONG ACalleeMovesDownwards(UCHAR *kernel)
{
    UCHAR *to = kernel, *from = kernel + 18;
    SIZE_T count = 8;
    ULONG sum = MovesDownwards(kernel, 8);
    MOVE(to, from, count);
    return sum;
}

// call: FaultsOnTheWayDown user:4096 kernel:64 prepare=gone
ULONG FaultsOnTheWayDown(UCHAR *user, UCHAR *kernel)
{
    __try {
        UCHAR *to = kernel + 20, *from = user + 20;
        SIZE_T count = 8;
        DOWN();
        MOVE(to, from, count);
        UP();
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return Sum(kernel);
    }
    return 0;
}

// call: MovesUserMemoryUp user:64
ULONG MovesUserMemoryUp(UCHAR *user)
{
    MoveToUserFromUser(user + 3, user, 40);
    return 0;
}

// call: OverlapInTheKernel kernel:64
ULONG OverlapInTheKernel(UCHAR *kernel)
{
    RtlMoveMemory(kernel + 3, kernel, 40);
    return Sum(kernel);
}

// call: SetsAndClearsIt kernel:64
ULONG SetsAndClearsIt(UCHAR *kernel)
{
    DOWN();
    UP();
    return Sum(kernel) + Function(kernel);
}
