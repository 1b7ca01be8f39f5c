/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stops before the k-th access to a byte. The engine stops in the midst of the instruction, at a hook that is called before
   a store: the store is done all the same, and so are those before it, while no general register has changed. So the bytes
   are put back after the run, and the instruction is one that has not begun. */
#include "recorder_state.h"

#include <string.h>

static int covers(uint64_t address, uint64_t size, struct watchpoint const *point)
{
    return point->address - address < size;
}

void watch_instruction(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
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
    if (kind == ACCESS_WRITE)
        keep_bytes(recorder, address, size);
    if (stops)
        recorder_stop(recorder, recorder->current_rip);
}

void watch_undo(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
    struct state *state = recorder->core->state;
    for (uint64_t i = 0; i < recording->watchpoint_count; i++)
        recording->watchpoints[i].count = recording->watchpoints[i].before;
    if (state->reason != STOP_RECORDER)
        return;
    while (recorder->overwritten_count) {
        struct overwritten const *kept = &recorder->overwritten[--recorder->overwritten_count];
        write_memory(recorder->core, kept->address, kept->bytes, kept->size);
    }
    if (recorder->keeps_xmm) {
        memcpy(state->xmm, recorder->xmm, sizeof state->xmm);
        state->request |= REQUEST_WRITE_EXTENDED;
    }
}
