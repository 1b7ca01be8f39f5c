/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the return address of each activation stands, and which activations returned to it. */
#include "call_tables.h"

/* emu/checks/call/code_kind.py */
#define KIND_RETURN 2
#define KIND_HALT 1024

EXPORTED uint32_t checks_tables_layout(void)
{
    return (uint32_t)sizeof(struct call_tables) << 8 | (uint32_t)sizeof(struct activation);
}

static uint64_t slot_of(struct call_tables const *call, struct activation const *activation)
{
    if (activation->call_site < 0)
        return 0;
    if (activation->by == BY_JUMP)
        return activation->parent < 0 ? 0 : call->activations[activation->parent].slot;
    uint64_t behind = first_access_from(call, (uint64_t)activation->call_site + 1);
    return behind ? call->accesses[behind - 1].address : 0;
}

/* Whether one that ends with a return is the one that the return is of, or has jumped to that. */
static int is_its_return(struct call_tables const *call, int64_t number, int64_t owner)
{
    while (owner >= 0 && owner != number && call->activations[owner].by == BY_JUMP)
        owner = call->activations[owner].parent;
    return owner == number;
}

/* Whether what comes behind an activation is what it is to return to. */
static int goes_back(struct call_tables const *call, struct activation const *activation)
{
    struct instruction_record const *behind = &call->instructions[activation->end];
    if (activation->return_address)
        return behind->rip == activation->return_address;
    if (!(call->kinds[behind->code] & KIND_HALT))
        return 0;
    /* Code may go on in a function that is further up, as behind a `goto` out of a __finally, and return for that. */
    for (; activation->parent >= 0; activation = &call->activations[activation->parent])
        if (activation->return_address == behind->rip)
            return 0;
    return activation->return_address != behind->rip;
}

static int has_returned(struct call_tables const *call, int64_t number)
{
    struct activation const *activation = &call->activations[number];
    if (activation->end < 1 || (uint64_t)activation->end >= call->instruction_count)
        return 0;
    struct instruction_record const *last = &call->instructions[activation->end - 1];
    return call->kinds[last->code] & KIND_RETURN && !(last->flags & INSTRUCTION_TRAPPED)
        && is_its_return(call, number, call->owner[activation->end - 1]) && goes_back(call, activation);
}

/* Fills in `slot` and `returned` of all activations, which are those of the call. */
EXPORTED void checks_call_frames(struct call_tables const *call, struct activation *activations)
{
    for (uint64_t number = 0; number < call->activation_count; number++) {
        activations[number].slot = slot_of(call, &activations[number]);
        activations[number].returned = (uint8_t)has_returned(call, (int64_t)number);
    }
}
