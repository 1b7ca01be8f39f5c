/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records instructions and memory accesses, on a processor that runs again what another one has run (emu/trace/replay.py).
   Hooks of the engine on all code and all data; they stay as long as the processor. */
#include "recorder_state.h"

#include <stdlib.h>
#include <string.h>

/* Accesses of one instruction: enter of 31 levels makes the most, 62; fxsave makes 55. */
#define ACCESSES_AT_MOST 128u

/* Instructions */

void recorder_take_back(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
    recording->position--;
    recorder->left++;
    recorder->under_way = 0;
    if (!recorder->current)
        return;
    recording->instruction_count--;
    if (recording->row_count && recording->row_instructions[recording->row_count - 1] ==
                                    recording->first_instruction + recording->instruction_count)
        recording->row_count--;
    recording->access_count = recorder->current->first_access - recording->first_access;
    recorder->current = NULL;
}

#define SHOWS_PROGRESS (CODE_REP | CODE_CALLS_ITSELF)

/* What another value of shows that an instruction which is about to begin has been done since: RCX of a rep, RSP of a
   call. No other one writes to memory and goes on with itself. */
uint64_t recorder_progress_of(struct recorder *recorder, uint32_t properties)
{
    struct core *core = recorder->core;
    uint64_t value = 0;
    if (properties & CODE_REP)
        core->engine.reg_read(core->uc, core->facts.rcx_id, &value);
    else if (properties & CODE_CALLS_ITSELF)
        core->engine.reg_read(core->uc, core->facts.register_ids[4], &value);
    return value;
}

/* Before an instruction the engine computes RFLAGS for the hook. Where it has made a note of that and a hook on memory, or
   of the instruction's own, is called then, it goes back to the note that it had before: it would compute them once more,
   of the result, for whoever asks next. So it gets them back. That happens where an instruction asks for them itself, or
   hands over to a helper or to the next block; not to one that begins a block, which has nothing computed. */
static void read_flags(struct recorder *recorder, uint32_t properties, uint64_t rip)
{
    struct core *core = recorder->core;
    recorder->forgets_flags = properties & CODE_FORGETS_FLAGS || (properties & CODE_REP && rip != recorder->engine_begin);
    if (recorder->forgets_flags || properties & CODE_MAY_CHANGE || recorder->recording->watches)
        core->engine.reg_read(core->uc, core->facts.register_ids[17], &recorder->flags);
}

static void write_flags(struct recorder *recorder)
{
    struct core *core = recorder->core;
    core->engine.reg_write(core->uc, core->facts.register_ids[17], &recorder->flags);
}

void recorder_gives_flags_back(struct recorder *recorder)
{
    if (recorder->forgets_flags)
        write_flags(recorder);
}

/* The engine has gone back to before a store into its own block. */
static void begin_anew(struct recorder *recorder)
{
    if (recorder->flags)
        write_flags(recorder);
    recorder_take_back(recorder);
}

/* The engine is at the same instruction again: returns whether it only looks once more at a rep whose count has come
   to 0. A store into its own block makes it begin the instruction anew, without having done it: that is taken back. */
__attribute__((noinline)) static int is_no_iteration(struct recorder *recorder, uint32_t properties)
{
    if (!(properties & CODE_REP) && !recorder->wrote_code)
        return 0;
    uint64_t progress = recorder_progress_of(recorder, properties);
    if (recorder->wrote_code && progress == recorder->progress)
        begin_anew(recorder);
    else if (properties & CODE_REP && progress == 0)
        return 1;
    recorder->progress = progress;
    return 0;
}

static int is_in_ranges(struct recording const *recording, uint64_t rip)
{
    for (uint64_t i = 0; i < recording->range_count; i++)
        if (rip >= recording->ranges[i].begin && rip < recording->ranges[i].end)
            return 1;
    return 0;
}

__attribute__((noinline)) static int passes_filter(struct recording *recording, uint64_t rip)
{
    if (rip == recording->begin_at)
        recording->active = 1;
    else if (rip == recording->end_before)
        recording->active = 0;
    return recording->active && (!recording->range_count || is_in_ranges(recording, rip));
}

void recorder_stop(struct recorder *recorder, uint64_t rip)
{
    struct core *core = recorder->core;
    keep_fault(core);
    core->state->reason = STOP_RECORDER;
    core->recorder_stopped_at = rip;
    core->engine.emu_stop(core->uc);
}

static void write_row(struct core *core, struct recording *recording)
{
    uint64_t *row = recording->registers[recording->row_count];
    recording->row_instructions[recording->row_count++] = recording->first_instruction + recording->instruction_count;
    void *to[REGISTERS];
    for (int i = 0; i < REGISTERS; i++)
        to[i] = &row[i];
    row[REGISTERS - 1] = 0; /* of RFLAGS the engine writes the lower half */
    core->engine.reg_read_batch(core->uc, core->facts.register_ids, to, REGISTERS);
}

