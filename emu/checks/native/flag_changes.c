/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flag of RFLAGS over a call, AC or DF, which functions leave as they found it: where it changed, and who did not
   leave it so (emu/checks/call/flag_changes.py). */
#include "call_tables.h"

#include <string.h>

enum change_suspicion { RETURNED_CHANGED, CALLED_WHILE_SET, JUMPED_WHILE_SET, TOUCHED_NOTHING };

struct change_suspect {
    int64_t suspicion; /* enum change_suspicion */
    int64_t index;     /* of an activation that returned or was jumped to, of a call, or of what set the flag */
    int64_t change;    /* the instruction that made it return with another value */
};

struct flag_changes {
    struct call_tables const *call; /* set here */
    int64_t const *marked, *marked_kinds; /* instructions that retired, all of the kinds below among them */
    uint64_t marked_count;
    int64_t const *run_begins;   /* of each run of the processor its first instruction */
    uint64_t const *run_flags;   /* and RFLAGS before that */
    uint64_t run_count;
    uint64_t flag;
    int64_t sets, clears, loads, calls; /* kinds: loads takes RFLAGS from the stack */

    int64_t *edges;   /* out: before these instructions it is another one than before the instruction before them */
    int64_t *changes; /* out: the instructions that changed it; both have room for run_count + marked_count */
    uint64_t edge_count, change_count;
    uint64_t first; /* out: what it is before the first instruction */
    uint8_t *touched; /* room for a byte for each activation */
    struct change_suspect *suspects; /* out: room for marked_count + 2 activations + changes */
    uint64_t suspect_count;
};

static uint64_t count_below(int64_t const *table, uint64_t count, int64_t value)
{
    return rows_below(table, sizeof *table, count, (uint64_t)value);
}

static int is_set(struct flag_changes const *flags, int64_t before)
{
    return (int)((flags->first + count_below(flags->edges, flags->edge_count, before + 1)) & 1);
}

static int64_t changed_last(struct flag_changes const *flags, int64_t before)
{
    uint64_t count = count_below(flags->changes, flags->change_count, before);
    return count ? flags->changes[count - 1] : -1;
}

/* Where its activation began; clear for an instruction that belongs to none. */
static int was_set_at_begin(struct flag_changes const *flags, int64_t activation)
{
    if (activation < 0)
        return 0;
    int64_t begin = flags->call->activations[activation].begin;
    int64_t last = (int64_t)flags->call->instruction_count - 1;
    return is_set(flags, begin < last ? begin : last);
}

/* What popfq or iretq loaded: iretq pops RIP and CS before, RSP and SS behind. */
static uint64_t loaded_flags(struct call_tables const *call, int64_t instruction)
{
    uint64_t first = first_access_from(call, (uint64_t)instruction);
    uint64_t behind = first_access_from(call, (uint64_t)instruction + 1);
    if (behind == first)
        return 0;
    return call->accesses[behind - first > 2 ? first + 2 : first].low;
}

static void find_edges(struct flag_changes *flags)
{
    int64_t count = (int64_t)flags->call->instruction_count;
    int64_t changing = flags->sets | flags->clears | flags->loads;
    uint64_t run = 0, marked = 0, before = 0;
    flags->first = flags->edge_count = flags->change_count = 0;
    while (run < flags->run_count || marked < flags->marked_count) {
        int64_t kind = marked < flags->marked_count ? flags->marked_kinds[marked] : 0;
        if (marked < flags->marked_count && !(kind & changing)) {
            marked++;
            continue;
        }
        int64_t place;
        uint64_t value;
        /* Where a run begins behind an instruction that changes the flag, what the run began with counts. */
        if (marked < flags->marked_count &&
            (run == flags->run_count || flags->marked[marked] + 1 <= flags->run_begins[run])) {
            int64_t at = flags->marked[marked++];
            place = at + 1;
            value = kind & flags->loads ? loaded_flags(flags->call, at) & flags->flag : (uint64_t)(kind & flags->sets);
        } else {
            place = flags->run_begins[run];
            value = flags->run_flags[run++] & flags->flag;
        }
        value = value != 0;
        if (place >= count)
            break;
        if (place == 0)
            flags->first = before = value;
        else if (flags->edge_count && flags->edges[flags->edge_count - 1] == place && value != before)
            flags->edge_count--, before = value;
        else if (value != before)
            flags->edges[flags->edge_count++] = place, before = value;
    }
    struct instruction_record const *instructions = flags->call->instructions;
    for (uint64_t i = 0; i < flags->edge_count; i++) {
        int64_t at = flags->edges[i] - 1;
        if (flags->call->kinds[instructions[at].code] & changing) /* else the host did, as it took a trap */
            flags->changes[flags->change_count++] = at;
    }
}

