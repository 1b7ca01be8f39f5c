/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses to user memory that no accessor makes (emu/checks/call/direct_accesses.py). */
#include "call_tables.h"

/* Finds the accesses to user memory by instructions of some activations alone: those for which `is_inside`, of each
   activation a byte and then one for what belongs to none, is 0. `found` has room for all accesses. Returns how many. */
EXPORTED uint64_t checks_user_accesses_outside(struct call_tables const *call, uint8_t const *is_inside, int64_t *found)
{
    uint64_t count = 0, at = 0;
    while (at < call->instruction_count) {
        uint64_t begin = at;
        int64_t owner = call->owner[begin];
        while (at < call->instruction_count && call->owner[at] == owner)
            at++;
        if (is_inside[owner < 0 ? (int64_t)call->activation_count : owner])
            continue;
        for (uint64_t i = first_access_from(call, begin); i < call->access_count; i++) {
            if (instruction_of(call, &call->accesses[i]) >= at)
                break;
            if (call->accesses[i].address < USER_END)
                found[count++] = (int64_t)i;
        }
    }
    return count;
}