__attribute__((noinline)) static void take_changes(struct recorder *recorder)
{
    if (recorder->changes & CODE_CHANGES_PRIVILEGE)
        recorder->is_user = is_user_mode(recorder->core);
    if (recorder->changes & CODE_CHANGES_PAGING) {
        recorder->epoch++;
        recorder_map_frames(recorder);
    }
    recorder->changes = 0;
}

static void on_instruction(void *uc, uint64_t rip, uint32_t size, void *user)
{
    struct recorder *recorder = user;
    struct core *core = recorder->core;
    struct recording *recording = recorder->recording;
    (void)uc;
    /* The hooks of a block whose own hook has stopped the run are still called. */
    if (core->state->reason != STOP_HALT || core->refused || core->translate_again)
        return;
    if (rip == recorder->block_end) {
        recorder_begin_block(recorder, rip);
        count_block(core);
        if (core->state->reason != STOP_HALT)
            return;
    }
    if (recorder->changes)
        take_changes(recorder);
    struct cached_code const *code = code_at(recorder, rip, size);
    if (rip == recorder->current_rip && recorder->under_way) {
        if (is_no_iteration(recorder, code->properties)) {
            recorder->looks = 1;
            return;
        }
    } else {
        recorder->progress = code->properties & SHOWS_PROGRESS ? recorder_progress_of(recorder, code->properties) : 0;
    }
    if (rip == recording->end_rip && core->state->blocks >= recording->end_blocks) {
        recorder_stop(recorder, rip);
        return;
    }
    if (!recorder->left || recording->access_room - recording->access_count < ACCESSES_AT_MOST || recording->failed) {
        recorder_stop(recorder, rip);
        return;
    }
    if (code->properties & CODE_BEGINS_BLOCK)
        recorder_begin_block(recorder, rip);
    recorder->flags = recorder->forgets_flags = 0;
    if (code->properties & (CODE_MAY_CHANGE | CODE_FORGETS_FLAGS | CODE_REP) || recording->watches)
        read_flags(recorder, code->properties, rip);
    recorder->left--;
    recorder->changes = code->properties & (CODE_CHANGES_PRIVILEGE | CODE_CHANGES_PAGING);
    recorder->current_rip = rip;
    recorder->current_size = size;
    recorder->swaps_bytes = code->properties & CODE_SWAPS_BYTES;
    recorder->under_way = 1;
    recorder->wrote_code = recorder->overwrote_block = recorder->looks = 0;
    if (recording->watches)
        watch_instruction(recorder, code->properties);
    uint64_t position = recording->position++;
    if (recording->filtered && !passes_filter(recording, rip)) {
        recorder->current = NULL;
        return;
    }
    struct instruction_record *record = &recording->instructions[recording->instruction_count];
    *record = (struct instruction_record){
        .rip = rip,
        .position = position,
        .first_access = recording->first_access + recording->access_count,
        .code = code->code,
        .size = (uint8_t)size,
        .flags = (uint8_t)((recorder->is_user ? INSTRUCTION_USER : 0u) |
                           (code->properties & CODE_REP ? INSTRUCTION_REP : 0u)),
    };
    if (recording->registers && (!recording->chosen_count || code->properties & CODE_IS_CHOSEN))
        write_row(core, recording);
    recording->instruction_count++;
    recorder->current = record;
}

/* Accesses */

static uint64_t keep_low_bytes(int64_t value, int size)
{
    return size >= 8 ? (uint64_t)value : (uint64_t)value & ((1ull << size * 8) - 1);
}

/* The engine makes two accesses of one that is wider than eight bytes. */
static int is_second_half(struct recorder *recorder, struct access_record const *first, uint64_t address, int size,
                          uint8_t kind)
{
    return first->kind == kind && first->size == 8 && first->address + 8 == address && (size == 8 || size == 2) &&
           !(code_at(recorder, recorder->current_rip, (uint32_t)recorder->current_size)->properties & CODE_KEEPS_HALVES);
}

/* Of movbe the engine reports what the register holds, not memory. */
static int64_t swap_bytes(int64_t value, int size)
{
    return (int64_t)(__builtin_bswap64((uint64_t)value) >> (64 - 8 * size));
}

static void record_access(struct recorder *recorder, uint64_t physical, int size, int64_t value, uint8_t kind)
{
    struct recording *recording = recorder->recording;
    struct instruction_record *instruction = recorder->current;
    uint64_t frame = frame_of(recorder, physical);
    uint64_t address = (frame & ~(uint64_t)(PAGE - 1)) | physical % PAGE;
    if (recording->watches)
        watch_access(recorder, address, (uint32_t)size, kind);
    if (kind && frame & FRAME_IS_CODE)
        recorder_note_store_to_code(recorder, address, (uint64_t)size);
    if (!instruction || recording->access_count == recording->access_room)
        return;
    if (recording->user_only && !(frame & FRAME_IS_USER))
        return;
    if (recorder->swaps_bytes)
        value = swap_bytes(value, size);
    struct access_record *access = &recording->accesses[recording->access_count];
    if (instruction->accesses && is_second_half(recorder, access - 1, address, size, kind)) {
        access[-1].high = keep_low_bytes(value, size);
        access[-1].size = (uint8_t)(8 + size);
        return;
    }
    *access = (struct access_record){
        .instruction = recording->first_instruction + recording->instruction_count - 1,
        .address = address,
        .low = keep_low_bytes(value, size),
        .size = (uint8_t)size,
        .kind = kind,
        .flags = frame & FRAME_IS_USER ? ACCESS_USER : 0,
    };
    instruction->accesses++;
    recording->access_count++;
}

