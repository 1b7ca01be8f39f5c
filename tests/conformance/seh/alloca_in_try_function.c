/* SPDX-License-Identifier: MIT */
/* The function with the __try moves its RSP as it runs (alloca): its frame is found by the frame register. */
#include "program.h"

static __attribute__((noinline)) void touch(char *room, int size)
{
    room[0] = 'a';
    room[size - 1] = 'z';
    read_nowhere();
}

long alloca_in_try_function(void)
{
    int volatile sizes[] = {100, 5000, 300};
    int volatile round = 0;
    char *volatile room = NULL;
    while (round < 3) {
        int const size = sizes[round];
        room = __builtin_alloca(size);
        __try {
            touch(room, size);
        } __except (filter("own", GetExceptionCode(), room[0] == 'a')) {
            note("round %d: %c%c", round, room[0], room[size - 1]);
        }
        ++round;
    }
    return round;
}

/* expect
filter own C0000005 answers 1
round 0: az
filter own C0000005 answers 1
round 1: az
filter own C0000005 answers 1
round 2: az
returned 3
*/
