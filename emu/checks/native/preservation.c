/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which activations may have returned with another value in a nonvolatile register. Most need not be looked at: nothing
   happened to the register, or the first thing was that it was saved and the last that it was loaded with that very
   value. That is in the accesses, without the registers' values. */
#include "call_tables.h"

#define NUMBERED 32u    /* registers: the general ones, and xmm0 to xmm15 behind them */
#define GENERAL 0xF0E8u /* rbx, rbp, rsi, rdi, r12 to r15 */

/* What an instruction does to nonvolatile registers: emu/checks/call/register_moves.py packs it. The low half has a bit
   for each that it changes; the numbers of those that it saves and restores are one more than they are, 0 for none. */
#define SAVES_SHIFT 32
#define RESTORES_SHIFT 40
#define NUMBER 0xFFu
#define LOADS_MXCSR 0x1000000000000ull

/* What happened in an activation, what it called included. emu/checks/call/preservation.py declares the same layout. */
struct preserving {
    uint32_t suspects; /* the registers that have to be compared, once it has ended */
    uint32_t changed;  /* those that were changed */
    uint32_t saved;    /* those that were saved before that */
    uint32_t unused;
    uint64_t saved_by[NUMBERED]; /* of these the instruction that did it first */
};

struct preservation {
    struct call_tables const *call;
    uint64_t const *moves; /* by the number of a code */
    int64_t const *landings;
    uint64_t landing_count;
    struct preserving *rows;        /* of each activation */
    uint64_t next;                  /* the first activation that has not begun */
    int64_t innermost;              /* of those under way; -1: none is */
    uint64_t changed_by[NUMBERED]; /* of each register the last instruction that did */
};

static uint64_t move_of(struct preservation const *all, uint64_t instruction)
{
    return all->moves[all->call->instructions[instruction].code];
}

/* The unwind sets registers. */
static int has_landing(struct preservation const *all, struct activation const *activation)
{
    uint64_t low = 0, high = all->landing_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (all->landings[middle] <= activation->begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < all->landing_count && all->landings[low] < activation->end;
}

static int is_same_value(struct call_tables const *call, uint64_t save, uint64_t restore)
{
    uint64_t stored = first_access_from(call, save), loaded = first_access_from(call, restore);
    if (stored == call->access_count || loaded == call->access_count)
        return 0;
    struct access_record const *one = &call->accesses[stored], *other = &call->accesses[loaded];
    return instruction_of(call, one) == save && instruction_of(call, other) == restore && one->low == other->low
        && one->high == other->high;
}

/* Ask as the activation ends: the last change is then the last one of the call so far. */
static int is_put_back(struct preservation const *all, struct preserving const *row, uint32_t number)
{
    uint64_t last = all->changed_by[number];
    return (row->saved >> number & 1) && (move_of(all, last) >> RESTORES_SHIFT & NUMBER) == number + 1
        && is_same_value(all->call, row->saved_by[number], last);
}

static uint32_t suspects_of(struct preservation const *all, struct activation const *activation,
                            struct preserving const *row)
{
    if (!activation->returned)
        return 0;
    if (has_landing(all, activation))
        return row->changed | GENERAL;
    uint32_t suspects = row->changed;
    for (uint32_t number = 0; number < NUMBERED && row->changed >> number; number++)
        if ((row->changed >> number & 1) && is_put_back(all, row, number))
            suspects &= ~(1u << number);
    return suspects;
}

static void add_to_caller(struct preserving *caller, struct preserving const *row)
{
    uint32_t saved = row->saved & ~(caller->saved | caller->changed);
    for (uint32_t number = 0; number < NUMBERED && saved >> number; number++)
        if (saved >> number & 1)
            caller->saved_by[number] = row->saved_by[number];
    caller->saved |= saved;
    caller->changed |= row->changed;
}

/* End the activations that are over before an instruction. Returns what registers are suspected in them. */
static uint32_t end_until(struct preservation *all, uint64_t instruction)
{
    uint32_t suspects = 0;
    while (all->innermost >= 0) {
        struct activation const *activation = &all->call->activations[all->innermost];
        if ((uint64_t)activation->end > instruction)
            break;
        struct preserving *row = &all->rows[all->innermost];
        row->suspects = suspects_of(all, activation, row);
        suspects |= row->suspects;
        all->innermost = activation->parent;
        if (all->innermost >= 0)
            add_to_caller(&all->rows[all->innermost], row);
    }
    return suspects;
}

/* Begin and end activations so that those are under way that an instruction is in. */
static uint32_t go_to(struct preservation *all, uint64_t instruction)
{
    struct call_tables const *call = all->call;
    uint32_t suspects = 0;
    for (; all->next < call->activation_count; all->next++) {
        struct activation const *activation = &call->activations[all->next];
        if ((uint64_t)activation->begin > instruction)
            break;
        suspects |= end_until(all, (uint64_t)activation->begin);
        struct preserving *row = &all->rows[all->next];
        row->suspects = row->changed = row->saved = row->unused = 0;
        all->innermost = (int64_t)all->next;
    }
    return suspects | end_until(all, instruction);
}

static void note_move(struct preservation *all, uint64_t instruction, uint64_t move)
{
    uint32_t changes = (uint32_t)move;
    for (uint32_t number = 0; number < NUMBERED && changes >> number; number++)
        if (changes >> number & 1)
            all->changed_by[number] = instruction;
    if (all->innermost < 0)
        return;
    struct preserving *row = &all->rows[all->innermost];
    uint32_t saves = move >> SAVES_SHIFT & NUMBER;
    row->changed |= changes;
    if (saves && !((row->changed | row->saved) >> (saves - 1) & 1)) {
        row->saved |= 1u << (saves - 1);
        row->saved_by[saves - 1] = instruction;
    }
}

/* The first and the last iteration of a `rep` stand for all. */
static int is_amid_repetition(struct call_tables const *call, uint64_t instruction)
{
    struct instruction_record const *record = &call->instructions[instruction];
    return instruction > 0 && instruction + 1 < call->instruction_count && record[-1].code == record->code
        && record[1].code == record->code;
}

/* Fills in a row for each activation: `suspects` has what registers may have changed.
   `landings` has how many instructions came before each landing of an unwind, in ascending order.
   Returns the registers that are suspected in any, and LOADS_MXCSR if an instruction did. */
EXPORTED uint64_t checks_register_suspects(struct call_tables const *call, uint64_t const *moves, int64_t const *landings,
                                         uint64_t landing_count, struct preserving *rows)
{
    struct preservation all = {call, moves, landings, landing_count, rows, 0, -1, {0}};
    uint64_t found = 0;
    for (uint64_t at = 0; at < call->instruction_count; at++) {
        uint64_t move = move_of(&all, at);
        if (!move || (call->instructions[at].flags & INSTRUCTION_TRAPPED) || is_amid_repetition(call, at))
            continue;
        found |= go_to(&all, at) | (move & LOADS_MXCSR);
        note_move(&all, at, move);
    }
    return found | go_to(&all, call->instruction_count);
}