static void on_read(void *uc, int type, uint64_t physical, int size, int64_t value, void *user)
{
    (void)uc, (void)type;
    record_access(user, physical, size, value, 0);
    recorder_gives_flags_back(user);
}

static void on_write(void *uc, int type, uint64_t physical, int size, int64_t value, void *user)
{
    (void)uc, (void)type;
    record_access(user, physical, size, value, 1);
    recorder_gives_flags_back(user);
}

/* Runs */

void recorder_leave(struct core *core, uint32_t request)
{
    struct recorder *recorder = core->recorder;
    struct recording const *recording = recorder->recording;
    uint64_t until_stop = recording->stop_position - recording->position;
    recorder->left = recording->instruction_room - recording->instruction_count;
    if (until_stop < recorder->left)
        recorder->left = until_stop;
    int remembers = !(request & (REQUEST_FLUSH_TLB | REQUEST_FLUSH_CODE)) && !core->state->paging_changed;
    recorder->epoch += !remembers;
    recorder->resumes = core->stands_at_recorder_stop && core->state->rip == core->recorder_stopped_at;
    if (recorder->resumes)
        return;
    core->runs++;
    recorder->current = NULL;
    /* An exact stop may come before such a look. */
    recorder->under_way = recorder->looks && core->stands_at_exact_stop;
    recorder->changes = CODE_CHANGES_PRIVILEGE | (remembers ? 0 : CODE_CHANGES_PAGING);
}

static void trap_current(struct recorder *recorder)
{
    struct recording *recording = recorder->recording;
    struct instruction_record *trapped = recorder->current;
    if (!trapped)
        return;
    trapped->flags |= INSTRUCTION_TRAPPED;
    for (uint64_t i = trapped->first_access - recording->first_access; i < recording->access_count; i++)
        recording->accesses[i].flags |= ACCESS_NOT_PERFORMED;
}

/* Whether the instruction that began last is the one at which the run has ended. */
void recorder_arrive(struct core *core)
{
    struct recorder *recorder = core->recorder;
    struct state const *state = core->state;
    uint64_t last_flags;
    memcpy(&last_flags, core->context + core->facts.last_flags, sizeof last_flags);
    recorder->recording->last_flags = last_flags;
    if (recorder->recording->watches && recorder->under_way)
        watch_arrive(recorder);
    if (recorder->under_way && has_jumped_nowhere(state))
        trap_current(recorder);
    if (!recorder->under_way || recorder->current_rip != state->rip)
        return;
    switch (state->reason) {
    case STOP_EXACT: /* it was about to begin */
        if (!recorder->looks)
            recorder_take_back(recorder);
        break;
    case STOP_INTERRUPT:
        if (state->vector == DEBUG_EXCEPTION)
            break;
        /* fall through */
    case STOP_INVALID_INSTRUCTION:
    case STOP_ENGINE_ERROR:
    case STOP_REFUSED_INSTRUCTION:
        trap_current(recorder);
        break;
    default:
        break;
    }
}

void recorder_destroy(struct recorder *recorder)
{
    if (!recorder)
        return;
    free(recorder->frames);
    free(recorder->code);
    free(recorder->slots);
    free(recorder);
}

/* Record from now on, and for good. Returns whether the engine took the hooks, and nobody records already. */
EXPORTED int core_record(struct core *core, struct recording *recording)
{
    struct recorder *recorder = core->recorder ? NULL : calloc(1, sizeof *recorder);
    if (!recorder)
        return 0;
    core->recorder = recorder;
    recorder->core = core;
    recorder->recording = recording;
    recorder->epoch = 1;
    recorder->frame_count = core->ram_size / PAGE;
    recorder->frames = calloc(recorder->frame_count, sizeof *recorder->frames);
    if (!recorder->frames || !recorder_grow_code(recorder))
        return 0;
    struct engine const *engine = &core->engine;
    struct engine_facts const *facts = &core->facts;
    uint64_t hook;
    core->state->request |= REQUEST_FLUSH_CODE;
    return engine->hook_add(core->uc, &hook, facts->hook_code, (void *)on_instruction, recorder, 1, 0) == 0 &&
           engine->hook_add(core->uc, &hook, facts->hook_memory_read, (void *)on_read, recorder, 1, 0) == 0 &&
           engine->hook_add(core->uc, &hook, facts->hook_memory_write, (void *)on_write, recorder, 1, 0) == 0;
}

EXPORTED uint32_t recording_layout(void) { return (uint32_t)sizeof(struct recording); }
