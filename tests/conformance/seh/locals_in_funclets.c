/* SPDX-License-Identifier: MIT */
/* Filters and __finally blocks are functions of their own, yet work on the locals of the function that they are
   written in: each sees what ran before it, and so does the __except body. */
#include "program.h"

long locals_in_funclets(void)
{
    int steps = 1;
    char name[8] = "body";
    struct {
        short low;
        long long high;
    } pair = {1, 2};
    __try {
        __try {
            steps = 2;
            pair.high = 0x1234567890;
            raise(0xE0000001, 0, 0);
            steps = 3;
        } __finally {
            note("finally: steps %d, name %s, pair %d %llX", steps, name, pair.low, pair.high);
            steps *= 100;
            pair.low = -7;
        }
    } __except (
        note("filter: steps %d, name %s, pair %d %llX", steps, name, pair.low, pair.high), ++steps, name[0] = 'm', 1) {
        note("except: steps %d, name %s, pair %d %llX", steps, name, pair.low, pair.high);
        ++steps;
    }
    return steps;
}

/* expect
filter: steps 2, name body, pair 1 1234567890
finally: steps 3, name mody, pair 1 1234567890
except: steps 300, name mody, pair -7 1234567890
returned 12D
*/
