/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions of some kinds (emu/checks/call/code_kind.py), found in one pass over a call. */
#include "call_tables.h"

/* Returns how many of the kinds `wanted` retired: their indices are put into `found`, which has room for all of the
   instructions, and the kinds of each into `found_kinds`. `ran` gets the kinds of all, those that trapped among them. */
EXPORTED uint64_t checks_kinds_that_ran(struct instruction_record const *instructions, uint64_t instruction_count,
                                      int64_t const *kinds, int64_t wanted, int64_t *found, int64_t *found_kinds,
                                      int64_t *ran)
{
    uint64_t count = 0;
    int64_t all = 0;
    for (uint64_t i = 0; i < instruction_count; i++) {
        int64_t kind = kinds[instructions[i].code];
        all |= kind;
        if (!(kind & wanted) || instructions[i].flags & INSTRUCTION_TRAPPED)
            continue;
        found[count] = (int64_t)i;
        found_kinds[count++] = kind;
    }
    *ran = all;
    return count;
}