static void suspect(struct flag_changes *flags, enum change_suspicion suspicion, int64_t index, int64_t change)
{
    flags->suspects[flags->suspect_count++] = (struct change_suspect){suspicion, index, change};
}

/* Activations that returned with another value because of an instruction of their own. */
static void look_at_returns(struct flag_changes *flags)
{
    struct call_tables const *call = flags->call;
    for (int64_t i = 0; i < (int64_t)call->activation_count; i++) {
        int64_t last = call->activations[i].end - 1;
        if (!call->activations[i].returned || is_set(flags, last) == was_set_at_begin(flags, i))
            continue;
        if (is_set(flags, last) && call->owner[last] != i)
            continue; /* it jumped while it was set */
        int64_t change = changed_last(flags, last);
        if (change >= 0 && call->owner[change] == i)
            suspect(flags, RETURNED_CHANGED, i, change);
    }
}

/* Calls and jumps that were made while it was set, by what had found it clear. */
static void look_at_calls(struct flag_changes *flags)
{
    struct call_tables const *call = flags->call;
    for (uint64_t i = 0; i < flags->marked_count; i++) {
        int64_t at = flags->marked[i];
        if (flags->marked_kinds[i] & flags->calls && is_set(flags, at) && !was_set_at_begin(flags, call->owner[at]))
            suspect(flags, CALLED_WHILE_SET, at, -1);
    }
    for (int64_t i = 0; i < (int64_t)call->activation_count; i++) {
        struct activation const *activation = &call->activations[i];
        if (activation->by == BY_JUMP && activation->parent >= 0 && was_set_at_begin(flags, i) &&
            !was_set_at_begin(flags, activation->parent))
            suspect(flags, JUMPED_WHILE_SET, i, -1);
    }
}

static int touches_user_memory(struct call_tables const *call, int64_t begin, int64_t end)
{
    for (uint64_t i = first_access_from(call, (uint64_t)begin); i < call->access_count; i++) {
        if (instruction_of(call, &call->accesses[i]) >= (uint64_t)end)
            return 0;
        if (call->accesses[i].address < USER_END)
            return 1;
    }
    return 0;
}

/* What set it, in activations that returned and touched no user memory until it was another one, any of the times. */
static void look_at_windows(struct flag_changes *flags)
{
    struct call_tables const *call = flags->call;
    memset(flags->touched, 0, call->activation_count);
    for (int sums_up = 0; sums_up < 2; sums_up++)
        for (uint64_t i = 0; i < flags->change_count; i++) {
            int64_t at = flags->changes[i], owner = call->owner[at];
            if (is_set(flags, at) || owner < 0 || !call->activations[owner].returned || flags->touched[owner])
                continue;
            if (sums_up) {
                suspect(flags, TOUCHED_NOTHING, at, -1);
                continue;
            }
            uint64_t next = count_below(flags->edges, flags->edge_count, at + 2);
            int64_t end = next < flags->edge_count ? flags->edges[next] : (int64_t)call->instruction_count;
            flags->touched[owner] = (uint8_t)touches_user_memory(call, at, end);
        }
}

/* Finds the edges, and where an instruction made one, what is suspicious. */
EXPORTED void checks_flag_changes(struct call_tables const *call, struct flag_changes *flags)
{
    flags->call = call;
    flags->suspect_count = 0;
    find_edges(flags);
    if (!flags->change_count)
        return;
    look_at_returns(flags);
    look_at_calls(flags);
    look_at_windows(flags);
}

EXPORTED uint32_t checks_flags_layout(void)
{
    return (uint32_t)sizeof(struct flag_changes);
}
