/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stops before the k-th access to a byte. The engine stops in the midst of the instruction, at a hook that is called before
   a store: the store is done all the same, and so are those before it, while no general register has changed. So the bytes
   are put back after the run, and the instruction is one that has not begun. */
#include "recorder_state.h"

#include <string.h>

int recorder_watches(struct recorder const *recorder) { return recorder->recording->watches != 0; }

static int covers(uint64_t address, uint64_t size, struct watchpoint const *point)
{
    return point->address - address < size;
}

void watch_instruction(struct recorder *recorder, uint32_t properties)
{
    struct recording *recording = recorder->recording;
    recorder->ends_anyway = properties & CODE_ENDS_ANYWAY;
    if (recorder->ends_anyway && recording->watchpoint_count)
        recorder->core->engine.context_save(recorder->core->uc, recording->context);
    for (uint64_t i = 0; i < recording->watchpoint_count; i++)
        recording->watchpoints[i].before = recording->watchpoints[i].count;
    recorder->overwritten_count = 0;
    recorder->keeps_xmm = 0;
}

/* The engine writes the low half of an XMM register before it loads the high one. */
static void keep_xmm(struct recorder *recorder)
{
    struct core *core = recorder->core;
    if (recorder->keeps_xmm)
        return;
    core->engine.context_save(core->uc, core->context);
    for (size_t i = 0; i < 16; i++)
        memcpy(recorder->xmm[i], core->context + core->facts.xmm + i * core->facts.xmm_stride, 16);
    recorder->keeps_xmm = 1;
}

static void keep_bytes(struct recorder *recorder, uint64_t address, uint32_t size)
{
    if (recorder->overwritten_count == OVERWRITTEN_AT_MOST)
        return;
    struct overwritten *kept = &recorder->overwritten[recorder->overwritten_count++];
    kept->address = address;
    kept->size = (uint32_t)read_memory(recorder->core, address, kept->bytes, size);
}

void watch_access(struct recorder *recorder, uint64_t address, uint32_t size, uint32_t kind)
{
    struct recording *recording = recorder->recording;
    int stops = 0;
    if (kind == ACCESS_WRITE) /* also behind the stop: some instructions come to their end all the same */
        keep_bytes(recorder, address, size);
    if (recorder->core->state->reason != STOP_HALT)
        return;
    for (uint64_t i = 0; i < recording->watchpoint_count; i++) {
        struct watchpoint *point = &recording->watchpoints[i];
        if (!(point->kinds & 1u << kind))
            continue;
        if (kind == ACCESS_READ && size == 8 && covers(address + 8, 8, point))
            keep_xmm(recorder);
        if (!covers(address, size, point))
            continue;
        if (++point->count == point->stop_at) {
            point->hit = size;
            stops = 1;
        }
    }
    if (!stops)
        return;
    recorder->blocks_at_hit = recorder->core->state->blocks;
    recorder->budget_at_hit = recorder->core->withheld_budget;
    recorder_stop(recorder, recorder->current_rip);
}

static void undo_stores(struct recorder *recorder)
{
    while (recorder->overwritten_count) {
        struct overwritten const *kept = &recorder->overwritten[--recorder->overwritten_count];
        write_memory(recorder->core, kept->address, kept->bytes, kept->size);
    }
}

/* Those that the engine works out in one piece it ends all the same, and stops behind them. */
static void undo_whole_instruction(struct recorder *recorder)
{
    struct core *core = recorder->core;
    struct state *state = core->state;
    uint8_t const *context = recorder->recording->context;
    uint64_t cr2 = state->cr2;
    core->engine.context_restore(core->uc, recorder->recording->context);
    /* The state block has them of the context that the engine has left. */
    memcpy(&state->mxcsr, context + core->facts.mxcsr, sizeof state->mxcsr);
    for (size_t i = 0; i < 16; i++)
        memcpy(state->xmm[i], context + core->facts.xmm + i * core->facts.xmm_stride, 16);
    core->engine.reg_read_batch(core->uc, core->ids, core->values, REGISTERS);
    core->engine.reg_write(core->uc, core->facts.cr2_id, &cr2);
    state->rip = recorder->current_rip;
    state->blocks = recorder->blocks_at_hit;
    state->budget = recorder->budget_at_hit;
}

static void undo(struct recorder *recorder)
{
    struct state *state = recorder->core->state;
    undo_stores(recorder);
    if (recorder->ends_anyway) {
        undo_whole_instruction(recorder);
    } else if (recorder->keeps_xmm) {
        memcpy(state->xmm, recorder->xmm, sizeof state->xmm);
        state->request |= REQUEST_WRITE_EXTENDED;
    }
    recorder_take_back(recorder);
}

static int has_trapped(struct recorder const *recorder)
{
    struct state const *state = recorder->core->state;
    if (state->rip != recorder->current_rip)
        return has_jumped_nowhere(state);
    return (state->reason == STOP_INTERRUPT && state->vector != DEBUG_EXCEPTION) ||
           state->reason == STOP_INVALID_INSTRUCTION;
}

void watch_arrive(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
    struct state *state = recorder->core->state;
    int is_hit = 0;
    for (uint64_t i = 0; i < recording->watchpoint_count; i++)
        is_hit |= recording->watchpoints[i].hit != 0;
    if (!is_hit && !has_trapped(recorder))
        return;
    for (uint64_t i = 0; i < recording->watchpoint_count; i++)
        recording->watchpoints[i].count = recording->watchpoints[i].before;
    if (is_hit)
        undo(recorder);
    /* The engine computes the flags for the hook, and once more of the result. */
    state->rflags = (state->rflags & ~FLAGS_ARITHMETIC) | (recorder->flags & FLAGS_ARITHMETIC);
}
