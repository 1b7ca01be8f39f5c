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

/* In place of an instruction: the state that a run of the processor began with, or ended with, has the value. */
#define RUN_BEGIN (1ull << 62)
#define RUN_END (1ull << 61)
#define UNKNOWN (1ull << 63)

/* What happened in an activation, what it called included. emu/checks/call/preservation.py declares the same layout. */
struct preserving {
    uint32_t suspects; /* the registers that have to be compared, once it has ended */
    uint32_t changed;  /* those that were changed */
    uint32_t saved;    /* those whose value before that is known */
    uint32_t unused;
    uint64_t saved_by[NUMBERED]; /* of these the instruction that stored it first, or RUN_END and a run */
};

/* A run of the processor, for the landings of unwinds: there the host sets registers. */
struct run {
    int64_t begin; /* its first instruction */
    uint64_t general_at_begin[16], general_at_end[16];
};

struct preservation {
    struct call_tables const *call;
    uint64_t const *moves; /* by the number of a code */
    int64_t const *landings;
    uint64_t landing_count, landed; /* and how many of them have been gone past */
    struct run const *runs;
    uint64_t run_count;
    struct preserving *rows;       /* of each activation */
    uint64_t next;                 /* the first activation that has not begun */
    int64_t innermost;             /* of those under way; -1: none is */
    uint64_t changed_by[NUMBERED]; /* of each register the last instruction that did, or RUN_BEGIN and a run; UNKNOWN */
};

static uint64_t move_of(struct preservation const *all, uint64_t instruction)
{
    return all->moves[all->call->instructions[instruction].code];
}

struct value {
    uint64_t low, high;
    int is_known;
};

/* What a register was saved with, or set to. */
static struct value value_of(struct preservation const *all, uint64_t by, uint32_t number)
{
    if (by & UNKNOWN)
        return (struct value){0, 0, 0};
    if (by & RUN_BEGIN)
        return (struct value){all->runs[by & ~RUN_BEGIN].general_at_begin[number], 0, 1};
    if (by & RUN_END)
        return (struct value){all->runs[by & ~RUN_END].general_at_end[number], 0, 1};
    uint64_t access = first_access_from(all->call, by);
    if (access == all->call->access_count || instruction_of(all->call, &all->call->accesses[access]) != by)
        return (struct value){0, 0, 0};
    return (struct value){all->call->accesses[access].low, all->call->accesses[access].high, 1};
}

/* Ask as the activation ends: the last change is then the last one of the call so far. */
static int is_put_back(struct preservation const *all, struct preserving const *row, uint32_t number)
{
    uint64_t last = all->changed_by[number];
    if (!(row->saved >> number & 1))
        return 0;
    if (!(last & (RUN_BEGIN | UNKNOWN)) && (move_of(all, last) >> RESTORES_SHIFT & NUMBER) != number + 1)
        return 0;
    struct value before = value_of(all, row->saved_by[number], number), after = value_of(all, last, number);
    return before.is_known && after.is_known && before.low == after.low && before.high == after.high;
}

static uint32_t suspects_of(struct preservation const *all, struct activation const *activation,
                            struct preserving const *row)
{
    uint32_t suspects = activation->returned ? row->changed : 0;
    for (uint32_t number = 0; number < NUMBERED && suspects >> number; number++)
        if ((suspects >> number & 1) && is_put_back(all, row, number))
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

/* The last run that begins up to an instruction, counted from 1; 0 for none. */
static uint64_t run_up_to(struct preservation const *all, int64_t instruction)
{
    return rows_below(all->runs, sizeof *all->runs, all->run_count, (uint64_t)instruction + 1);
}

/* The run that begins with an instruction, as changed_by has it. Of two nobody knows which was the landing. */
static uint64_t run_at(struct preservation const *all, int64_t instruction)
{
    uint64_t run = run_up_to(all, instruction);
    if (!run || all->runs[run - 1].begin != instruction || (run > 1 && all->runs[run - 2].begin == instruction))
        return UNKNOWN;
    return RUN_BEGIN | (run - 1);
}

/* An unwind has ended in the innermost activation: the host has set all nonvolatile general registers, and of the others
   those that were changed. One that had not been changed by then was the same since the activation began. */
static void note_landing(struct preservation *all, int64_t landing)
{
    if (all->innermost < 0)
        return;
    struct activation const *activation = &all->call->activations[all->innermost];
    struct preserving *row = &all->rows[all->innermost];
    uint64_t set_by = run_at(all, landing), run = run_up_to(all, activation->begin);
    uint32_t settled = run && !(set_by & UNKNOWN) ? GENERAL & ~(row->changed | row->saved) : 0;
    row->changed |= GENERAL;
    row->saved |= settled;
    for (uint32_t number = 0; number < NUMBERED; number++) {
        if (settled >> number & 1)
            row->saved_by[number] = RUN_END | (run - 1);
        if (row->changed >> number & 1)
            all->changed_by[number] = GENERAL >> number & 1 ? set_by : UNKNOWN;
    }
}

/* Take the landings up to an instruction, then go there. */
static uint32_t go_past_landings(struct preservation *all, uint64_t instruction)
{
    uint32_t suspects = 0;
    for (; all->landed < all->landing_count && (uint64_t)all->landings[all->landed] <= instruction; all->landed++) {
        uint64_t landing = (uint64_t)all->landings[all->landed];
        if (landing)
            suspects |= go_to(all, landing - 1); /* it is in none that begins there */
        suspects |= end_until(all, landing);
        note_landing(all, (int64_t)landing);
    }
    return suspects | go_to(all, instruction);
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
   `landings` has how many instructions came before each landing of an unwind, in ascending order; without any, no runs
   are needed. Returns the registers that are suspected in any, and LOADS_MXCSR if an instruction did. */
EXPORTED uint64_t checks_register_suspects(struct call_tables const *call, uint64_t const *moves,
                                           int64_t const *landings, uint64_t landing_count, struct run const *runs,
                                           uint64_t run_count, struct preserving *rows)
{
    struct preservation all = {
        .call = call, .moves = moves, .landings = landings, .landing_count = landing_count,
        .runs = runs, .run_count = run_count, .rows = rows, .innermost = -1,
    };
    uint64_t found = 0;
    for (uint64_t at = 0; at < call->instruction_count; at++) {
        uint64_t move = move_of(&all, at);
        if (!move || (call->instructions[at].flags & INSTRUCTION_TRAPPED) || is_amid_repetition(call, at))
            continue;
        found |= go_past_landings(&all, at) | (move & LOADS_MXCSR);
        note_move(&all, at, move);
    }
    return found | go_past_landings(&all, call->instruction_count);
}
