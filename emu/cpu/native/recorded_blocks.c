/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks of the processor that is run again, by which its clock and budget count, beside the recorder's own. */
#include "recorder_state.h"

/* The hooks make the engine cut long blocks, and so does a stop of the recorder's: it has others than the processor that
   is run again, and goes on in one where that one began another. */
void recorder_begin_block(struct recorder *recorder, uint64_t address)
{
    uint64_t size = long_block_that_begins(recorder->core, address);
    recorder->block_begin = address;
    recorder->block_end = size ? address + size : recorder->engine_end;
}

static int begins_anew(struct recorder *recorder, uint64_t address)
{
    if (!recorder->wrote_code || address != recorder->current_rip)
        return 0;
    uint32_t properties = code_at(recorder, address, (uint32_t)recorder->current_size)->properties;
    return recorder_progress_of(recorder, properties) == recorder->progress;
}

/* Whether a block of the engine's that begins is only a part of one that has begun already. */
int recorder_is_cut(struct core *core, uint64_t address, uint64_t size)
{
    struct recorder *recorder = core->recorder;
    recorder->engine_begin = address;
    recorder->engine_end = address + size;
    if (recorder->resumes) {
        recorder->resumes = 0;
        return 0;
    }
    if (recorder->under_way) {
        if (address > recorder->block_begin && address < recorder->block_end &&
            address == recorder->current_rip + recorder->current_size)
            return 1;
        if (begins_anew(recorder, address) && !recorder->overwrote_block)
            return 1;
    }
    recorder_begin_block(recorder, address);
    return 0;
}

/* A store into its own block makes the engine begin anew, in a block that holds nothing else, and then another. Where it
   has written to the block of the processor that is run again and not to its own, these two are counted all the same. */
void recorder_note_store_to_code(struct recorder *recorder, uint64_t address, uint64_t size)
{
    recorder->wrote_code = 1;
    recorder->epoch++;
    if (recorder->overwrote_block || address >= recorder->block_end || address + size <= recorder->block_begin)
        return;
    recorder->overwrote_block = 1;
    if (address < recorder->engine_end && address + size > recorder->engine_begin)
        return;
    recorder->block_begin = recorder->current_rip;
    recorder->block_end = recorder->current_rip + recorder->current_size;
    if (recorder->core->withheld_budget)
        count_block(recorder->core);
}
