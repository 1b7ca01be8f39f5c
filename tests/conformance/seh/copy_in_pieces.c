/* SPDX-License-Identifier: MIT */
/* A copy of many pieces, one of them bad: what came before has arrived, what comes behind has not. */
#include "program.h"

typedef struct {
    unsigned char bytes[200];
} PIECE;

static __attribute__((noinline)) void gather(PIECE *target, PIECE const *const *pieces, int count, int *done)
{
    for (; *done < count; *done += 1)
        target[*done] = *pieces[*done];
}

long copy_in_pieces(void)
{
    static PIECE target[5], source;
    PIECE const *const pieces[] = {&source, &source, &source, (PIECE const *)NOWHERE, &source};
    int done = 0, sum = 0;
    for (int index = 0; index < 200; ++index)
        source.bytes[index] = 1;
    __try {
        gather(target, pieces, 5, &done);
    } __except (filter("own", GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER)) {
        note("except at piece %d", done);
    }
    for (int index = 0; index < 5 * 200; ++index)
        sum += target[index / 200].bytes[index % 200];
    note("%d bytes have arrived", sum);
    return 0;
}

/* expect
filter own C0000005 answers 1
except at piece 3
600 bytes have arrived
returned 0
*/
