/* SPDX-License-Identifier: MIT */
/* Parameters of every kind are read and written in filters and __finally blocks: in registers, on the stack,
   floating, a structure by value, and through a pointer. (One that is too large for a register is passed as a pointer
   to a copy, and in a filter clang 22 crashes on it.) */
#include "program.h"

struct box {
    int width, height;
};

static __attribute__((noinline)) int use(int a, double b, struct box c, int *d, short e, long long f)
{
    __try {
        __try {
            a += 10;
            b *= 2.0;
            c.height = 30;
            *d = 40;
            raise(0xE0000001, 0, 0);
        } __finally {
            note("finally: %d %d %dx%d %d %d %lld", a, (int)b, c.width, c.height, *d, e, f);
            e = -5;
            ++*d;
        }
    } __except (note("filter: %d %d %dx%d %d %d %lld", a, (int)b, c.width, c.height, *d, e, f), f = -6, 1) {
        note("except: %d %d %dx%d %d %d %lld", a, (int)b, c.width, c.height, *d, e, f);
    }
    return a;
}

long parameters_in_funclets(void)
{
    struct box box = {1, 2};
    int pointed = 4;
    int const a = use(1, 1.5, box, &pointed, 5, 6);
    note("behind: box height %d, pointed %d", box.height, pointed);
    return a;
}

/* expect
filter: 11 3 1x30 40 5 6
finally: 11 3 1x30 40 5 -6
except: 11 3 1x30 41 -5 -6
behind: box height 2, pointed 41
returned B
*/
