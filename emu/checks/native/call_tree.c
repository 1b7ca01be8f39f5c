/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who called whom in one call of a trace, of the steps that activations.c has made. Besides, a jump to the begin of an
   accessor (a tail call, a thunk) begins an activation: it is under the one that jumped, and ends with it. */
#include "call_tables.h"

#define NONE (-1)

struct call_tree {
    struct step const *steps; /* from the call's first one on */
    uint64_t step_count, steps_taken;
    struct instruction_record const *instructions;
    uint64_t first, count;   /* of the call's instructions in the trace */
    uint8_t const *is_entry; /* by the number of a code: an accessor begins there */
    struct activation *activations;
    uint64_t room, activation_count;
    int64_t *owner; /* of each instruction its activation */
    uint64_t owned; /* how many have one by now */
    int64_t top;
};

EXPORTED uint32_t checks_tree_layout(void)
{
    return (uint32_t)sizeof(struct call_tree);
}

static void own(struct call_tree *tree, uint64_t before)
{
    for (; tree->owned < before; tree->owned++)
        tree->owner[tree->owned] = tree->top;
}

/* Returns whether there was room. */
static int begin(struct call_tree *tree, uint64_t at, enum began_by by)
{
    if (tree->activation_count == tree->room)
        return 0;
    struct activation *begun = &tree->activations[tree->activation_count];
    *begun = (struct activation){
        .begin = (int64_t)at, .end = (int64_t)at, .parent = tree->top, .call_site = NONE, .by = (uint8_t)by,
        .entry = tree->instructions[at].rip,
    };
    if (by == BY_JUMP) {
        begun->call_site = (int64_t)at - 1;
        begun->return_address = tree->activations[tree->top].return_address;
    } else if (by == BY_CALL && at) {
        struct instruction_record const *site = &tree->instructions[at - 1];
        begun->call_site = (int64_t)at - 1;
        begun->return_address = site->rip + site->size;
    }
    tree->top = (int64_t)tree->activation_count++;
    return 1;
}

/* Ends what began last, and what had jumped to it. */
static void end(struct call_tree *tree, uint64_t at)
{
    while (tree->top != NONE) {
        struct activation *ended = &tree->activations[tree->top];
        ended->end = (int64_t)at;
        tree->top = ended->parent;
        if (ended->by != BY_JUMP)
            break;
    }
}

/* Goes through the instructions before one, for jumps to accessors. */
static int pass(struct call_tree *tree, uint64_t from, uint64_t before)
{
    for (uint64_t at = from; at < before; at++) {
        if (!tree->is_entry[tree->instructions[at].code] || tree->top == NONE)
            continue;
        struct activation const *left = &tree->activations[tree->top];
        if (left->begin == (int64_t)at || left->entry == tree->instructions[at].rip)
            continue;
        own(tree, at);
        if (!begin(tree, at, BY_JUMP))
            return 0;
    }
    return 1;
}

/* Returns whether there was room for all activations. */
EXPORTED uint32_t checks_call_tree(struct call_tree *tree)
{
    uint64_t passed = 0;
    tree->top = NONE;
    tree->owned = tree->activation_count = tree->steps_taken = 0;
    for (; tree->steps_taken < tree->step_count; tree->steps_taken++) {
        struct step const *step = &tree->steps[tree->steps_taken];
        if (step->kind == STEP_HAPPENED)
            continue;
        uint64_t at = step->at - tree->first;
        if (at > tree->count || (at == tree->count && step->kind != STEP_ENDED))
            break; /* the next call's */
        if (!pass(tree, passed, at))
            return 0;
        passed = at;
        own(tree, at);
        if (step->kind == STEP_BEGAN && !begin(tree, at, (enum began_by)step->by))
            return 0;
        if (step->kind == STEP_ENDED)
            for (uint64_t i = 0; i < step->number; i++)
                end(tree, at);
    }
    if (!pass(tree, passed, tree->count))
        return 0;
    own(tree, tree->count);
    while (tree->top != NONE)
        end(tree, tree->count);
    return 1;
}
